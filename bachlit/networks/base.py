"""The contract between a network and whatever trains it or decodes with it."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

Memory = tuple[Tensor, ...]
"""What a network carries from step to step: tensors with the batch first, so that rows can be gathered by index."""


class Stepper(ABC):
    """Step a network one token at a time, with the weights that it had when the stepper was made.

    Its memory is its own: rows are selected by `select` alone.
    """

    normalised: bool = False
    """True if its logits are log-probabilities."""

    @abstractmethod
    def begin(self, batch_size: int) -> Memory:
        """Make the memory at the start of `batch_size` pieces."""

    @abstractmethod
    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, V) of what follows each row's last token (B,), and the memory after.

        Logits may differ from the network's by a constant per row.
        """

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, N, V) of what follows each of the tokens (B, N), and the memory after the last.

        By default: step by step.
        """
        logits = []
        for last in tokens.unbind(1):
            after, memory = self.step(last, memory)
            logits.append(after)
        return torch.stack(logits, 1), memory

    def select(self, memory: Memory, index: Tensor) -> Memory:
        """Select rows (B',) of a memory, in this order; by default each tensor's."""
        return tuple(part.index_select(0, index) for part in memory)


class Network(nn.Module, ABC):
    """Predict each next token from the tokens so far.

    The first argument of a network's constructor is the encoding of the tokens, which has the vocabulary's size and
    more; all others are keyword arguments and plain data, and `config` holds them, so that a checkpoint can rebuild the
    network.
    """

    config: dict[str, Any]

    @abstractmethod
    def initial_memory(self, batch_size: int) -> Memory:
        """Make the memory at a piece's start, on the network's device and in its precision."""

    @abstractmethod
    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Predict the tokens that follow.

        Args:
            tokens: (B, N) ids; END where a lane is padded.
            memory: From `initial_memory`, or what the steps before left.
            prompt: (B, N, V) bool, the tokens that a prompt allows, for networks that look ahead; others ignore it.

        Returns:
            Logits (B, N, V) of each step's next token, and the memory after the last step.
        """

    def stepper(self) -> Stepper | None:
        """Make a faster way to step one token at a time, if there is one; its memory may look different."""
        return None
