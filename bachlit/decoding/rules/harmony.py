"""Rules of harmony: the key, and the final chord."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Rule
from bachlit.decoding.rules.grid import Grid
from bachlit.decoding.rules.position import Position

OCTAVE, FIFTH = 12, 7


@dataclass(frozen=True)
class InKey(Rule):
    """All notes belong to the key; in minor, so do the raised sixth and seventh, and in church modes their own notes.

    Dorian, phrygian, aeolian and locrian count as minor, lydian and mixolydian as major.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    steady = True
    scales: ClassVar[tuple[tuple[int, ...], tuple[int, ...]]] = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 9, 10, 11))

    def breaches(self, position: Position) -> Tensor:
        """Mark notes foreign to the key in force."""
        tonic, minor, sharps = position.grid.key_at(position.frame).unbind(1)
        pitch = position.pitch
        degree = (pitch - tonic[:, None, None]) % OCTAVE  # (B, 1, V)
        scales = [torch.isin(degree, torch.tensor(scale, device=degree.device)) for scale in self.scales]
        own = torch.where(minor[:, None, None] == 1, scales[1], scales[0]) | in_scale(pitch, sharps[:, None, None])
        return ~own & ~position.rests


@dataclass(frozen=True)
class FinalTonic(Rule):
    """The piece ends on the tonic triad over its root; minor may end in major.

    The end is that of what is played last, be it a fine or the last ending, in the key in force there.

    The bass has the root from the onset of the last given note on, the other voices have chord tones at least in the
    last sixteenths. Where a given voice ends on another note, the rule doesn't apply.

    Args:
        weight: Nats per breach; infinite forbids it.
        sixteenths: Least length of the chord.
    """

    sixteenths: int = 4
    steady = True

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Where the piece ends, unless a given voice ends otherwise."""
        rows = torch.arange(len(grid.end), device=grid.end.device)
        given, tonic, minor = grid.given[rows, grid.end - 1], grid.tonic, grid.minor  # (B, 4), (B,), (B,)
        fits = torch.stack([_belongs(pitch, tonic, minor, voice) for voice, pitch in enumerate(given.t())], 1)
        return grid.ends & (fits | (given <= 0)).all(1)[:, None]

    def breaches(self, position: Position) -> Tensor:
        """Mark notes outside the tonic triad."""
        tonic, minor = position.grid.tonic[:, None, None], position.grid.minor[:, None, None]
        return ~_belongs(position.pitch, tonic, minor, position.voice) & ~position.rests


def _belongs(pitch: Tensor, tonic: Tensor, minor: Tensor, voice: int | None) -> Tensor:
    """Mask pitches of the tonic triad; in the bass, of its root."""
    degree = (pitch - tonic) % OCTAVE
    upper = (degree == FIFTH) | (degree == 4) | ((degree == 3) & minor)
    return degree == 0 if voice == 3 else (degree == 0) | upper


def in_scale(pitch: Tensor, sharps: Tensor) -> Tensor:
    """Check whether pitches are in the scale of a signature: F to B on the circle of fifths, moved by it."""
    return (FIFTH * pitch - sharps + 1) % OCTAVE < 7
