"""Rules of part-writing: what `bachlit.metrics.rules` counts, as rules to decode under.

A test checks that rules and counters agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Relation, RelationRule, Reward, Rule
from bachlit.decoding.rules.grid import FREE, Grid
from bachlit.decoding.rules.position import Candidates, Position, leaves, neighbours, silences

OCTAVE, FIFTH = 12, 7
_OPEN, _UNISON, _FIFTH, _SILENT = 0, 1, 2, 3  # intervals; octaves count as unisons
_INTERVALS, _STEP = 4, 2


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
        voices = [voice for voice in position.others if position.known[voice]]
        if not voices:
            return position.nothing
        before = [self._parallels(position, *pitches, voices) for pitches in position.neighbouring(*voices)]
        return reduce(torch.add, before) if len(before) > 1 else before[0]

    def _parallels(self, position: Position, there: Tensor, each: Sequence[Tensor], voices: Sequence[int]) -> Tensor:
        """Count parallels (B, K, V) of a voice with others between this frame and a neighbouring one.

        Which of the two comes first doesn't matter.
        """
        assert position.voice is not None
        own, now = each[position.voice], position.sounding
        if len(voices) == 1:
            there, now = each[voices[0]].unsqueeze(2), position.sung[voices[0]].unsqueeze(2)
        interval = position.pair(own.unsqueeze(2), there, intervals).masked_fill(there == now, _SILENT)
        index = torch.add(interval, now, alpha=_INTERVALS)
        parallel = position.look_up(index, _parallels).unbind(2)  # (B, K, V) each
        found = parallel if len(voices) == 1 else [parallel[voice] for voice in voices]
        if self.similar_only:
            steps = (now - there).sign().unbind(2)
            steps = steps if len(voices) == 1 else tuple(steps[voice] for voice in voices)
            own_step = (position.pitch - own.unsqueeze(2)).sign()
            found = [mask & (own_step == step.unsqueeze(2)) for mask, step in zip(found, steps, strict=True)]
        return position.total(found) * position.look_up(own, leaves)


@dataclass(frozen=True)
class NoHidden(Rule):
    """No hidden fifths or octaves: outer voices in similar motion into one while the soprano leaps.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def applies(self, grid: Grid, voice: int | None) -> Tensor | None:
        """Where a given soprano leaps, or another may."""
        soprano = torch.nn.functional.pad(grid.given[..., 0], (1, 1))
        steps = soprano.diff(dim=1)  # (B, T + 1) to each frame from the one before
        leaps = (steps.abs() > _STEP) | (soprano[:, 1:] == FREE) | (soprano[:, :-1] == FREE)
        return leaps[:, :-1] | leaps[:, 1:] | (grid.jumps >= 0).flatten(1).any(1, keepdim=True)

    def breaches(self, position: Position) -> Tensor:
        """Mark hidden fifths and octaves of the outer voices."""
        if position.voice not in (0, 3) or not position.known[3 - position.voice]:
            return position.nothing
        upper, other = position.voice == 0, 3 - position.voice
        now, found = position.sung[other], []
        for index, (_, pitches) in enumerate(position.neighbouring(other)):
            own, there = pitches[position.voice], pitches[other]
            interval = position.pair(own, there, intervals)
            table = _reaches if index < len(position.before) else _leaves_for
            perfect = position.look_up(torch.add(interval, now, alpha=_INTERVALS), table)
            found.append(perfect & self._similar(position, own, now - there, upper))
        return position.total(found)

    @staticmethod
    def _similar(position: Position, own: Tensor, step: Tensor, upper: bool) -> Tensor:
        """Mask candidates that lie from the voice's own pitch as the other voice moves, if the soprano leaps."""
        away = step.sign() if upper else torch.where(step.abs() > _STEP, step.sign(), 0)
        return position.look_up(own * 3 + away + 1, _away, _STEP if upper else 0)


