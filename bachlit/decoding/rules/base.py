"""Rules: musical constraints, written over pitches and voices instead of tokens, each hard or soft by a number.

A rule says how often each candidate for a cell would break it. Every possible breach is charged to the last of its
free cells to be chosen, and nothing is charged to given cells: so a given note never breaks a rule, and the notes
around it, before it among them, are chosen so that none is broken. `Enforced` turns rules into a `Constraint`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
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
    """What rules know of a batch of prompts: the frames and voices behind the tokens.

    Attributes:
        voices: Each slot's voice (0 soprano to 3 bass), None at the mark.
        pitch: (V,) the tokens' pitches, 0 for rests and marks.
        holds: (V,) true for tokens that continue their pitch.
        given: (B, T, 4) pitches that are given, 0 a rest, `FREE` where a cell is free.
        num_frames: (B,) the pieces' lengths; the longest allowed where a length is open.
        ending: (B,) the frame in which the last given note begins.
        tonic: (B,) the keys' tonics, 0 is C.
        minor: (B,) true in minor.
        moved: (B,) semitones by which the piece was moved for the model.
        shift: (B,) semitones of these by which the voices' ranges moved with it.
        measure: (B,) sixteenths in a measure.
        pickup: (B,) sixteenths before the first full one.
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
        """The same on another device."""
        moved = {name: part.to(device) for name, part in vars(self).items() if isinstance(part, Tensor)}
        return Grid(self.voices, **moved)

    def rows(self, index: Tensor) -> "Grid":
        """Some rows, in this order."""
        per_row = ("given", "num_frames", "ending", "tonic", "minor", "moved", "shift", "measure", "pickup")
        return Grid(self.voices, self.pitch, self.holds, *(getattr(self, name)[index] for name in per_row))


class Position:
    """The cell that is to be chosen next, and what stands around it.

    Attributes:
        grid: The prompts.
        frame: The cell's sixteenth.
        voice: Its voice; None at a mark, where the candidates are to go on and to end.
        pitch: (V,) the candidates' pitches.
        holds: (V,) whether they continue the note before.
        before: (B, K, 4) the pitches of the frame before, 0 where a voice rests or before the piece.
        now: (B, K, 4) this frame's, `FREE` where not yet chosen; at a mark, those of the frame just completed.
        later: (B, 4) the next frame's given pitches, `FREE` where it isn't given.
    """

    def __init__(
        self, grid: Grid, frame: int, voice: int | None, before: Tensor, now: Tensor, later: Tensor, known: list[bool]
    ) -> None:
        self.grid, self.frame, self.voice = grid, frame, voice
        self.pitch, self.holds = grid.pitch, grid.holds
        self.before, self.now, self.later = before, now, later
        self._known_later = known  # by voice: whether any row has it given in the next frame

    def pairs(self, breaks: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], *others: int) -> Tensor:
        """Count breaches of a rule over two voices in two neighbouring frames.

        Args:
            breaks: From the candidate's voice before and after and another voice's before and after, to bool. All
                four pitches sound.
            others: The other voices; all three if none is named.

        Returns:
            (B, K, V) counts, in the step to this frame and in that to the next one where it is given.
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
        """The neighbouring voices, each with the direction in which it lies: 1 above, -1 below."""
        assert self.voice is not None
        if self.voice > 0:
            yield self.voice - 1, 1
        if self.voice < 3:
            yield self.voice + 1, -1

    def melody(self, breaks: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Count breaches of a rule over two neighbouring pitches of one voice; (B, K, V). Both sound."""
        assert self.voice is not None
        own, candidate = self.before[..., self.voice, None], self.pitch
        count = (breaks(own, candidate) & (own > 0) & (candidate > 0)).long()
        if self._known_later[self.voice]:
            later = self.later[:, None, self.voice, None]
            count = count + (breaks(candidate, later) & (later > 0) & (candidate > 0))
        return count

    @property
    def silent(self) -> Tensor:
        """(B, 1, 1) where voices are given and all of them rest."""
        given = self.grid.given[:, min(self.frame, self.grid.given.shape[1] - 1)]  # (B, 4)
        return ((given == 0).any(1) & ~(given > 0).any(1))[:, None, None]

    @cached_property
    def rests(self) -> Tensor:
        """(V,) true for the candidates that don't sound."""
        return self.pitch == 0


@dataclass(frozen=True)
class Rule(ABC):
    """A rule of music.

    Args:
        weight: Nats that each breach costs; infinite to forbid it, 0 to ignore it.
    """

    weight: float = float("inf")

    def __post_init__(self) -> None:
        """Refuse weights that are none."""
        if not -MOST <= self.weight <= MOST and self.weight != float("inf"):
            raise OptionError(
                f"{self} can't weigh {self.weight} nats; expected inf, or a number from -{MOST:g} to {MOST:g}."
            )

    steady: ClassVar[bool] = False
    """Whether it judges a voice's candidates alike wherever they stand, whatever stands around them."""

    def judges(self, voice: int | None) -> bool:
        """Whether it judges this voice's notes, or at None whether a piece goes on or ends."""
        return voice is not None

    @abstractmethod
    def breaches(self, position: Position) -> Tensor:
        """(B, K, V), or what broadcasts to it: how often each candidate would break the rule."""

    def dooms(self, position: Position) -> Tensor | None:
        """(B, K, V) bool: candidates after which a breach can't be avoided any more. Asked of hard rules alone."""
        return None

    def __and__(self, other: "Rule | Rules") -> "Rules":
        """Both; where both can't be kept, the second gives way first."""
        return Rules((self,)) & other

    def __str__(self) -> str:
        return type(self).__name__


@dataclass(frozen=True)
class Rules:
    """Rules in the order of their importance: the last gives way first."""

    rules: tuple[Rule, ...] = ()

    def __and__(self, other: "Rule | Rules") -> "Rules":
        """These, then others."""
        return Rules(self.rules + (other.rules if isinstance(other, Rules) else (other,)))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __str__(self) -> str:
        return " & ".join(str(rule) for rule in self.rules) or "no rules"
