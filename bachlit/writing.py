"""From prompts to chorales: moves them to the model's keys, decodes, and moves the result back."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from bachlit.chorale import RANGES, REST, VOICES, BoolArray, Chorale
from bachlit.decoding import Decoder, Generation, Grammar, RowGenerators, TokenPrompt
from bachlit.encoding import SatbEncoding
from bachlit.errors import CheckpointError, OptionError, PromptError
from bachlit.keys import Key, estimate_key, semitones_home
from bachlit.language_model import LanguageModel
from bachlit.prompt import Prompt
from bachlit.tokens import END

# The keys in which pieces are composed freely: those with at most four sharps or flats.
_HOME = (Key(0, "major"), Key(0, "minor"))
_DRAWN = tuple(Key(fifths, mode) for fifths in range(-4, 5) for mode in ("major", "minor"))


class Written:
    """A piece that a model wrote. No dataclass: Lightning takes those apart, and refuses frozen ones like a chorale.

    Attributes:
        chorale: The piece, given cells and metadata as they were.
        log_prob: The model's log-probability of the whole piece, given cells among it, in nats.
        score: The decoder's own.
    """

    def __init__(self, chorale: Chorale, log_prob: float, score: float) -> None:
        self.chorale, self.log_prob, self.score = chorale, log_prob, score


def write(model: LanguageModel, prompts: Sequence[Prompt], *, decoder: Decoder, seeds: Sequence[int]) -> list[Written]:
    """Fill the free cells of prompts, all at once.

    Args:
        model: Predicts the tokens.
        prompts: B pieces with given and free cells.
        decoder: Chooses the tokens.
        seeds: One a prompt; the same seed gives the same piece, whatever stands beside it.

    Returns:
        The pieces, in the prompts' order.

    Raises:
        PromptError: If a given note is out of its voice's range.
        DeadEndError: If the constraints leave nothing to choose.
    """
    encoding = _writing_encoding(model)
    moves, masks = [], []
    for prompt in prompts:
        into_range = _move_into_range(prompt)
        move = into_range
        if model.keys == "home":
            pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
            move = semitones_home(estimate_key(pitches, prompt.chorale.key))
        moves.append(move)
        ranges = {voice: (low + move - into_range, high + move - into_range) for voice, (low, high) in RANGES.items()}
        masks.append(encoding.allowed(prompt.chorale.transpose(move), prompt.given, ranges))
    keys = [prompt.chorale.key.transpose(move) for prompt, move in zip(prompts, moves, strict=True)]
    generation = _decode(model, encoding, masks, keys, decoder, seeds)
    pieces = []
    for row, (prompt, move) in enumerate(zip(prompts, moves, strict=True)):
        notes = encoding.decode(generation.tokens[row].numpy()).transpose(-move)
        chorale = dataclasses.replace(prompt.chorale, pitches=notes.pitches, onsets=notes.onsets)
        pieces.append(Written(chorale, float(generation.log_prob[row]), float(generation.score[row])))
    return pieces


def write_freely(
    model: LanguageModel, *, decoder: Decoder, seeds: Sequence[int], min_frames: int = 1, max_frames: int = 640
) -> list[Written]:
    """Compose pieces from nothing.

    Each is in a key that its seed draws. The model knows no bars: they are drawn in 4/4, with the pickup under
    which most fermatas begin on a strong beat.

    Args:
        model: Predicts the tokens.
        decoder: Chooses the tokens.
        seeds: One a piece.
        min_frames: No piece ends before so many sixteenths.
        max_frames: A piece that hasn't ended after so many sixteenths is ended there.

    Returns:
        As many pieces as there are seeds.
    """
    if not 1 <= min_frames <= max_frames or not seeds:
        raise OptionError(
            f"{len(seeds)} pieces of {min_frames} to {max_frames} sixteenths can't be written; expected at least 1 "
            "piece of at least 1 sixteenth, and the longest no shorter than the shortest."
        )
    encoding = _writing_encoding(model)
    mask = np.tile(encoding.slot_tokens, (max_frames + 1, 1))[: max_frames * encoding.frame_size + 1]
    mask[: min_frames * encoding.frame_size, END] = False
    mask[-1] = False
    mask[-1, END] = True
    keys = [_HOME[seed % 2] if model.keys == "home" else _DRAWN[_draw(seed, len(_DRAWN))] for seed in seeds]
    generation = _decode(model, encoding, [mask] * len(seeds), keys, decoder, seeds)
    pieces = []
    for row, (seed, key) in enumerate(zip(seeds, keys, strict=True)):
        notes = encoding.decode(generation.tokens[row].numpy())
        chorale = dataclasses.replace(
            notes,
            key=key if encoding.keys else estimate_key(notes.pitches),
            pickup=_likely_pickup(notes),
            title=f"Chorale {seed}",
            name=f"chorale-{seed}",
        )
        pieces.append(Written(chorale, float(generation.log_prob[row]), float(generation.score[row])))
    return pieces


def grammar_of(encoding: SatbEncoding) -> Grammar:
    """The encoding's grammar as a constraint on decoding."""
    return Grammar(
        torch.from_numpy(encoding.slot_tokens),
        torch.from_numpy(encoding.token_pitch),
        torch.from_numpy(encoding.token_holds),
    )


