"""Inspecting: a model's probabilities of each note of a chorale, and its hidden units."""

import numpy as np
import numpy.typing as npt
import torch

from bachlit.encoding import SatbEncoding
from bachlit.errors import CheckpointError
from bachlit.models.language_model import LanguageModel, evaluating
from bachlit.music.chorale import VOICES, BoolArray, Chorale
from bachlit.music.keys import estimate_key, semitones_home
from bachlit.networks import FrameLSTM, Network

FloatArray = npt.NDArray[np.float64]


@torch.no_grad()
def pitch_probabilities(model: LanguageModel, chorale: Chorale) -> FloatArray:
    """Compute the probability of each pitch, given all that the model reads before it.

    A pitch has the probability of its onset and its hold together. What is no pitch and no rest (marks, which the
    grammar forbids there) is left out, so that the probabilities of a cell sum to 1.

    Args:
        model: Reads the chorale.
        chorale: Four voices, in any key.

    Returns:
        (T, 4, 128) by frame, voice (soprano, alto, tenor, bass) and MIDI pitch in the chorale's own key, 0 a rest.

    Raises:
        CheckpointError: If the model's tokens don't tell the voices apart.
        EncodingError: If a pitch has no token.

    >>> from bachlit.models.shipped import PRETRAINED
    >>> piece = Chorale.from_pitches([[67, 64, 60, 48]] * 8)
    >>> probabilities = pitch_probabilities(LanguageModel.load(PRETRAINED), piece)
    >>> probabilities.shape, bool(probabilities[7, 0, 67] > 0.5)  # seven sixteenths are followed by an eighth
    ((8, 4, 128), True)
    """
    encoding = model.voiced_encoding
    tokens, move = _read(model, encoding, chorale)
    with evaluating(model.network) as network:
        logits, _ = network(tokens[:, :-1], network.initial_memory(1))
    slots = logits[0, :-1].double().cpu().unflatten(0, (chorale.num_frames, encoding.frame_size))[:, 1:]  # (T, 4, V)
    voiced = torch.from_numpy(encoding.slot_tokens[1:])
    by_token = slots.masked_fill(~voiced, -torch.inf).softmax(-1).numpy()
    own = np.where(encoding.token_pitch > 0, encoding.token_pitch - move, 0)
    by_pitch = np.zeros((chorale.num_frames, len(VOICES), 128))
    columns = [VOICES.index(voice) for voice in encoding.order]
    for token in np.flatnonzero(encoding.slot_tokens[1:].any(0) & (own >= 0) & (own < 128)):
        by_pitch[:, columns, own[token]] += by_token[:, :, token]
    return by_pitch


@torch.no_grad()
def hidden_units(model: LanguageModel, chorale: Chorale, part: int = 0) -> FloatArray:
    """Read the network's memory after each frame, one column per unit.

    Of a network with several `views`, that of the piece's own key.

    It works with any network whose memory keeps its shape, since it goes frame by frame and looks at the memory between
    them. A `FrameLSTM` reads a frame's voices when the next one begins: what it holds then is the frame's mark and
    all before it.

    Args:
        model: Reads the chorale.
        chorale: Four voices, in any key.
        part: Which of the memory's tensors. A `TokenLSTM` has two: its outputs, between -1 and 1, and its cells.

    Returns:
        (T, H), the tensor's other dimensions in one; `unit_names` tells which is which.

    Raises:
        CheckpointError: If the model's tokens don't tell the voices apart, or the memory has no units in that part.
        EncodingError: If a pitch has no token.
    """
    encoding = model.voiced_encoding
    model = _in_one_key(model)
    shape = _unit_shape(model.network, part)
    tokens, _ = _read(model, encoding, chorale)
    rows = []
    with evaluating(model.network) as network:
        _, memory = network(tokens[:, :1], network.initial_memory(1))
        for frame in tokens[:, 1:-1].reshape(1, -1, encoding.frame_size).unbind(1):  # (1, 5) each
            _, memory = network(frame, memory)
            if memory[part].shape != (1, *shape):
                raise _without_units(network, part)
            rows.append(memory[part].flatten())
    units: FloatArray = torch.stack(rows).double().cpu().numpy()
    return units


