"""The contract of a decoder, and randomness that keeps rows apart."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt
from bachlit.decoding.walk import Walk, stepping
from bachlit.errors import DeadEndError

_BATCH = 128  # rows that are decoded at once where a prompt is decoded many times: some 100 MB


class RowGenerators:
    """A random stream for each row, so that a row's result doesn't depend on its neighbours.

    Args:
        seeds: One a row.
    """

    _BLOCK = 1024

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = [seed % 2**63 for seed in seeds]
        self._generators = [torch.Generator().manual_seed(seed) for seed in self._seeds]
        self._drawn = torch.empty(len(seeds), 0, dtype=torch.float64)

    def uniform(self, num: int) -> Tensor:
        """(B, num) draws, evenly distributed above 0 and up to 1."""
        while self._drawn.shape[1] < num:
            blocks = [torch.rand(self._BLOCK, generator=one, dtype=torch.float64) for one in self._generators]
            self._drawn = torch.cat([self._drawn, 1.0 - torch.stack(blocks)], 1)
        drawn, self._drawn = self._drawn[:, :num], self._drawn[:, num:]
        return drawn

    def repeat(self, num: int, first: int = 0) -> "RowGenerators":
        """Each row `num` times, from copy `first` on; copy 0 has the row's own seed, the others seeds of their own."""
        return RowGenerators([_derive(seed, first + index) for seed in self._seeds for index in range(num)])


def _derive(seed: int, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:7]) if index else seed


class Decoder(ABC):
    """Writes tokens under a prompt."""

    seeks_likeliest: bool = False
    """Whether it looks for the likeliest piece instead of drawing one: then it wants rewards for movement."""

    @abstractmethod
    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write one piece a row of the prompt.

        Raises:
            DeadEndError: If the constraints leave a row nothing to choose.
        """

    def decode_several(self, model: Model, prompt: TokenPrompt, generator: RowGenerators, num: int) -> Generation:
        """Write up to `num` pieces a row; the first is what `decode` writes.

        Left as it is, it decodes so many times, each with a random stream of its own.

        Returns:
            B num rows, each prompt's after one another. Where there are fewer, the score of the others is minus
            infinity.
        """
        return self._repeated(model, prompt, generator.repeat(num), num)

    def decode_batches(
        self, model: Model, prompt: TokenPrompt, generator: RowGenerators, num: int
    ) -> Iterator[Generation]:
        """Write up to `num` pieces a row, a batch of them at a time, so that memory doesn't grow with `num`.

        Left as it is, it gives what `decode_several` gives, left as that is.

        Yields:
            Generations of B rows or a multiple of them, as `decode_several` returns.
        """
        most = max(1, _BATCH // len(prompt.allowed))
        if num <= most:
            yield self.decode_several(model, prompt, generator, num)
            return
        for first in range(0, num, most):
            part = min(most, num - first)
            yield self._repeated(model, prompt, generator.repeat(part, first), part)

    def _repeated(self, model: Model, prompt: TokenPrompt, generator: RowGenerators, num: int) -> Generation:
        """Decode each row `num` times."""
        index = torch.arange(len(prompt.allowed)).repeat_interleave(num)
        try:
            return self.decode(model, prompt.rows(index), generator)
        except DeadEndError as error:
            raise DeadEndError(str(error), error.row // num, error.t) from error


class StepDecoder(Decoder):
    """Left to right: a subclass says how many hypotheses it keeps and how it chooses; `Walk` is the loop."""

    hypotheses: int = 1
    """K."""

    @abstractmethod
    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Choose the next token of every hypothesis.

        Args:
            score: (B, K) of the hypotheses so far; minus infinity for one that isn't alive.
            log_probs: (B, K, V) in nats: normalised, less what soft constraints cost; not to be changed.
            allowed: (B, K, V) bool.
            generator: The only source of randomness.

        Returns:
            (B, K) each: the hypothesis that is continued, the token, the new score.
        """

    def initial_score(self) -> Tensor:
        """(K,) the scores at the start: one hypothesis is alive."""
        score = torch.full((self.hypotheses,), -torch.inf)
        score[0] = 0.0
        return score

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """See `Decoder.decode`."""
        walk = self.walk(model, prompt, generator)
        return walk.finish(walk.score.argmax(1, keepdim=True))

    def walk(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Walk:
        """Walk to the end of a prompt."""
        with stepping():
            walk = Walk(model, prompt, self.initial_score())
            for log_probs, allowed in walk:
                walk.take(self.step(walk.score, log_probs, allowed, generator))
        return walk
