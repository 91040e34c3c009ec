"""Rules of motion: what a moving voice earns, and what it doesn't."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Reward, Rule
from bachlit.decoding.rules.grid import Grid
from bachlit.decoding.rules.position import Candidates, Position

_EIGHTH, _QUARTER, _STEP, _OCTAVE = 2, 4, 2, 12
_DISSONANT = (1, 2, 5, 10, 11)  # semitones above a bass


@dataclass(frozen=True)
class Motion(Reward):
    """Notes that lead on. With a negative weight this rewards movement, against a beam's bias for long notes.

    A quick note and back leads nowhere, nor does a note that is repeated off the beat, or one that begins while a
    phrase's last note sounds.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass.
    """

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Where no phrase's last note sounds on."""
        return grid.arrivals <= 0

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that begin and lead on."""
        last, begun, other, *_ = position.own_notes
        quick = (begun >= position.frame - _EIGHTH) & (other != last)
        repeated = last.masked_fill(position.at(position.grid.beats).squeeze(2) == 0, 0)
        # Either is 0 where nothing leads nowhere.
        return position.look_up(other * quick, _begins_elsewhere) & position.look_up(repeated, _begins_elsewhere)


@dataclass(frozen=True)
class Passing(Reward):
    """Steps off the beat that go on. With a negative weight this rewards them.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass.
    """

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """In the middle of a beat, where no phrase's last note sounds on."""
        return (grid.beats == _EIGHTH) & (grid.arrivals <= 0)

    def breaches(self, position: Position) -> Tensor:
        """Mark steps to a note other than the one before the last."""
        last, _, other, *_ = position.own_notes
        return position.look_up(last, _begins_after, -_STEP, _STEP) & position.look_up(other, _begins_elsewhere)


@dataclass(frozen=True)
class Suspension(Reward):
    """Suspensions that resolve. With a negative weight this rewards them.

    A note that was consonant with the bass is held into a beat, where it is dissonant with the bass, and then steps
    down.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass, which is never counted.
    """

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """In eighths, where no phrase's last note sounds on."""
        return (grid.beats % _EIGHTH == 0) & (grid.arrivals <= 0)

    def breaches(self, position: Position) -> Tensor:
        """Mark the notes to which suspensions resolve."""
        place = position.at(position.grid.beats)
        held = torch.where(place == 0, _QUARTER, place)  # (B, 1, 1) sixteenths since the beat of the dissonance
        last, begun = (part.unsqueeze(2) for part in position.own_notes[:2])
        beat = position.frame - held
        basses = position.sounded(3, torch.cat([beat - 1, beat], 2))  # (B, K, 2)
        dissonant, suspended = position.pair(last, basses, _dissonances).unbind(2)
        held_over = (begun <= beat - _EIGHTH).squeeze(2) & (suspended & ~dissonant)
        return position.look_up(last.squeeze(2) * held_over, _begins_after, -_STEP, -1)


@dataclass(frozen=True)
class NoOscillation(Rule):
    """No voice goes to and fro between two pitches in eighths or quicker, as written or as heard: x-y-x-y.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark the fourth note of such a figure."""
        last, begun, one, began, other, _ = position.own_notes
        eighth = position.once(_eighth, lambda: _eighth(position.grid))
        quick = torch.maximum(position.frame - begun, begun - began) <= eighth
        back = quick & (last == other) & (last != one) & (last > 0)
        return position.look_up(one * back, _begins_after, 0, 0)


@dataclass(frozen=True)
class Variety(Rule):
    """Bars of a melody that return have another bass on their beats.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    remembers = True

    def judges(self, voice: int | None) -> bool:
        """Judge the bass."""
        return voice == 3

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """On the beats of bars that return."""
        return grid.recalls

    def breaches(self, position: Position) -> Tensor:
        """Mark the pitches that the bass had on this beat when the bar was last sung."""
        return position.nothing if position.recalled is None else position.against(position.recalled, torch.eq)


@dataclass(frozen=True)
class NoteAgainstNote(Rule):
    """All voices begin their notes with the frame's first voice, as in plain hymns.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that begin alone, and notes held while the first voice begins one."""
        lead = next(voice for voice in position.grid.voices if voice is not None)
        if position.voice == lead:
            return position.nothing
        sings = (position.now[..., lead] > 0).unsqueeze(2)
        led = (position.begun[..., lead, 0] == position.frame).unsqueeze(2)
        return sings & (led ^ ~position.holds) & ~position.rests


def _begins_elsewhere(candidates: Candidates) -> Tensor:
    """Mask (128, V) of candidates that begin a note on another pitch."""
    return candidates.begins & (candidates.pitch != candidates.pitches)


def _begins_after(candidates: Candidates, lowest: int, highest: int) -> Tensor:
    """Mask (128, V) of candidates that begin a note so many semitones above a pitch, or on another one if 0 isn't."""
    step = candidates.pitch - candidates.pitches
    fits = (step >= lowest) & (step <= highest) & ((step != 0) | (lowest == highest))
    return candidates.begins & fits & (candidates.pitches > 0)


def _eighth(grid: Grid) -> Tensor | int:
    """Sixteenths (B, 1) of an eighth as written or as heard."""
    doubled = grid.doubled
    return torch.where(doubled, 2 * _EIGHTH, _EIGHTH)[:, None] if bool(doubled.any()) else _EIGHTH


def _dissonances(pitch: Tensor, bass: Tensor) -> Tensor:
    """Check whether pitches are dissonant with a bass; not with a rest."""
    above = (pitch - bass) % _OCTAVE
    return torch.isin(above, torch.tensor(_DISSONANT, device=above.device)) & (bass > 0) & (pitch > bass)