def unit_names(model: LanguageModel, part: int = 0) -> list[str]:
    """Name each unit of `hidden_units` by its place in the memory's tensor, counted from 1.

    Raises:
        CheckpointError: If the network's memory has no such part, or no units in it.

    >>> from bachlit.networks import TokenLSTM
    >>> encoding = SatbEncoding()
    >>> unit_names(LanguageModel(TokenLSTM(encoding, layers=2, hidden=2), encoding))
    ['1.1', '1.2', '2.1', '2.2']
    """
    shape = _unit_shape(_in_one_key(model).network, part)
    return [".".join(str(number + 1) for number in index) for index in np.ndindex(*shape)]


def correlations(units: FloatArray, signal: npt.NDArray[np.generic]) -> FloatArray:
    """Correlate each unit (T, H) with a signal (T,), by Pearson; 0 if either is constant.

    >>> units = np.array([[0.0, 3.0, 1.0], [1.0, 2.0, 1.0], [2.0, 1.0, 1.0]])
    >>> correlations(units, np.array([False, False, True])).round(3).tolist()
    [0.866, -0.866, 0.0]
    """
    wanted = signal.astype(np.float64)
    wanted -= wanted.mean()
    centred = units - units.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0) * (wanted**2).sum())
    found: FloatArray = np.divide(wanted @ centred, spread, out=np.zeros(units.shape[1]), where=spread > 1e-12)
    return found


def telling_signal(chorale: Chorale) -> tuple[BoolArray, str]:
    """Choose a signal (T,) to compare units with, and its name: fermatas, or the soprano's onsets.

    >>> telling_signal(Chorale.from_pitches([[67, 64, 60, 48]] * 4))
    (array([ True, False, False, False]), 'the onsets of the soprano, since there are no fermatas')
    """
    fermatas = chorale.fermatas
    if fermatas.any() and not fermatas.all():
        return fermatas, "the fermatas"
    why = "all is under a fermata" if fermatas.any() else "there are no fermatas"
    return chorale.onsets[:, 0], f"the onsets of the soprano, since {why}"


def _in_one_key(model: LanguageModel) -> LanguageModel:
    """Rebuild a model with the same weights and one view."""
    network = model.network
    if not isinstance(network, FrameLSTM) or network.views.num == 1:
        return model
    single = type(network)(model.encoding, **{**network.config, "views": 1})
    single.load_state_dict(network.state_dict())
    return LanguageModel(single.to(model.device).train(network.training), model.encoding, model.keys)


def _unit_shape(network: Network, part: int) -> tuple[int, ...]:
    """Give the shape of a memory's tensor without its batch, which it must have: rows aren't units."""
    one, two = network.initial_memory(1), network.initial_memory(2)
    if 0 <= part < len(one):
        shape = tuple(one[part].shape[1:])
        if shape and one[part].shape[0] == 1 and two[part].shape == (2, *shape):
            return shape
    raise _without_units(network, part)


def _without_units(network: Network, part: int) -> CheckpointError:
    return CheckpointError(
        f"The memory of {type(network).__name__} has no units to look at in part {part}; expected a tensor (B, ..., H) "
        "of the same shape after each token; use another checkpoint."
    )


def _read(model: LanguageModel, encoding: SatbEncoding, chorale: Chorale) -> tuple[torch.Tensor, int]:
    """Encode a chorale in one of the model's keys: tokens (1, 5 T + 2), and the semitones of the move."""
    move = semitones_home(estimate_key(chorale.pitches, chorale.key)) if model.keys == "home" else 0
    tokens = torch.from_numpy(encoding.encode(chorale.transpose(move)))
    return tokens.unsqueeze(0).to(model.device), move
