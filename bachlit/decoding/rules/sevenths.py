"""Sevenths: they step down."""

from dataclasses import dataclass
from functools import cache, reduce

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Rule
from bachlit.decoding.rules.grid import Grid
from bachlit.decoding.rules.position import Candidates, Position

_STEP, _OCTAVE = 2, 12

# Semitones above the root, with the seventh last. A seventh chord may lack its fifth.
_CHORDS = (
    (0, 4, 7, 10),
    (0, 4, 10),
    (0, 3, 7, 10),
    (0, 3, 10),
    (0, 3, 6, 10),
    (0, 3, 6, 9),
    (0, 4, 7, 11),
    (0, 4, 11),
    (0, 3, 7, 11),
)


@dataclass(frozen=True)
class Sevenths(Rule):
    """The seventh of a chord stays or steps down; a given melody's note that doesn't is no seventh on a beat.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that leave a seventh otherwise, and those that make one of a melody's note."""
        assert position.voice is not None
        before = position.before[0]  # (B, K, 4)
        tones = position.pair(position.neighbouring()[0][0], _lowest(before), _bits).unbind(2)  # above the bass
        sevenths = position.once(_sevenths, lambda: _sevenths().to(before.device))
        sung = (sevenths[0][reduce(torch.bitwise_or, tones)] & tones[position.voice]) != 0  # (B, K)
        left = position.against(position.sung_before[position.voice] * sung, _leaves)
        made = self._makes_one(position, sevenths)
        return left if made is None else left.long() + made.long()

    def _makes_one(self, position: Position, sevenths: Tensor) -> Tensor | None:
        """Mask (B, K, V) of the last voice's notes that make the melody's note an unresolved seventh."""
        grid = position.grid
        last = [voice for voice in grid.voices if voice is not None][-1]
        bound, somewhere = position.once(_bound, lambda: _bound(grid))
        if position.voice != last or position.voice == 0 or not somewhere[min(position.frame, len(somewhere) - 1)]:
            return None
        others = torch.stack([position.sung[voice] for voice in position.others], 2)
        lowest = _lowest(others).squeeze(2)  # (B, K)
        tones = position.pair(others, torch.zeros_like(others), _bits).unbind(2)  # above C
        chord = reduce(torch.bitwise_or, tones).unsqueeze(2) | position.once_of(_tones)  # (B, K, V)
        found = sevenths[position.look_up(lowest, _basses), chord]
        return position.at(bound) & ((found & tones[0].unsqueeze(2)) != 0) & ~position.rests


def _lowest(pitches: Tensor) -> Tensor:
    """Lowest pitch (..., 1) that sounds, of pitches (..., 4); 127 if none does."""
    return pitches.masked_fill(pitches <= 0, 127).amin(-1, keepdim=True)


def _leaves(own: Tensor, before: Tensor) -> Tensor:
    """Check whether a pitch neither stays nor steps down."""
    return (own > before) | (own < before - _STEP)


def _bits(pitch: Tensor, bass: Tensor) -> Tensor:
    """Pitch class above a bass, as a bit; 0 for a rest."""
    return torch.where(pitch > 0, 1 << ((pitch - bass) % _OCTAVE), 0)


def _tones(candidates: Candidates) -> Tensor:
    """Pitch class of each candidate, as a bit (V,)."""
    return _bits(candidates.pitch, torch.zeros_like(candidates.pitch))


def _basses(candidates: Candidates) -> Tensor:
    """Pitch class (128, V) of the lower one of a pitch and a candidate that sounds."""
    lower = (candidates.pitch > 0) & (candidates.pitch < candidates.pitches)
    return torch.where(lower, candidates.pitch, candidates.pitches) % _OCTAVE


def _bound(grid: Grid) -> tuple[Tensor, list[bool]]:
    """Mask (B, T) of beats with a melody's note that neither stays nor steps down, and in which frames there are."""
    bound = (grid.beats == 0) & (grid.leads != 0) & (grid.leads != -1) & (grid.leads != -2)
    return bound, bound.any(0).tolist()


@cache
def _sevenths() -> Tensor:
    """Seventh of each set of pitch classes over each bass, as bits (12, 4096); 0 where there is none."""
    above = torch.zeros(1 << _OCTAVE, dtype=torch.long)
    for chord in _CHORDS:
        for root in range(_OCTAVE):
            tones = [(root + tone) % _OCTAVE for tone in chord]
            if 0 in tones and len(set(tones)) == len(chord):
                above[sum(1 << tone for tone in tones)] = 1 << tones[-1]
    sets, bass = torch.arange(1 << _OCTAVE), torch.arange(_OCTAVE).unsqueeze(1)
    return _turned(above[_turned(sets, _OCTAVE - bass)], bass)


def _turned(bits: Tensor, steps: Tensor) -> Tensor:
    """Transpose sets of pitch classes."""
    return ((bits << steps) | (bits >> (_OCTAVE - steps))) & ((1 << _OCTAVE) - 1)
