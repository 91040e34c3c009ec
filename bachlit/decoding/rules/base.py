"""Rules: musical constraints on pitches and voices, hard or soft by their weight.

A rule counts how often each candidate for a cell would break it. A breach is charged to the last of its free cells, and
never to given cells: a given note doesn't break a rule, and the notes around it, earlier ones included, are chosen so
that none is broken. `Enforced` turns rules into a `Constraint`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from bachlit.errors import OptionError

FREE = -1
MOST = 1e6


class WrittenFrame(NamedTuple):
    """Place in a piece as it is written, where a frame is heard: in the sixteenths of the score.

    Attributes:
        bar: Index of its bar from 0; -1 beyond the piece.
        place: Sixteenths since the bar began.
        length: Of the bar.
        full: Length of a full bar, if it ends early.
        frame: Sixteenths since the piece began.
        new: Sixteenths since the frame heard before it: 1, or 0 and 1 in turns in doubled values, or 2 in halved ones.
    """

    bar: int
    place: int
    length: int
    full: int
    frame: int
    new: int


@dataclass(frozen=True, eq=False)
class Grid:
    """Batch of prompts as rules see it: frames and voices behind the tokens.

    Attributes:
        voices: Voice of each slot (0 soprano to 3 bass), None for the mark.
        pitch: (V,) pitch of each token, 0 for rests and marks.
        holds: (V,) true for tokens that hold their pitch on.
        given: (B, T, 4) given pitches, 0 a rest, `FREE` where a cell is free.
        num_frames: (B,) length of each piece; the longest allowed where it is open.
        end: (B,) the frame after the last that is played: before `num_frames` where a piece ends at a fine.
        ending: (B,) the frame in which the last given note before the end begins.
        closing: (B,) the frame in which the given soprano reaches the pitch of that note: earlier if it sings it again.
        keys: (B, T, 3) key at each frame: pitch class of the tonic (0 is C), 1 in minor, sharps of the signature (flats
            are negative).
        moved: (B,) semitones by which the piece was transposed for the model.
        shift: (B,) semitones of these by which the voices' ranges moved along.
        bars: (B, T, 4) bar of each frame, -1 beyond the piece: index from 0, sixteenths since it began, its length, and
            that of a full one if it ends early.
        written: (B, T, 6) a `WrittenFrame` of each frame: frames are shorter or longer than written sixteenths where
            the model reads doubled or halved values.
        jumps: (B, J, 2) pairs of frames that are heard one after the other without being written so; -1 where a row has
            fewer.
        interrupted: (B, T) true at frames never heard after the frame written before them.
        beats: (B, T) sixteenths since the last beat, which is a quarter; -1 beyond the piece.
        opening: (B,) the first frame that asks for the tonic: where the piece begins, or else its first full bar, on a
            given note of the tonic triad; -1 if neither does.
        leads: (B, T) semitones from the given soprano's pitch to its next other one; 0 where either isn't known.
        arrivals: (B, T) sixteenths since a phrase's last note began, while it sounds; -1 elsewhere.
        returns: (B, T) the frame of an earlier bar with the same given notes, which is the same place in it; -1 where
            there is none.
    """

    voices: tuple[int | None, ...]
    pitch: Tensor
    holds: Tensor
    given: Tensor
    num_frames: Tensor
    end: Tensor
    ending: Tensor
    closing: Tensor
    keys: Tensor
    moved: Tensor
    shift: Tensor
    bars: Tensor
    written: Tensor
    jumps: Tensor
    interrupted: Tensor
    beats: Tensor
    opening: Tensor
    leads: Tensor
    arrivals: Tensor
    returns: Tensor

    @property
    def tonic(self) -> Tensor:
        """Pitch class (B,) of the tonic at the end."""
        return self._last_key[:, 0]

    @property
    def minor(self) -> Tensor:
        """Mask (B,) of the rows that end in minor."""
        return self._last_key[:, 1] == 1

    @property
    def doubled(self) -> Tensor:
        """Mask (B,) of the rows that are heard in doubled values."""
        return (self.written[..., WrittenFrame._fields.index("new")] == 0).any(1)

    def key_at(self, frame: int) -> Tensor:
        """Key (B, 3) in force at a frame: tonic, 1 in minor, sharps."""
        return self.keys[:, min(frame, self.keys.shape[1] - 1)]

    def written_at(self, frame: int) -> list[WrittenFrame]:
        """Locate a frame in each row's piece as written."""
        return [WrittenFrame(*row) for row in self.written[:, min(frame, self.written.shape[1] - 1)].tolist()]

    @property
    def _last_key(self) -> Tensor:
        return self.keys[torch.arange(len(self.end), device=self.end.device), self.end - 1]

    def to(self, device: torch.device) -> "Grid":
        """Move the tensors to a device."""
        return self._with_each(lambda part: part.to(device), ())

    def rows(self, index: Tensor) -> "Grid":
        """Select rows, in this order."""
        return self._with_each(lambda part: part[index], ("pitch", "holds"))

    def _with_each(self, change: Callable[[Tensor], Tensor], kept: tuple[str, ...]) -> "Grid":
        """Change all tensors but some."""
        parts = {name: part for name, part in vars(self).items() if isinstance(part, Tensor) and name not in kept}
        changed: dict[str, Any] = {name: change(part) for name, part in parts.items()}
        return replace(self, **changed)


