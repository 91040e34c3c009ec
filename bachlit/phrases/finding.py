"""Phrase finder: the shipped networks and the decoder, asked for a tune's phrase ends."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from bachlit.errors import CheckpointError
from bachlit.files.writing import write_whole
from bachlit.music.chorale import Chorale, Voice
from bachlit.music.phrase_marks import MarkKind, PhraseMark
from bachlit.phrases.decoding import PhraseLengths
from bachlit.phrases.features import features_of
from bachlit.phrases.line import Floats, Line, line_of
from bachlit.phrases.network import PhraseNetwork

SHIPPED = Path(__file__).parents[1] / "pretrained" / "phrases"
"""Folder of the weights that ship, with their model card."""

WEIGHTS = "phrases.safetensors"

_LENGTHS = "lengths"  # beside the networks' weights

_EVIDENCE: dict[MarkKind, float] = {
    **{"comma": 1.5, "stop": 3.0, "breath": 4.0, "slur": 0.5, "double bar": 2.5},
    "line": 0.0,  # may be where a page was full; and folk songs in ABC are judged by their lines
}
"""Odds that each mark adds, in nats."""


class PhraseEnd(NamedTuple):
    """Frame at which a phrase's last note begins, and the network's probability of it.

    Attributes:
        frame: Where the note begins.
        probability: From 0 to 1.
    """

    frame: int
    probability: float


class PhraseFinder:
    """Networks whose odds are averaged, and a decoder that knows how long phrases are.

    Args:
        networks: Of one architecture.
        lengths: What is expected of phrases' lengths.
    """

    def __init__(self, networks: Sequence[PhraseNetwork], lengths: PhraseLengths | None = None) -> None:
        self.networks = [network.eval() for network in networks]
        self.lengths = PhraseLengths() if lengths is None else lengths

    @torch.no_grad()
    def logits(self, line: Line) -> Floats:
        """Compute each note's odds to end a phrase, in nats, (N,)."""
        features = torch.from_numpy(features_of(line)).unsqueeze(0)
        length = torch.tensor([line.num_notes])
        heard = torch.stack([network(features, length)[0] for network in self.networks])
        mean: Floats = heard.mean(0).double().numpy()
        return mean

    def ends(self, line: Line) -> npt.NDArray[np.bool_]:
        """Find the last note of each phrase, (N,)."""
        return self.lengths.divide(line, self.logits(line))

    def find(self, chorale: Chorale, voice: Voice = "soprano", marks: Iterable[PhraseMark] = ()) -> list[PhraseEnd]:
        """Find the phrase ends of a voice.

        Args:
            chorale: With the tune in one of its voices; fermatas aren't heeded.
            voice: Which one.
            marks: Signs in its score.

        Returns:
            The end of each phrase in order; the last is the tune's.

        Raises:
            ChoraleError: If the voice never sounds.
        """
        line = line_of(chorale, voice)
        logits = self.logits(line) + _evidence(line, marks)
        odds = 1 / (1 + np.exp(-logits))
        found = np.flatnonzero(self.lengths.divide(line, logits))
        return [PhraseEnd(int(line.frames[note]), float(odds[note])) for note in found]

    def save(self, folder: str | Path) -> None:
        """Write the weights, and what is expected of phrases' lengths, into a folder."""
        weights = {
            f"{index}.{name}": part.to(torch.float16).contiguous()
            for index, network in enumerate(self.networks)
            for name, part in network.state_dict().items()
        }
        weights[_LENGTHS] = torch.tensor(astuple(self.lengths), dtype=torch.float64)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / WEIGHTS, save(weights))

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> "PhraseFinder":
        """Load the weights of a folder.

        Raises:
            CheckpointError: If there are none, or they don't fit.
        """
        path = Path(folder) / WEIGHTS
        try:
            weights = {name: part.float() for name, part in load_file(path).items()}
            lengths = PhraseLengths(*weights.pop(_LENGTHS).tolist())
            number = len({name.split(".", 1)[0] for name in weights})
            hidden = len(weights["0.heard.1.bias"])
            networks = [PhraseNetwork(hidden) for _ in range(number)]
            for index, network in enumerate(networks):
                own = {name.split(".", 1)[1]: part for name, part in weights.items() if name.startswith(f"{index}.")}
                network.load_state_dict(own)
        except (OSError, SafetensorError, RuntimeError, LookupError, TypeError) as error:
            raise CheckpointError(
                f"{path} holds no weights of a phrase finder ({type(error).__name__}); expected those of this bachlit; "
                "make them with python -m bachlit.phrases."
            ) from error
        return cls(networks, lengths)


@cache
def shipped() -> PhraseFinder:
    """Load the finder that ships, once."""
    return PhraseFinder.load()


def phrase_ends(chorale: Chorale, voice: Voice = "soprano", marks: Iterable[PhraseMark] = ()) -> list[int]:
    """Find the frames at which the last notes of a tune's phrases begin, by what ships.

    Args:
        chorale: Holds the tune.
        voice: The voice that has it.
        marks: Slurs, breaths and the like of the score, which say more.

    >>> notes = (60, 62, 64, 65, 67, 69, 67, 67, 69, 67, 65, 64, 62, 64, 60, 60)
    >>> phrase_ends(Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in notes for _ in range(4)]))
    [24, 56]
    """
    return [end.frame for end in shipped().find(chorale, voice, marks)]


def _evidence(line: Line, marks: Iterable[PhraseMark]) -> Floats:
    """Odds (N,) that marks add to the note before each."""
    evidence = np.zeros(line.num_notes)
    for frame, kind in marks:
        note = int(np.searchsorted(line.frames, frame)) - 1
        if note >= 0:
            evidence[note] += _EVIDENCE[kind]
    return evidence
