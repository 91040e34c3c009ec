"""Rules: musical constraints on pitches and voices, hard or soft by their weight.

A rule counts how often each candidate for a cell would break it. A breach is charged to the last of its free cells, and
never to given cells: a given note doesn't break a rule, and the notes around it, earlier ones included, are chosen so
that none is broken. `Enforced` turns rules into a `Constraint`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from bachlit.errors import OptionError

FREE = -1
MOST = 1e6


@dataclass(frozen=True, eq=False)
class Grid:
    """Batch of prompts as rules see it: frames and voices behind the tokens.

    Attributes:
        voices: Voice of each slot (0 soprano to 3 bass), None for the mark.
        pitch: (V,) pitch of each token, 0 for rests and marks.
        holds: (V,) true for tokens that hold their pitch on.
        given: (B, T, 4) given pitches, 0 a rest, `FREE` where a cell is free.
        num_frames: (B,) length of each piece; the longest allowed where it is open.
        ending: (B,) the frame in which the last given note begins.
        tonic: (B,) pitch class of the tonic, 0 is C.
        minor: (B,) true in minor.
        moved: (B,) semitones by which the piece was transposed for the model.
        shift: (B,) semitones of these by which the voices' ranges moved along.
        measure: (B,) sixteenths per measure.
        pickup: (B,) sixteenths before the first full measure.
    """

    voices: tuple[int | None, ...]
    pitch: Tensor
    holds: Tensor
    given: Tensor
    num_frames: Tensor
    ending: Tensor
    tonic: Tensor
    minor: Tensor
    moved: Tensor
    shift: Tensor
    measure: Tensor
    pickup: Tensor

    def to(self, device: torch.device) -> "Grid":
        """Move the tensors to a device."""
        moved = {name: part.to(device) for name, part in vars(self).items() if isinstance(part, Tensor)}
        return Grid(self.voices, **moved)

    def rows(self, index: Tensor) -> "Grid":
        """Select rows, in this order."""
        per_row = ("given", "num_frames", "ending", "tonic", "minor", "moved", "shift", "measure", "pickup")
        return Grid(self.voices, self.pitch, self.holds, *(getattr(self, name)[index] for name in per_row))


class Position:
    """Cell to choose next, and the pitches around it.

    Attributes:
        grid: The prompts.
        frame: The cell's sixteenth.
        voice: Its voice; None at a mark, where the candidates are to go on or to end.
        pitch: (V,) pitches of the candidates.
        holds: (V,) true where a candidate holds the previous note.
        before: (B, K, 4) pitches of the previous frame, 0 for a rest or before the piece.
        now: (B, K, 4) pitches of this frame, `FREE` where not chosen yet; at a mark, of the frame just completed.
        later: (B, 4) given pitches of the next frame, `FREE` where not given.
    """

    def __init__(
        self, grid: Grid, frame: int, voice: int | None, before: Tensor, now: Tensor, later: Tensor, known: list[bool]
    ) -> None:
        self.grid, self.frame, self.voice = grid, frame, voice
        self.pitch, self.holds = grid.pitch, grid.holds
        self.before, self.now, self.later = before, now, later
        self._known_later = known  # per voice: given in the next frame in some row

    def pairs(self, breaks: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], *others: int) -> Tensor:
        """Count breaches of a rule over two voices in two neighbouring frames.

        Args:
            breaks: Takes pitches of the candidate's voice (before, after) and of another voice (before, after);
                all four sound.
            others: The other voices; all three if empty.

        Returns:
            (B, K, V) counts, over the step to this frame and the step to the next one where that is given.
        """
        assert self.voice is not None
        voices = list(others or (voice for voice in range(4) if voice != self.voice))
        before, now, candidate = self.before[..., voices, None], self.now[..., voices, None], self.pitch
        own = self.before[..., self.voice, None, None]  # (B, K, 1, 1)
        sounding = (before > 0) & (now > 0) & (own > 0) & (candidate > 0)  # (B, K, O, V)
        count = (breaks(own, candidate, before, now) & sounding).sum(2)
        if self._known_later[self.voice] and any(self._known_later[voice] for voice in voices):
            own_later, later = self.later[:, None, self.voice, None, None], self.later[:, None, voices, None]
            sounding = (own_later > 0) & (later > 0) & (now > 0) & (candidate > 0)
            count = count + (breaks(candidate, own_later, now, later) & sounding).sum(2)
        return count

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
        own, candidate = self.before[..., self.voice, None], self.pitch
        count = (breaks(own, candidate) & (own > 0) & (candidate > 0)).long()
        if self._known_later[self.voice]:
            later = self.later[:, None, self.voice, None]
            count = count + (breaks(candidate, later) & (later > 0) & (candidate > 0))
        return count

    @property
    def silent(self) -> Tensor:
        """Mask (B, 1, 1) of the rows whose given voices all rest."""
        given = self.grid.given[:, min(self.frame, self.grid.given.shape[1] - 1)]  # (B, 4)
        return ((given == 0).any(1) & ~(given > 0).any(1))[:, None, None]

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

    steady: ClassVar[bool] = False
    """Check whether breaches depend on voice and candidate alone, not on frame or context."""

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
class Rules:
    """Rules in order of importance: the last gives way first."""

    rules: tuple[Rule, ...] = ()

    def __and__(self, other: "Rule | Rules") -> "Rules":
        """Append other rules."""
        return Rules(self.rules + (other.rules if isinstance(other, Rules) else (other,)))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __str__(self) -> str:
        return " & ".join(str(rule) for rule in self.rules) or "no rules"
