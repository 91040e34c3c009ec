"""WeightAverage: evaluate and keep a running average of the weights."""

from collections.abc import Sequence
from functools import partial

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from bachlit.errors import OptionError
from bachlit.internals import forget_average


class WeightAverage(WeightAveraging):
    """Average the weights of the last steps, exponentially less those further back.

    Validation judges the average, checkpoints hold it as the model, and training ends with it
    (Polyak and Juditsky, *Acceleration of stochastic approximation by averaging*, 1992). On few pieces it is better
    than the weights of any one step. Training itself goes on from its own weights, which checkpoints keep beside. The
    statistics of batch normalisation are averaged like the weights that they belong to.

    Args:
        decay: The factor of a step's share at each later step; 0.998 averages some 500 steps. At the beginning it is
            less, so that the initial weights are soon forgotten.

    Raises:
        OptionError: If the decay isn't a share below 1.
    """

    def __init__(self, decay: float = 0.998) -> None:
        if not 0 <= decay < 1:
            raise OptionError(
                f"Weights can't be averaged with a decay of {decay}; expected 0 to below 1, such as 0.998."
            )
        super().__init__(use_buffers=True, multi_avg_fn=partial(_average, decay))

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begin an average with a fit; outside one there is none, and checkpoints are read as they stand."""
        super().setup(trainer, pl_module, stage)
        if stage != "fit":
            forget_average(self)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the average in place for callbacks that decode at the end of validation."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give training its own weights back."""
        super().on_validation_epoch_end(trainer, pl_module)


def _average(decay: float, averages: Sequence[Tensor], weights: Sequence[Tensor], num_averaged: Tensor) -> None:
    """Add one step's weights and buffers to the averages; integers are copied."""
    num = float(num_averaged)
    share = 1 - min(decay, (1 + num) / (10 + num))
    for average, now in zip(averages, weights, strict=True):
        if average.is_floating_point():
            average.lerp_(now, share)
        else:
            average.copy_(now)
