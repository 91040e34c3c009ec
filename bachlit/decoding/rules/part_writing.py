"""Rules of part-writing: what `bachlit.metrics.rules` counts, as rules to decode under.

A test checks that rules and counters agree.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Position, Reward, Rule

OCTAVE, FIFTH = 12, 7


@dataclass(frozen=True)
class NoParallels(Rule):
    """No parallel fifths, octaves or unisons between two voices.

    Args:
        weight: Nats per breach; infinite forbids it.
        similar_only: Ignore contrary motion (from a fifth to a twelfth).
    """

    similar_only: bool = False

    def breaches(self, position: Position) -> Tensor:
        """Count parallel fifths and octaves with each other voice."""
        return position.pairs(self._breaks)

    def _breaks(self, own_before: Tensor, own: Tensor, other_before: Tensor, other: Tensor) -> Tensor:
        before, after = (own_before - other_before).abs() % OCTAVE, (own - other).abs() % OCTAVE
        both_move = (own != own_before) & (other != other_before)
        parallel = both_move & (before == after) & ((after == FIFTH) | (after == 0))
        if self.similar_only:
            parallel = parallel & ((own - own_before).sign() == (other - other_before).sign())
        return parallel


@dataclass(frozen=True)
class NoHidden(Rule):
    """No hidden fifths or octaves: outer voices in similar motion into one while the soprano leaps.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark hidden fifths and octaves of the outer voices."""
        if position.voice not in (0, 3):
            return torch.zeros(1, device=position.pitch.device)
        return position.pairs(self._soprano if position.voice == 0 else self._bass, 3 - position.voice)

    def _soprano(self, own_before: Tensor, own: Tensor, other_before: Tensor, other: Tensor) -> Tensor:
        before, after = (own_before - other_before).abs() % OCTAVE, (own - other).abs() % OCTAVE
        same_way = (own - own_before) * (other - other_before) > 0
        return same_way & ((own - own_before).abs() > 2) & (before != after) & ((after == FIFTH) | (after == 0))

    def _bass(self, own_before: Tensor, own: Tensor, other_before: Tensor, other: Tensor) -> Tensor:
        return self._soprano(other_before, other, own_before, own)


@dataclass(frozen=True)
class NoCrossing(Rule):
    """No voice crosses its lower neighbour.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Count the neighbours that the candidate crosses."""
        return position.distances(lambda beyond: beyond > 0)

    def dooms(self, position: Position) -> Tensor | None:
        """Mark candidates that leave no room for a voice between."""
        assert position.voice is not None
        total: Tensor | None = None
        for voice in range(4):
            between = list(range(min(voice, position.voice) + 1, max(voice, position.voice)))
            if between:
                other = position.now[..., voice, None]
                beyond = (position.pitch - other) * (position.voice - voice) > 0
                doomed = (
                    beyond & (other > 0) & ~position.rests & (position.now[..., between] != 0).all(-1, keepdim=True)
                )
                total = doomed if total is None else total | doomed
        return total


@dataclass(frozen=True)
class NoOverlap(Rule):
    """No voice goes below its lower neighbour's previous note, or above its upper neighbour's.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Count overlaps with the neighbours' previous and next notes."""
        return position.distances(lambda beyond: beyond > 0, *position.before, *position.later)


@dataclass(frozen=True)
class Spacing(Rule):
    """Soprano and alto, and alto and tenor, are at most an octave apart.

    Args:
        weight: Nats per breach; infinite forbids it.
        widest: Largest distance in semitones.
    """

    widest: int = OCTAVE

    def breaches(self, position: Position) -> Tensor:
        """Count upper neighbours further away than an octave."""
        return position.distances(lambda beyond: -beyond > self.widest, voices=range(3))


@dataclass(frozen=True)
class LargestLeap(Rule):
    """No voice leaps by more than an octave, or a given interval.

    Args:
        weight: Nats per breach; infinite forbids it.
        semitones: Largest leap.
    """

    semitones: int = OCTAVE

    def breaches(self, position: Position) -> Tensor:
        """Mark leaps that are too large."""
        return position.melody(lambda before, after: (after - before).abs() > self.semitones)


@dataclass(frozen=True)
class Ranges(Rule):
    """Every voice stays in its range of MIDI pitches.

    Where a given voice is outside its range, all ranges are shifted by the least that brings it in.

    Args:
        weight: Nats per breach; infinite forbids it.
        soprano: Lowest and highest pitch; Bach's own compass by default.
        alto: Likewise.
        tenor: Likewise.
        bass: Likewise.
    """

    soprano: tuple[int, int] = (57, 81)
    alto: tuple[int, int] = (53, 74)
    tenor: tuple[int, int] = (48, 69)
    bass: tuple[int, int] = (36, 64)
    steady = True

    def breaches(self, position: Position) -> Tensor:
        """Mark notes outside the voice's range."""
        lowest, highest = (self.soprano, self.alto, self.tenor, self.bass)[position.voice or 0]
        sounding = position.pitch - position.grid.shift[:, None, None]
        return ((sounding < lowest) | (sounding > highest)) & ~position.rests


@dataclass(frozen=True)
class Sounding(Rule):
    """No voice rests while a given voice sounds; where none is given, no voice rests.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark rests while a given voice sounds."""
        return position.rests & ~position.silent


@dataclass(frozen=True)
class Attack(Reward):
    """Note onsets. With a negative weight this rewards movement, against a beam's bias for long notes.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass.
    """

    steady = True

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that begin."""
        return ~position.holds & ~position.rests