def _decode(
    model: LanguageModel,
    encoding: SatbEncoding,
    masks: Sequence[BoolArray],
    keys: Sequence[Key],
    decoder: Decoder,
    seeds: Sequence[int],
) -> Generation:
    """Decode masks (N, V) of any lengths as one batch, the shorter ones filled with END."""
    allowed = torch.zeros(len(masks), max(len(mask) for mask in masks), encoding.vocabulary_size, dtype=torch.bool)
    allowed[:, :, END] = True
    for row, mask in enumerate(masks):
        allowed[row, : len(mask)] = torch.from_numpy(mask)
    start = torch.tensor([encoding.start(key) for key in keys])
    training = model.network.training
    model.network.eval()  # no dropout, and no statistics of what is only being written
    try:
        generation = decoder.decode(model, TokenPrompt(allowed, grammar_of(encoding), start), RowGenerators(seeds))
    finally:
        model.network.train(training)
    return dataclasses.replace(generation, tokens=generation.tokens.cpu())


def _draw(seed: int, num: int) -> int:
    return int(np.random.default_rng(seed % 2**63).integers(num))


def _writing_encoding(model: LanguageModel) -> SatbEncoding:
    if not isinstance(model.encoding, SatbEncoding):
        raise CheckpointError(
            f"A model in {type(model.encoding).__name__} can be scored but can't write, since its tokens don't tell "
            "the voices apart; use one trained with SatbEncoding."
        )
    return model.encoding


def _move_into_range(prompt: Prompt) -> int:
    """The smallest move, of at most six semitones, that brings every given voice into its range.

    Raises:
        PromptError: If there is none, or nothing is given that sounds in a voice that is given whole.
    """
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    compasses = {}
    for column, voice in enumerate(VOICES):
        sounding = pitches[:, column][pitches[:, column] != REST]
        if sounding.size:
            compasses[voice] = (int(sounding.min()), int(sounding.max()))
    if not compasses and prompt.given.all(axis=0).any():
        raise PromptError(
            f"The voice that {prompt.chorale.name or 'the prompt'} gives only rests; expected a melody in it. Name the "
            "voice that the melody is in."
        )
    for move in sorted(range(-6, 7), key=abs):
        if all(
            RANGES[voice][0] <= low + move <= high + move <= RANGES[voice][1]
            for voice, (low, high) in compasses.items()
        ):
            return move
    voice, (low, high) = next(
        (voice, compass)
        for voice, compass in compasses.items()
        if compass[0] < RANGES[voice][0] or compass[1] > RANGES[voice][1]
    )
    raise PromptError(
        f"The {voice} of {prompt.chorale.name or 'the prompt'} goes from {_name(low)} to {_name(high)}; expected "
        f"{_name(RANGES[voice][0])} to {_name(RANGES[voice][1])}, or at most six semitones off. Transpose it, or "
        "give it to another voice."
    )


def _name(pitch: int) -> str:
    """A pitch as people write it: 60 is C4."""
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    return f"{names[pitch % 12]}{pitch // 12 - 1}"


def _likely_pickup(chorale: Chorale) -> int:
    """No pickup or one of a quarter, whichever lets more fermatas begin on beats one and three."""
    begins = np.flatnonzero(chorale.fermatas & ~np.concatenate([[False], chorale.fermatas[:-1]]))
    return 4 if ((begins - 4) % 8 == 0).sum() > (begins % 8 == 0).sum() else 0
