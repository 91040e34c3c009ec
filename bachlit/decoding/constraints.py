"""Constraints: what may follow and what it costs, as immutable values that compose with `&`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bachlit.tokens import END

State = dict[str, Tensor]
"""What a constraint remembers: tensors (B, K, ...), so that they can be gathered by hypothesis."""

YIELDED = 20.0
"""Nats that a breach costs where a hard constraint has to give way: what is chosen breaks it as little as can be."""


class Term(NamedTuple):
    """One of a constraint's parts at a step. Where nothing is left, the last gives way first.

    Attributes:
        name: For the warning.
        cost: (B, K, V) nats; infinite where a token is forbidden.
        yielding: (B, K, V) finite nats that count when the part gives way; None if it never does.
    """

    name: str
    cost: Tensor
    yielding: Tensor | None


class Constraint(ABC):
    """Says which tokens may come next, from what was chosen so far. It holds no state of its own.

    A hard constraint says what is `allowed`; a soft one says by `cost` how many nats less likely a token becomes.
    """

    gives_way: bool = True
    """Whether it may be broken where otherwise nothing could be written."""

    @abstractmethod
    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """The state at the start of (B, K) pieces."""

    @abstractmethod
    def allowed(self, state: State, t: int) -> Tensor:
        """(B, K, V) bool: what may stand at step t."""

    @abstractmethod
    def advance(self, state: State, token: Tensor, t: int) -> State:
        """The state after the tokens (B, K) of step t; the old one stays as it is."""

    def cost(self, state: State, t: int) -> Tensor:
        """(B, K, V) nats by which tokens become less likely at step t, infinite where they aren't allowed."""
        allowed = self.allowed(state, t)
        return torch.zeros(allowed.shape, device=allowed.device).masked_fill(~allowed, torch.inf)

    def terms(self, state: State, t: int) -> Iterator[Term]:
        """What it is composed of, the most important first."""
        cost = self.cost(state, t)
        yield Term(str(self), cost, cost.clamp(max=YIELDED) if self.gives_way else None)

    def rows(self, index: Tensor) -> "Constraint":
        """The constraint on some rows, in this order; itself where rows don't differ."""
        return self

    def to(self, device: torch.device) -> "Constraint":
        """The constraint with its tensors on a device; itself where it has none."""
        return self

    def __and__(self, other: "Constraint") -> "Constraint":
        """Both at once; where both can't be kept, the second gives way first."""
        return Both(self, other)


@dataclass(frozen=True)
class Both(Constraint):
    """Allows what two constraints both allow, at the sum of their costs."""

    first: Constraint
    second: Constraint

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """See `Constraint.begin`."""
        first = self.first.begin(batch_size, hypotheses, device)
        second = self.second.begin(batch_size, hypotheses, device)
        return {f"1{name}": part for name, part in first.items()} | {f"2{name}": part for name, part in second.items()}

    def allowed(self, state: State, t: int) -> Tensor:
        """See `Constraint.allowed`."""
        return self.first.allowed(_part(state, "1"), t) & self.second.allowed(_part(state, "2"), t)

    def cost(self, state: State, t: int) -> Tensor:
        """See `Constraint.cost`."""
        return self.first.cost(_part(state, "1"), t) + self.second.cost(_part(state, "2"), t)

    def terms(self, state: State, t: int) -> Iterator[Term]:
        """See `Constraint.terms`."""
        yield from self.first.terms(_part(state, "1"), t)
        yield from self.second.terms(_part(state, "2"), t)

    def rows(self, index: Tensor) -> "Both":
        """See `Constraint.rows`."""
        return Both(self.first.rows(index), self.second.rows(index))

    def to(self, device: torch.device) -> "Both":
        """See `Constraint.to`."""
        return Both(self.first.to(device), self.second.to(device))

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """See `Constraint.advance`."""
        first = self.first.advance(_part(state, "1"), token, t)
        second = self.second.advance(_part(state, "2"), token, t)
        return {f"1{name}": part for name, part in first.items()} | {f"2{name}": part for name, part in second.items()}

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


def _part(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): part for name, part in state.items() if name.startswith(prefix)}


@dataclass(frozen=True, eq=False)
class Grammar(Constraint):
    """The grammar of a stream of fixed frames: each slot's own tokens, and no hold but of what has just sounded there.

    Args:
        slot_tokens: (S, V) bool: which tokens may stand in each slot; step t is slot t mod S.
        token_pitch: (V,) each token's pitch, 0 where it has none.
        token_holds: (V,) true where a token continues its pitch.
    """

    slot_tokens: Tensor
    token_pitch: Tensor
    token_holds: Tensor
    gives_way = False

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """See `Constraint.begin`. The state is the pitch that each slot last sounded, (B, K, S)."""
        return {"pitch": torch.zeros(batch_size, hypotheses, len(self.slot_tokens), dtype=torch.long, device=device)}

    def allowed(self, state: State, t: int) -> Tensor:
        """See `Constraint.allowed`."""
        slot = t % len(self.slot_tokens)
        pitch = state["pitch"][:, :, slot, None]  # (B, K, 1)
        founded = ~self.token_holds | (self.token_pitch == pitch)  # (B, K, V)
        allowed = self.slot_tokens[slot] & founded
        if t == 0:
            allowed[..., END] = False  # a piece has at least one frame
        return allowed

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """See `Constraint.advance`."""
        pitch = state["pitch"].clone()
        pitch[:, :, t % len(self.slot_tokens)] = self.token_pitch[token]
        return {"pitch": pitch}

    def to(self, device: torch.device) -> "Grammar":
        """See `Constraint.to`."""
        return Grammar(self.slot_tokens.to(device), self.token_pitch.to(device), self.token_holds.to(device))

    def __str__(self) -> str:
        return "the grammar"
