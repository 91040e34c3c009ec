"""What several processes that train one model do together, and wait for as little as they can."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, distributed


def summed(part: Tensor, trainer: pl.Trainer) -> Callable[[], Tensor]:
    """Begin to sum a tensor over all processes, which must all ask for the same sums in the same order.

    Args:
        part: This process's, (...); it is left as it is.
        trainer: Of the fit.

    Returns:
        Gives the sum, (...), when it is asked for, and waits for it only then.
    """
    total = part.detach().clone()
    if trainer.world_size == 1:
        return lambda: total
    work = distributed.all_reduce(total, async_op=True)

    def wait() -> Tensor:
        work.wait()
        return total

    return wait


def without_copies(strategy: Any) -> Any:
    """Lightning's strategy of the name ddp, so that it exchanges gradients where they are; any other as it is."""
    return DDPStrategy(gradient_as_bucket_view=True) if strategy == "ddp" else strategy
