"""Processes that train one model: sums over all of them, waited for as late as possible."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, distributed


def summed(part: Tensor, trainer: pl.Trainer) -> Callable[[], Tensor]:
    """Begin to sum a tensor over all processes, which must all ask in the same order.

    Args:
        part: This process's, (...); it is left as it is.
        trainer: Of the fit.

    Returns:
        A function that waits for the sum, (...), and gives it.
    """
    total = part.detach().clone()
    if trainer.world_size == 1:
        return lambda: total
    work = distributed.all_reduce(total, async_op=True)

    def wait() -> Tensor:
        work.wait()
        return total

    return wait


def share_of_targets(targets: Tensor, trainer: pl.Trainer) -> Callable[[int], float]:
    """Begin to count a step's targets over all processes.

    Args:
        targets: This process's, negative where a step is padding.
        trainer: Of the fit.

    Returns:
        A function from this process's number of targets to the weight of its mean loss: the mean of all processes'
        gradients is then that of one process with all lanes.
    """
    total = summed((targets >= 0).sum().float(), trainer)
    return lambda num: num * trainer.world_size / max(1.0, float(total()))


def without_copies(strategy: Any) -> Any:
    """Make the strategy named ddp exchange gradients in place; leave any other."""
    return DDPStrategy(gradient_as_bucket_view=True) if strategy == "ddp" else strategy
