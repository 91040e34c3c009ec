"""Rules: musical constraints on pitches and voices, hard or soft by their weight.

A rule counts how often each candidate for a cell would break it. A breach is charged to the last of its free cells, and
never to given cells: a given note doesn't break a rule, and the notes around it, earlier ones included, are chosen so
that none is broken. `Enforced` turns rules into a `Constraint`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor

from bachlit.decoding.rules.grid import Grid
from bachlit.decoding.rules.position import Position
from bachlit.errors import OptionError

MOST = 1e6


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

    def applies(self, grid: Grid, voice: int | None) -> Tensor | None:
        """Mask (B, T) of the frames in which a voice is judged; None for all. Elsewhere it charges nothing."""
        return None

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


class Relation(NamedTuple):
    """Relation between the candidates and one other pitch.

    Attributes:
        voice: Whose pitch.
        now: Whether it is that of this frame; else those of the frames before and after.
        holds: Takes candidates (V,), pitches (128, 1) and the options. It depends on these alone: a function of a
            module.
        options: Values.
    """

    voice: int
    now: bool
    holds: Callable[..., Tensor]
    options: tuple[Hashable, ...] = ()


@dataclass(frozen=True)
class RelationRule(Rule):
    """Base class of rules that compare a candidate with single other pitches; all of them are looked up at once.

    Args:
        weight: Nats per breach; infinite forbids it.
    """

    @abstractmethod
    def relations(self, voice: int) -> Iterable[Relation]:
        """Relations of a voice's candidates to other pitches that break the rule."""

    def breaches(self, position: Position) -> Tensor:
        """Count relations."""
        assert position.voice is not None
        return position.total(
            [
                position.against(pitches, one.holds, *one.options)
                for one in self.relations(position.voice)
                for pitches in position.pitches(one.voice, now=one.now)
            ]
        )


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