class Position:
    """Cell to choose next, and the pitches around it.

    Args:
        known: Whether each voice is given in the next frame in some row.

    Attributes:
        grid: The prompts.
        frame: The cell's sixteenth.
        voice: Its voice; None at a mark, where the candidates are to go on or to end.
        pitch: (V,) pitches of the candidates.
        holds: (V,) true where a candidate holds the previous note.
        now: (B, K, 4) pitches of this frame, `FREE` where not chosen yet; at a mark, of the frame just completed.
        before: Pitches (B, K, 4) of each frame that this one is heard after, `FREE` where not known yet, 0 for a rest
            or where there is none. The first is that of the written previous frame; repeats and jumps add others.
        later: Likewise, pitches (B, K or 1, 4) of each frame that is heard after this one, as far as they are known:
            those of the next frame where given, and whole frames that a repeat goes back to.
        notes: (B, K, 4, 3) pitches of each voice's last three notes before this frame, the latest first; 0 a rest, or
            none.
        begun: (B, K, 4, 3) frames in which they began.
    """

    def __init__(
        self,
        grid: Grid,
        frame: int,
        voice: int | None,
        before: Tensor,
        now: Tensor,
        later: Tensor,
        known: list[bool],
        notes: Tensor,
        begun: Tensor,
    ) -> None:
        self.grid, self.frame, self.voice = grid, frame, voice
        self.pitch, self.holds = grid.pitch, grid.holds
        self.before, self.now, self.later = [before], now, [later]
        self.notes, self.begun = notes, begun
        self.past: Tensor | None = None
        self._known_later = known  # per voice: given in the next frame in some row

    def pairs(self, breaks: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], *others: int) -> Tensor:
        """Count breaches of a rule over two voices in two neighbouring frames.

        Args:
            breaks: Takes pitches of the candidate's voice (before, after) and of another voice (before, after);
                all four sound.
            others: The other voices; all three if empty.

        Returns:
            (B, K, V) counts, over the step to this frame and the step to the next one where that is given; likewise
            where a repeat or a jump leads.
        """
        assert self.voice is not None
        voices = list(others or (voice for voice in range(4) if voice != self.voice))
        now, candidate = self.now[..., voices, None], self.pitch
        count: Tensor | None = None
        for pitches in self.before:
            own, before = pitches[..., self.voice, None, None], pitches[..., voices, None]  # (B, K, 1, 1), (B, K, O, 1)
            sounding = (before > 0) & (now > 0) & (own > 0) & (candidate > 0)  # (B, K, O, V)
            found = (breaks(own, candidate, before, now) & sounding).sum(2)
            count = found if count is None else count + found
        assert count is not None
        for pitches in self._known(voices):
            own, later = pitches[..., self.voice, None, None], pitches[..., voices, None]
            sounding = (own > 0) & (later > 0) & (now > 0) & (candidate > 0)
            count = count + (breaks(candidate, own, now, later) & sounding).sum(2)
        return count

    def _known(self, others: Sequence[int]) -> list[Tensor]:
        """The later frames in which the voice is known, and one of the others."""
        assert self.voice is not None
        given_next = self._known_later[self.voice] and any(self._known_later[voice] for voice in others)
        return self.later if given_next else self.later[1:]

    def neighbours(self) -> Iterator[tuple[int, int]]:
        """Yield the neighbouring voices, each with its direction: 1 above, -1 below."""
        assert self.voice is not None
        if self.voice > 0:
            yield self.voice - 1, 1
        if self.voice < 3:
            yield self.voice + 1, -1

    def distances(
        self, breaks: Callable[[Tensor], Tensor], *frames: Tensor, voices: Sequence[int] = range(4)
    ) -> Tensor:
        """Count breaches (B, K, V) of a rule over the distance to each neighbouring voice; both sound.

        Args:
            breaks: Takes semitones by which the candidate lies beyond the neighbour (negative on its own side).
            frames: Pitches (..., 4) of the neighbours; those of this frame if empty.
            voices: Voices that the rule concerns.
        """
        total = torch.zeros(1, device=self.pitch.device)
        for neighbour, direction in self.neighbours():
            for pitches in (frames or (self.now,)) if {neighbour, self.voice} <= set(voices) else ():
                other = pitches[..., neighbour, None]
                total = total + (breaks((self.pitch - other) * direction) & (other > 0) & ~self.rests)
        return total

    def melody(self, breaks: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Count breaches (B, K, V) of a rule over two neighbouring pitches of the voice; both sound."""
        assert self.voice is not None
        candidate, count = self.pitch, torch.zeros(1, dtype=torch.long, device=self.pitch.device)
        for pitches in self.before:
            own = pitches[..., self.voice, None]
            count = count + (breaks(own, candidate) & (own > 0) & (candidate > 0))
        for pitches in self._known([self.voice]):
            later = pitches[..., self.voice, None]
            count = count + (breaks(candidate, later) & (later > 0) & (candidate > 0))
        return count

    @property
    def silent(self) -> Tensor:
        """Mask (B, 1, 1) of the rows whose given voices all rest."""
        given = self.grid.given[:, min(self.frame, self.grid.given.shape[1] - 1)]  # (B, 4)
        return ((given == 0).any(1) & ~(given > 0).any(1))[:, None, None]

    def at(self, part: Tensor) -> Tensor:
        """Values (B, 1, 1) of a part (B, T) of the grid at this frame."""
        return part[:, min(self.frame, part.shape[1] - 1), None, None]

    def own(self, index: int) -> tuple[Tensor, Tensor]:
        """Pitch and length in sixteenths (B, K, 1) of one of the voice's last notes, 0 being the latest."""
        assert self.voice is not None
        begun = self.begun[..., self.voice, :]
        ended = begun[..., index - 1, None] if index else self.frame
        return self.notes[..., self.voice, index, None], ended - begun[..., index, None]

    def sounded(self, voice: int, frame: Tensor) -> Tensor:
        """Pitch (B, K, 1) of a voice at an earlier frame (B, 1, 1); 0 for a rest, or before its last three notes."""
        begun = self.begun[..., voice, :] <= frame  # (B, K, 3)
        pitch = self.notes[..., voice, :].gather(-1, begun.long().argmax(-1, keepdim=True))
        return pitch * begun.any(-1, keepdim=True)

    @cached_property
    def begins(self) -> Tensor:
        """Mask (V,) of the candidates that begin a note."""
        return ~self.holds & ~self.rests

    @cached_property
    def rests(self) -> Tensor:
        """Mask (V,) of the candidates that are rests."""
        return self.pitch == 0


@dataclass(frozen=True)
class Rule(ABC):
    """Base class of rules.

    Args:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    weight: float = float("inf")

    def __post_init__(self) -> None:
        """Check the weight."""
        if not -MOST <= self.weight <= MOST and self.weight != float("inf"):
            raise OptionError(f"{self} has the weight {self.weight}; expected inf, or -{MOST:g} to {MOST:g} nats.")

    remembers: ClassVar[bool] = False
    """Check whether it compares bars that return with what was written before."""

    steady: ClassVar[bool] = False
    """Check whether breaches depend on voice, candidate and key alone, not on frame or context."""

    def judges(self, voice: int | None) -> bool:
        """Check whether it applies to a voice's notes; None is the mark, where a piece goes on or ends."""
        return voice is not None

    @abstractmethod
    def breaches(self, position: Position) -> Tensor:
        """Count how often each candidate would break the rule, (B, K, V) or broadcastable to it."""

    def dooms(self, position: Position) -> Tensor | None:
        """Mask (B, K, V) of candidates after which a breach is unavoidable; hard rules only."""
        return None

    def __and__(self, other: "Rule | Rules") -> "Rules":
        """Combine two rules; the second gives way first."""
        return Rules((self,)) & other

    def __str__(self) -> str:
        return type(self).__name__


@dataclass(frozen=True)
class Reward(Rule):
    """Base class of rules that are ignored by default and reward some voices by a negative weight.

    Args:
        weight: Nats per breach; infinite forbids it.
        voices: Voices to count; 0 is the soprano, 3 the bass.
    """

    weight: float = 0.0
    voices: tuple[int, ...] = (0, 1, 2, 3)

    def judges(self, voice: int | None) -> bool:
        """Judge only the voices named."""
        return voice in self.voices


@dataclass(frozen=True)
class Rules:
    """Rules in order of importance: the last gives way first.

    Attributes:
        rules: The rules; `&` appends others.
    """

    rules: tuple[Rule, ...] = ()

    def __and__(self, other: "Rule | Rules") -> "Rules":
        """Append other rules."""
        return Rules(self.rules + (other.rules if isinstance(other, Rules) else (other,)))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __str__(self) -> str:
        return " & ".join(str(rule) for rule in self.rules) or "no rules"
