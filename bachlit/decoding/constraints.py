"""Constraints on tokens, hard or soft, as immutable values that compose with `&`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from bachlit.tokens import END

State = dict[str, Tensor]
"""State of a constraint: tensors (B, K, ...) that can be gathered by hypothesis."""

YIELDED = 20.0
"""Nats per breach where a hard constraint gives way, so that it is broken as little as possible."""


class Term(NamedTuple):
    """One term of a constraint's cost at a step. Where no token is left, the last term gives way first.

    Attributes:
        name: For the warning.
        cost: (B, K, V) nats; infinite where a token is forbidden.
        yielding: (B, K, V) finite nats charged when the term gives way; None if it never does.
    """

    name: str
    cost: Tensor
    yielding: Tensor | None


class Constraint(ABC):
    """Base class: which tokens may come next, given those before. It holds no state of its own.

    A hard constraint defines `allowed`; a soft one defines `cost`, the nats by which a token becomes less likely.
    """

    gives_way: bool = True
    """True if it may be broken where no token is left otherwise."""

    @abstractmethod
    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """State at the start of (B, K) pieces."""

    @abstractmethod
    def allowed(self, state: State, t: int) -> Tensor:
        """Mask of the tokens allowed at step t, (B, K, V)."""

    @abstractmethod
    def advance(self, state: State, token: Tensor, t: int) -> State:
        """State after the tokens (B, K) chosen at step t; the old state is unchanged."""

    def cost(self, state: State, t: int) -> Tensor:
        """Nats charged to each token at step t, (B, K, V); infinite where it isn't allowed."""
        allowed = self.allowed(state, t)
        return torch.zeros(allowed.shape, device=allowed.device).masked_fill(~allowed, torch.inf)

    def terms(self, state: State, t: int) -> Iterator[Term]:
        """Terms of the cost, the most important first."""
        cost = self.cost(state, t)
        yield Term(str(self), cost, cost.clamp(max=YIELDED) if self.gives_way else None)

    def idle(self, t: int) -> bool:
        """Check whether it surely costs nothing at step t, whatever the state; by default that isn't known."""
        return False

    def rows(self, index: Tensor) -> "Constraint":
        """Select rows of the batch; by default rows don't differ."""
        return self

    def to(self, device: torch.device) -> "Constraint":
        """Move the tensors to a device; by default there are none."""
        return self

    def __and__(self, other: "Constraint") -> "Constraint":
        """Combine two constraints; the second gives way first."""
        return Both(self, other)


@dataclass(frozen=True)
class Both(Constraint):
    """Two constraints at once: both must allow a token, their costs add up.

    Attributes:
        first: One of them.
        second: The other.
    """

    first: Constraint
    second: Constraint

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """State at the start of (B, K) pieces."""
        return _joined(*(one.begin(batch_size, hypotheses, device) for one in (self.first, self.second)))

    def allowed(self, state: State, t: int) -> Tensor:
        """Mask of the tokens allowed at step t, (B, K, V)."""
        return self.first.allowed(_part(state, "1"), t) & self.second.allowed(_part(state, "2"), t)

    def cost(self, state: State, t: int) -> Tensor:
        """Nats charged to each token at step t, (B, K, V)."""
        return self.first.cost(_part(state, "1"), t) + self.second.cost(_part(state, "2"), t)

    def terms(self, state: State, t: int) -> Iterator[Term]:
        """Terms of the cost, the most important first."""
        yield from self.first.terms(_part(state, "1"), t)
        yield from self.second.terms(_part(state, "2"), t)

    def idle(self, t: int) -> bool:
        """Check whether neither costs anything at step t."""
        return self.first.idle(t) and self.second.idle(t)

    def rows(self, index: Tensor) -> "Both":
        """Select rows of the batch, in this order."""
        return Both(self.first.rows(index), self.second.rows(index))

    def to(self, device: torch.device) -> "Both":
        """Move the tensors to a device."""
        return Both(self.first.to(device), self.second.to(device))

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """State after the tokens (B, K) chosen at step t."""
        return _joined(
            self.first.advance(_part(state, "1"), token, t), self.second.advance(_part(state, "2"), token, t)
        )

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


def _joined(first: State, second: State) -> State:
    return {f"1{name}": part for name, part in first.items()} | {f"2{name}": part for name, part in second.items()}


def _part(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): part for name, part in state.items() if name.startswith(prefix)}


@dataclass(frozen=True, eq=False)
class Grammar(Constraint):
    """Grammar of fixed frames: each slot has its tokens, and a hold continues the slot's last pitch.

    Args:
        slot_tokens: (S, V) bool: which tokens may stand in each slot; step t is slot t mod S.
        token_pitch: (V,) each token's pitch, 0 where it has none.
        token_holds: (V,) true where a token holds its pitch on.
    """

    slot_tokens: Tensor
    token_pitch: Tensor
    token_holds: Tensor
    gives_way = False

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """State: the pitch that each slot sounded last, (B, K, S)."""
        return {"pitch": torch.zeros(batch_size, hypotheses, len(self.slot_tokens), dtype=torch.long, device=device)}

    def allowed(self, state: State, t: int) -> Tensor:
        """Mask of the tokens allowed at step t, (B, K, V)."""
        return self.cost(state, t) == 0

    def cost(self, state: State, t: int) -> Tensor:
        """Nats charged to each token at step t, (B, K, V): none, or infinitely many."""
        slot = t % len(self.slot_tokens)
        if t == 0:  # a piece has at least one frame
            allowed = self.slot_tokens[0] & ~self.token_holds
            allowed[END] = False
            return torch.where(allowed, 0.0, torch.inf).expand(*state["pitch"].shape[:2], -1)
        return self._costs[slot][state["pitch"][:, :, slot]]

    @cached_property
    def _costs(self) -> Tensor:
        """Costs (S, P, V) in each slot after each pitch."""
        pitch = torch.arange(int(self.token_pitch.max()) + 1, device=self.token_pitch.device).unsqueeze(1)
        founded = ~self.token_holds | (self.token_pitch == pitch)  # (P, V)
        return torch.where(self.slot_tokens.unsqueeze(1) & founded, 0.0, torch.inf)

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """State after the tokens (B, K) chosen at step t."""
        pitch = state["pitch"].clone()
        pitch[:, :, t % len(self.slot_tokens)] = self.token_pitch[token]
        return {"pitch": pitch}

    def to(self, device: torch.device) -> "Grammar":
        """Move the tensors to a device."""
        if self.slot_tokens.device == device:
            return self
        return Grammar(self.slot_tokens.to(device), self.token_pitch.to(device), self.token_holds.to(device))

    def __str__(self) -> str:
        return "the grammar"