@dataclass(frozen=True)
class NoCrossing(RelationRule):
    """No voice crosses its lower neighbour.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def relations(self, voice: int) -> Iterable[Relation]:
        """Neighbours that the candidate crosses."""
        return [Relation(other, True, beyond, (side,)) for other, side in neighbours(voice)]

    def dooms(self, position: Position) -> Tensor | None:
        """Mark candidates that leave no room for a voice between."""
        assert position.voice is not None
        total: Tensor | None = None
        for voice in range(4):
            between = range(min(voice, position.voice) + 1, max(voice, position.voice))
            if between and position.known[voice]:
                pitch = position.sung[voice]
                for other in between:
                    if position.known[other]:  # where it rests, there is none between
                        pitch = pitch.masked_fill(position.now[..., other] == 0, 0)
                doomed = position.against(pitch, beyond, 1 if position.voice > voice else -1)
                total = doomed if total is None else total | doomed
        return total


@dataclass(frozen=True)
class NoOverlap(RelationRule):
    """No voice goes below its lower neighbour's previous note, or above its upper neighbour's.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def relations(self, voice: int) -> Iterable[Relation]:
        """Neighbours whose previous or next note the candidate crosses."""
        return [Relation(other, False, beyond, (side,)) for other, side in neighbours(voice)]


@dataclass(frozen=True)
class Spacing(RelationRule):
    """Soprano and alto, and alto and tenor, are at most an octave apart.

    Args:
        weight: Nats per breach; infinite forbids it.
        widest: Largest distance in semitones.
    """

    widest: int = OCTAVE

    def relations(self, voice: int) -> Iterable[Relation]:
        """Upper neighbours further away than an octave."""
        pairs = [(other, side) for other, side in neighbours(voice) if max(other, voice) < 3]
        return [Relation(other, True, _wide, (side, self.widest)) for other, side in pairs]


@dataclass(frozen=True)
class LargestLeap(RelationRule):
    """No voice leaps by more than an octave, or a given interval.

    Args:
        weight: Nats per breach; infinite forbids it.
        semitones: Largest leap.
    """

    semitones: int = OCTAVE

    def relations(self, voice: int) -> Iterable[Relation]:
        """Leaps that are too large."""
        return [Relation(voice, False, _leaps, (self.semitones,))]


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

    steady = True

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Where not all given voices rest."""
        return ~silences(grid)

    def breaches(self, position: Position) -> Tensor:
        """Mark rests."""
        return position.rests


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


def beyond(own: Tensor, other: Tensor, side: int) -> Tensor:
    """Check whether a pitch lies beyond another one: above it (side 1) or below (-1)."""
    return (own - other) * side > 0


def _wide(own: Tensor, other: Tensor, side: int, widest: int) -> Tensor:
    return (other - own) * side > widest


def _leaps(own: Tensor, other: Tensor, semitones: int) -> Tensor:
    return (own - other).abs() > semitones


def intervals(pitch: Tensor, other: Tensor) -> Tensor:
    """Interval between two pitches: open, a unison or octaves, fifths, or none where one rests."""
    distance = (pitch - other).abs() % OCTAVE
    interval = torch.where(distance == 0, _UNISON, torch.where(distance == FIFTH, _FIFTH, _OPEN))
    return torch.where((pitch > 0) & (other > 0), interval, _SILENT)


def _parallels(candidates: Candidates) -> Tensor:
    """Mask (512, V) of candidates in the same perfect interval to a pitch as before, by pitch and interval before."""
    after = intervals(candidates.pitch, candidates.pitches).unsqueeze(1)  # (128, 1, V)
    before = torch.arange(_INTERVALS, device=after.device)[:, None]
    return ((after == before) & ((before == _UNISON) | (before == _FIFTH))).flatten(0, 1)


def _reaches(candidates: Candidates) -> Tensor:
    """Mask (512, V) of candidates in another perfect interval to a pitch than before, likewise."""
    after = intervals(candidates.pitch, candidates.pitches).unsqueeze(1)
    before = torch.arange(_INTERVALS, device=after.device)[:, None]
    return (((after == _UNISON) | (after == _FIFTH)) & (after != before) & (before != _SILENT)).flatten(0, 1)


def _leaves_for(candidates: Candidates) -> Tensor:
    """Mask (512, V) of candidates in another interval to a pitch than the perfect one after."""
    before = intervals(candidates.pitch, candidates.pitches).unsqueeze(1)
    after = torch.arange(_INTERVALS, device=before.device)[:, None]
    return (((after == _UNISON) | (after == _FIFTH)) & (after != before) & (before != _SILENT)).flatten(0, 1)


def _away(candidates: Candidates, least: int) -> Tensor:
    """Mask (384, V) of candidates more than some semitones below a pitch, nowhere, or above it."""
    step = (candidates.pitch - candidates.pitches).unsqueeze(1)  # (128, 1, V)
    sides = torch.tensor([-1, 0, 1], device=step.device)[:, None]
    return (step * sides > least).flatten(0, 1)
