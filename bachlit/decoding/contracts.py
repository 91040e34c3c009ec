"""Types that decoders take and return: model, prompt, choice, generation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from bachlit.decoding.constraints import Constraint
from bachlit.decoding.rules.grid import Grid


class Model(Protocol):
    """Model as decoders see it; `bachlit.models.language_model.LanguageModel` is one."""

    @property
    def device(self) -> torch.device:
        """Device of the tokens."""

    def predictor(self) -> "Predictor":
        """Make what predicts the tokens of one decoding; a stateless model may return itself."""


class Predictor(Protocol):
    """Predict one token at a time. All state is in the memory: tensors with the batch first.

    Two more methods are used where they are there, and whoever wraps a predictor passes them on:
    `read(tokens, memory)` gives log-probabilities (B, N, V) after each of the tokens (B, N), and the new memory;
    given tokens cost little. `select(memory, index)` selects rows of a memory that can't be gathered tensor by tensor.
    """

    def begin(self, batch_size: int) -> tuple[Tensor, ...]:
        """Make the memory at the start of `batch_size` pieces."""

    def step(self, tokens: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Give normalised log-probabilities (B, V) after the last tokens (B,), and the new memory."""


@dataclass(frozen=True)
class TokenPrompt:
    """Prompt in tokens: a fixed mask, and a constraint that depends on the tokens before.

    Attributes:
        allowed: (B, N, V) bool; a row ends with the first END, and after it anything is END.
        constraint: Allows and charges tokens by those before.
        start: (B,) the token before each row; START if None.
        grid: Frames and voices behind the tokens, if any.
        strict: Whether a constraint that can't be kept is an error; otherwise it gives way.
    """

    allowed: Tensor
    constraint: Constraint
    start: Tensor | None = None
    grid: Grid | None = None
    strict: bool = False

    @property
    def forced(self) -> Tensor:
        """Mask (B, N) of the steps at which the mask leaves one token."""
        return self.allowed.sum(2) == 1

    def rows(self, index: Tensor) -> "TokenPrompt":
        """Select rows, in this order."""
        return self._with_each(lambda part: part[index] if isinstance(part, Tensor) else part.rows(index))

    def to(self, device: torch.device) -> "TokenPrompt":
        """Move the tensors to a device."""
        return self._with_each(lambda part: part.to(device))

    def _with_each(self, change: Callable[[Any], Any]) -> "TokenPrompt":
        """Change all parts that hold tensors."""
        parts = {name: part for name, part in vars(self).items() if isinstance(part, Tensor | Constraint | Grid)}
        return replace(self, **{name: change(part) for name, part in parts.items()})


class Yielded(NamedTuple):
    """Record that a constraint gave way: row, step, name.

    Attributes:
        row: The piece's row in the batch.
        t: The step.
        constraint: The constraint's name.
    """

    row: int
    t: int
    constraint: str


@dataclass(frozen=True)
class Generation:
    """Result of decoding.

    Attributes:
        tokens: (B, N) without START; END after a row's first END.
        log_prob: (B,) the model's log-probability of all tokens, given ones included, in nats.
        score: (B,) the decoder's own objective, in nats.
        cost: (B,) nats charged by the constraints.
        forced: (B, N) true where the prompt left one token.
        yielded: Where constraints gave way.
    """

    tokens: Tensor
    log_prob: Tensor
    score: Tensor
    cost: Tensor
    forced: Tensor
    yielded: tuple[Yielded, ...] = ()


class Choice(NamedTuple):
    """Choice at one step: parent, token and score of each hypothesis, (B, K) each.

    Attributes:
        parent: The hypothesis, 0 to K - 1, that each new one continues.
        token: What it is continued by.
        score: The decoder's score of it, in nats.
    """

    parent: Tensor
    token: Tensor
    score: Tensor
