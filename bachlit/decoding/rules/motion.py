"""Rules of motion: what a moving voice earns, and what it doesn't."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Position, Reward, Rule

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

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that begin and lead on."""
        grid, pitch = position.grid, position.pitch
        last, length = position.own(0)
        returns = (pitch == position.own(1)[0]) & (pitch != last) & (length <= _EIGHTH)
        repeats = (pitch == last) & (position.at(grid.beats) != 0)
        return position.begins & ~returns & ~repeats & (position.at(grid.arrivals) <= 0)


@dataclass(frozen=True)
class Passing(Reward):
    """Steps off the beat that go on. With a negative weight this rewards them.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark steps in the middle of a beat to a note other than the one before the last."""
        grid, pitch = position.grid, position.pitch
        last, _ = position.own(0)
        steps = ((pitch - last).abs() <= _STEP) & (pitch != last) & (last > 0) & (pitch != position.own(1)[0])
        middle = (position.at(grid.beats) == _EIGHTH) & (position.at(grid.arrivals) <= 0)
        return middle & steps & position.begins


@dataclass(frozen=True)
class Suspension(Reward):
    """Suspensions that resolve. With a negative weight this rewards them.

    A note that was consonant with the bass is held into a beat, where it is dissonant with the bass, and then steps
    down.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass, which is never counted.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark the notes to which suspensions resolve."""
        grid = position.grid
        place = position.at(grid.beats)
        held = torch.where(place == 0, _QUARTER, place)  # sixteenths since the beat of the dissonance
        last, length = position.own(0)
        falls = last - position.pitch
        resolves = (falls > 0) & (falls <= _STEP) & (place % _EIGHTH == 0) & (length >= held + _EIGHTH)
        beat = position.frame - held
        prepared = ~_is_dissonant(last, position.sounded(3, beat - 1))
        suspended = _is_dissonant(last, position.sounded(3, beat))
        return position.begins & resolves & prepared & suspended & (position.at(grid.arrivals) <= 0)


@dataclass(frozen=True)
class NoOscillation(Rule):
    """No voice goes to and fro between two pitches in eighths or quicker, as written or as heard: x-y-x-y.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark the fourth note of such a figure."""
        (last, first_length), (one, second_length), (other, _) = (position.own(index) for index in range(3))
        eighth = torch.where(position.grid.doubled, 2 * _EIGHTH, _EIGHTH)[:, None, None]
        quick = (first_length <= eighth) & (second_length <= eighth)
        back = (position.pitch == one) & (last == other) & (position.pitch != last) & (last > 0)
        return quick & back & position.begins


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

    def breaches(self, position: Position) -> Tensor:
        """Mark the pitches that the bass had on this beat when the bar was last sung."""
        grid = position.grid
        earlier = position.at(grid.returns)[:, 0, 0]  # (B,)
        returning = (earlier >= 0) & (position.at(grid.beats)[:, 0, 0] == 0)
        if position.past is None or not bool(returning.any()):
            return torch.zeros(1, device=position.pitch.device)
        rows = torch.arange(len(earlier), device=earlier.device)
        sung = position.past[rows, :, earlier.clamp(min=0), 3].unsqueeze(2)  # (B, K, 1)
        return returning[:, None, None] & (position.pitch == sung) & ~position.rests


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
            return torch.zeros(1, device=position.pitch.device)
        sings = (position.now[..., lead] > 0).unsqueeze(2)
        led = (position.begun[..., lead, 0] == position.frame).unsqueeze(2)
        return sings & (led ^ ~position.holds) & ~position.rests


def _is_dissonant(pitch: Tensor, bass: Tensor) -> Tensor:
    """Check whether a pitch is dissonant with the bass; not with a rest."""
    above = (pitch - bass) % _OCTAVE
    return torch.isin(above, torch.tensor(_DISSONANT, device=above.device)) & (bass > 0) & (pitch > bass)
