"""Totals and weighted means as torchmetrics metrics."""

from collections.abc import Callable
from typing import Any, Generic

import torch
from torch import Tensor
from torchmetrics import Metric

from bachlit.metrics.totals import Counts


class Totals(Metric, Generic[Counts]):
    """Metric of a counter, over pieces and processes.

    Args:
        kind: Named tuple of the counter, such as `RuleCounts`.
        count: Counter, such as `rule_counts`.

    >>> from bachlit.music.chorale import Chorale
    >>> from bachlit.metrics import RuleCounts, rule_counts
    >>> totals = Totals(RuleCounts, rule_counts)
    >>> for _ in range(2):
    ...     totals.update(Chorale.from_pitches([[60, 64, 55, 48]] * 3))
    >>> totals.compute().crossings
    6
    """

    full_state_update = False
    sums: Tensor

    def __init__(self, kind: type[Counts], count: Callable[..., Counts]) -> None:
        super().__init__()
        self.kind, self.count = kind, count
        num_counts = len(kind._fields)  # type: ignore[attr-defined]  # a named tuple has them
        self.add_state("sums", torch.zeros(num_counts, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, *args: Any) -> None:
        """Count a piece, given the counter's arguments."""
        self.sums += torch.tensor(self.count(*args), dtype=torch.long, device=self.sums.device)

    def compute(self) -> Counts:
        """Counts over all pieces."""
        return self.kind(*self.sums.tolist())


class WeightedMean(Metric):
    """Weighted mean, over steps and processes; its sums can be saved and restored.

    torchmetrics' `MeanMetric` drops NaN, which a diverged fit must show, or with `nan_strategy="disable"` the weights.

    >>> mean = WeightedMean()
    >>> mean.update(torch.tensor(2.0), 1)
    >>> mean.update(torch.tensor(5.0), 2)
    >>> mean.compute()
    tensor(4.)
    """

    full_state_update = False
    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(2), dist_reduce_fx="sum")

    def update(self, value: Tensor, weight: int) -> None:
        """Add a value () with a weight."""
        self.sums = self.sums + torch.stack([value.detach() * weight, value.new_tensor(weight)]).to(self.sums)

    def compute(self) -> Tensor:
        """Mean; 0 if empty."""
        return self.sums[0] / self.sums[1].clamp(min=1e-9)
