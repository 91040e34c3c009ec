"""Ensemble: networks whose predictions are averaged."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from bachlit.errors import OptionError
from bachlit.networks import Memory, Network, SequenceStepper, Stepper


class Ensemble(Network):
    """Average the probabilities that several networks give the next token.

    What one network gets wrong is mostly its own, so the mean is nearer to the truth (Dietterich, *Ensemble methods in
    machine learning*, 2000). An ensemble isn't trained and makes no checkpoints: it teaches (`bachlit.distill`), is
    measured and writes.

    Args:
        networks: At least one, all of one encoding. One that is given twice counts twice, and is computed once.

    Raises:
        OptionError: If there are none.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__()
        if not networks:
            raise OptionError("An ensemble of no networks predicts nothing; expected at least one; name some.")
        counted = Counter(networks)
        self.networks = nn.ModuleList(counted)
        self.counts = [*counted.values()]
        self.config = {}
        self._spans = _spans([len(network.initial_memory(1)) for network in counted])

    def initial_memory(self, batch_size: int) -> Memory:
        """Make all networks' memories, one after another."""
        return tuple(part for network in self.networks for part in network.initial_memory(batch_size))  # type: ignore[operator]

    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Predict log-probabilities (B, N, V) of the tokens after each of (B, N)."""
        predicted = [
            network(tokens, memory[span], prompt) for network, span in zip(self.networks, self._spans, strict=True)
        ]
        return _together(predicted, self.counts)

    def stepper(self) -> Stepper | None:
        """Step all networks, each as fast as it can; only in evaluation."""
        if self.training:
            return None
        steppers = [network.stepper() or SequenceStepper(network) for network in self.networks]  # type: ignore[operator,arg-type]
        return EnsembleStepper(steppers, self.counts)


class EnsembleStepper(Stepper):
    """Step several networks, and average their probabilities.

    Args:
        steppers: Theirs.
        counts: How often each counts.
    """

    normalised = True

    def __init__(self, steppers: Sequence[Stepper], counts: Sequence[int]) -> None:
        self._steppers = steppers
        self._counts = counts
        self._spans = _spans([len(stepper.begin(1)) for stepper in steppers])

    def begin(self, batch_size: int) -> Memory:
        """Make all memories, one after another."""
        return tuple(part for stepper in self._steppers for part in stepper.begin(batch_size))

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give log-probabilities (B, V) of what follows each row's last token (B,), and the memory after."""
        steps = [one.step(tokens, memory[span]) for one, span in zip(self._steppers, self._spans, strict=True)]
        return _together(steps, self._counts)

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give log-probabilities (B, N, V) of what follows each of the tokens (B, N), and the memory after."""
        reads = [one.read(tokens, memory[span]) for one, span in zip(self._steppers, self._spans, strict=True)]
        return _together(reads, self._counts)

    def select(self, memory: Memory, index: Tensor) -> Memory:
        """Select rows (B',) of each memory, in this order."""
        selected = (
            stepper.select(memory[span], index) for stepper, span in zip(self._steppers, self._spans, strict=True)
        )
        return tuple(part for one in selected for part in one)


def mean_of(logits: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """Average logits (..., V) as probabilities, each as often as it counts: log-probabilities (..., V).

    >>> one, other = torch.tensor([0.9, 0.1]).log(), torch.tensor([0.5, 0.5]).log()
    >>> mean_of([one, other], [3, 1]).exp()
    tensor([0.8000, 0.2000])
    """
    log_probs = [one.log_softmax(-1) + math.log(count) for one, count in zip(logits, counts, strict=True)]
    return torch.stack(log_probs).logsumexp(0).log_softmax(-1)


def _together(predicted: Sequence[tuple[Tensor, Memory]], counts: Sequence[int]) -> tuple[Tensor, Memory]:
    """Average what each network gives, and put their memories one after another."""
    return mean_of([logits for logits, _ in predicted], counts), tuple(part for _, after in predicted for part in after)


def _spans(sizes: Sequence[int]) -> list[slice]:
    return [slice(first, stop) for first, stop in pairwise(accumulate(sizes, initial=0))]
