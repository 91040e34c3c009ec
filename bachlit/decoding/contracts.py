"""What decoders take and give: a model, a prompt in tokens, a choice, what was written."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from bachlit.decoding.constraints import Constraint
from bachlit.decoding.rules.base import Grid

Memory = tuple[Tensor, ...]


class Model(Protocol):
    """What a decoder needs of a model; `bachlit.models.language_model.LanguageModel` is one."""

    @property
    def device(self) -> torch.device:
        """Where tokens must be."""

    def stepper(self) -> "Stepper":
        """One decoding's own way through the model, which no other decoding changes; a model without state is one."""


class Stepper(Protocol):
    """A model that goes one token at a time. All that changes from step to step is in the memory."""

    def begin(self, batch_size: int) -> Memory:
        """The memory at the start of so many pieces; every part has the batch first."""

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """From each row's last token (B,) and the memory: normalised log-probabilities (B, V), the memory after."""


@dataclass(frozen=True)
class TokenPrompt:
    """What may be written, in tokens: a fixed part, known beforehand, and a part that depends on what was chosen.

    Attributes:
        allowed: (B, N, V) bool; a row ends with the first END, and after it anything is END.
        constraint: What depends on the tokens before.
        start: (B,) the token that precedes each row; START if None.
        grid: The frames and voices behind the tokens, if there are any.
        strict: Whether a constraint that can't be kept is an error; else it gives way there.
    """

    allowed: Tensor
    constraint: Constraint
    start: Tensor | None = None
    grid: Grid | None = None
    strict: bool = False

    @property
    def forced(self) -> Tensor:
        """(B, N) true where the fixed part leaves one token."""
        return self.allowed.sum(2) == 1

    def rows(self, index: Tensor) -> "TokenPrompt":
        """Some rows, in this order."""
        return TokenPrompt(
            self.allowed[index],
            self.constraint.rows(index),
            None if self.start is None else self.start[index],
            None if self.grid is None else self.grid.rows(index),
            self.strict,
        )

    def to(self, device: torch.device) -> "TokenPrompt":
        """The same on a device."""
        return TokenPrompt(
            self.allowed.to(device),
            self.constraint.to(device),
            None if self.start is None else self.start.to(device),
            None if self.grid is None else self.grid.to(device),
            self.strict,
        )


class Yielded(NamedTuple):
    """That a constraint gave way: in which row, at which step, which one."""

    row: int
    t: int
    constraint: str


@dataclass(frozen=True)
class Generation:
    """What a decoder wrote.

    Attributes:
        tokens: (B, N) without START; END after a row's first END.
        log_prob: (B,) the model's own log-probability of the tokens, in nats, given ones among them.
        score: (B,) what the decoder maximised or weighed, in nats.
        cost: (B,) what the constraints charged, in nats.
        forced: (B, N) true where the prompt left one token.
        yielded: Where constraints had to give way.
    """

    tokens: Tensor
    log_prob: Tensor
    score: Tensor
    cost: Tensor
    forced: Tensor
    yielded: tuple[Yielded, ...] = ()


class Choice(NamedTuple):
    """One step's choice: for each of K hypotheses its parent, its token and its score, (B, K) each."""

    parent: Tensor
    token: Tensor
    score: Tensor
