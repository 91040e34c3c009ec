"""WeightAverage: evaluate and keep a running average of the weights instead of the last ones."""

from collections.abc import Sequence
from functools import partial

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from bachlit.errors import OptionError
from bachlit.internals import forget_average


class WeightAverage(WeightAveraging):
    """Averages the weights of the last steps, those further back with exponentially less weight.

    The average is what validation judges, what checkpoints hold as the model, and what is there when training ends
    (Polyak and Juditsky, *Acceleration of stochastic approximation by averaging*, 1992). On few pieces it is better
    than the weights of any one step. Training itself goes on from its own weights, which checkpoints keep beside. The
    statistics of batch normalisation are averaged like the weights that they belong to.

    Args:
        decay: What is left of a step's share after the next; 0.998 averages some 500 steps. At the beginning it is
            less, so that the weights with which training began are soon forgotten.

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
        """Leave the average in its place: callbacks that decode at the end of validation shall see it, too."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give training its own weights back."""
        super().on_validation_epoch_end(trainer, pl_module)


def _average(decay: float, averages: Sequence[Tensor], weights: Sequence[Tensor], num_averaged: Tensor) -> None:
    """Bring one more step's weights and buffers into the averages; what counts or points is copied."""
    num = float(num_averaged)
    share = 1 - min(decay, (1 + num) / (10 + num))
    for average, now in zip(averages, weights, strict=True):
        if average.is_floating_point():
            average.lerp_(now, share)
        else:
            average.copy_(now)
