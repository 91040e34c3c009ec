"""Constraints: what may follow, as immutable values that compose with `&`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from bachlit.tokens import END

State = dict[str, Tensor]
"""What a constraint remembers: tensors (B, K, ...), so that the loop can gather them by hypothesis."""


class Constraint(ABC):
    """Says which tokens may come next, from what was chosen so far. It holds no state of its own."""

    @abstractmethod
    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """The state at the start of (B, K) pieces."""

    @abstractmethod
    def allowed(self, state: State, t: int) -> Tensor:
        """(B, K, V) bool: what may stand at step t."""

    @abstractmethod
    def advance(self, state: State, token: Tensor, t: int) -> State:
        """The state after the tokens (B, K) of step t; the old one stays as it is."""

    def __and__(self, other: "Constraint") -> "Constraint":
        """Both at once."""
        return Both(self, other)


@dataclass(frozen=True)
class Both(Constraint):
    """Allows what two constraints both allow."""

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

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """See `Constraint.begin`. The state is the pitch that each slot last sounded, (B, K, S)."""
        return {"pitch": torch.zeros(batch_size, hypotheses, len(self.slot_tokens), dtype=torch.long, device=device)}

    def allowed(self, state: State, t: int) -> Tensor:
        """See `Constraint.allowed`."""
        slot = t % len(self.slot_tokens)
        pitch = state["pitch"][:, :, slot, None]  # (B, K, 1)
        founded = ~self.token_holds.to(pitch.device) | (self.token_pitch.to(pitch.device) == pitch)  # (B, K, V)
        allowed = self.slot_tokens[slot].to(pitch.device) & founded
        if t == 0:
            allowed[..., END] = False  # a piece has at least one frame
        return allowed

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """See `Constraint.advance`."""
        pitch = state["pitch"].clone()
        pitch[:, :, t % len(self.slot_tokens)] = self.token_pitch.to(token.device)[token]
        return {"pitch": pitch}

    def __str__(self) -> str:
        return "the grammar"
