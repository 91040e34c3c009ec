"""Base classes of decoders, and one random stream per row."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt
from bachlit.decoding.walk import Walk, stepping
from bachlit.errors import DeadEndError

_BATCH = 128  # most rows decoded at once where a prompt is repeated: some 100 MB


class RowGenerators:
    """One random stream per row, so that rows are independent.

    Args:
        seeds: One per row.
    """

    _BLOCK = 1024

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = [seed % 2**63 for seed in seeds]
        self._generators = [torch.Generator().manual_seed(seed) for seed in self._seeds]
        self._drawn = torch.empty(len(seeds), 0, dtype=torch.float64)

    def uniform(self, num: int) -> Tensor:
        """Draw (B, num) uniform numbers, above 0 and up to 1."""
        while self._drawn.shape[1] < num:
            blocks = [torch.rand(self._BLOCK, generator=one, dtype=torch.float64) for one in self._generators]
            self._drawn = torch.cat([self._drawn, 1.0 - torch.stack(blocks)], 1)
        drawn, self._drawn = self._drawn[:, :num], self._drawn[:, num:]
        return drawn

    def repeat(self, num: int, first: int = 0) -> "RowGenerators":
        """Repeat each row `num` times, from copy `first` on; copy 0 keeps the row's seed, others get new ones."""
        return RowGenerators([_derive(seed, first + index) for seed in self._seeds for index in range(num)])


def _derive(seed: int, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:7]) if index else seed


class Decoder(ABC):
    """Base class: writes tokens under a prompt."""

    seeks_likeliest: bool = False
    """True if it searches for the likeliest piece instead of drawing one; the usual rules then reward movement."""

    @abstractmethod
    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write one piece per row of the prompt.

        Raises:
            DeadEndError: If the constraints leave a row no token.
        """

    def decode_batches(
        self, model: Model, prompt: TokenPrompt, generator: RowGenerators, num: int
    ) -> Iterator[Generation]:
        """Write up to `num` pieces per row, in batches, so that memory doesn't grow with `num`.

        By default: decode `num` times, each with its own random stream; the first piece is that of `decode`.

        Yields:
            Generations with a multiple of B rows, grouped by prompt. Missing pieces have a score of minus infinity.
        """
        most = max(1, _BATCH // len(prompt.allowed))
        for first in range(0, num, most):
            part = min(most, num - first)
            index = torch.arange(len(prompt.allowed)).repeat_interleave(part)
            try:
                yield self.decode(model, prompt.rows(index), generator.repeat(part, first))
            except DeadEndError as error:
                raise DeadEndError(str(error), error.row // part, error.t) from error


class StepDecoder(Decoder):
    """Base class of decoders that go left to right: a subclass chooses each token, `Walk` is the loop."""

    hypotheses: int = 1
    """K, hypotheses per row."""

    passes_given: bool = False
    """True if `step` at a given token does nothing but add its log-probability minus cost to each score: it draws
    nothing, and where hypotheses stand doesn't matter. Then it isn't asked there."""

    shortsighted: bool = False
    """True if given tokens far behind the last free one may be left out of the prompt. It must pass given tokens, and
    do nothing at the end but rank hypotheses by their scores."""

    @abstractmethod
    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Choose the next token of every hypothesis.

        Args:
            score: (B, K) of the hypotheses so far; minus infinity if dead.
            log_probs: (B, K, V) nats, normalised, minus the cost of soft constraints; read-only.
            allowed: (B, K, V) bool.
            generator: The only source of randomness.

        Returns:
            Per hypothesis (B, K): its parent, the token, the new score.
        """

    def initial_score(self) -> Tensor:
        """Initial scores (K,): one live hypothesis."""
        score = torch.full((self.hypotheses,), -torch.inf)
        score[0] = 0.0
        return score

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write one piece per row: the hypothesis with the highest score."""
        walk = self.walk(model, prompt, generator)
        return walk.finish(walk.score.argmax(1, keepdim=True))

    def walk(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Walk:
        """Run the loop to the end of a prompt."""
        with stepping():
            walk = Walk(model, prompt, self.initial_score(), passes=self.passes_given)
            for log_probs, allowed in walk:
                walk.take(self.step(walk.score, log_probs, allowed, generator))
        return walk
