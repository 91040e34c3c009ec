"""Pruning: the callback that reports a fit to its sweep and stops it."""

import os

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from bachlit.errors import OptionError
from bachlit.internals import epochs_done
from bachlit.sweeping.fitting import UNDER_A_SWEEP, Figure, tell


class Pruning(Callback):
    """Report each validation to the sweep, and stop the fit if the sweep says so.

    In a fit outside of a sweep it does nothing: a trial's `config.yaml` can be fitted again. Optuna's own callback
    imports `lightning.pytorch`, whose classes aren't those of `pytorch_lightning`. `monitor` is the metric's name.
    """

    def __init__(self, monitor: str = "val/nats_per_frame") -> None:
        self.monitor = monitor

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the metric.

        Raises:
            OptionError: If there is none of that name.
            BachlitError: If the sweep has ended.
        """
        if UNDER_A_SWEEP not in os.environ or trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        figures = trainer.callback_metrics
        if self.monitor not in figures:
            raise OptionError(
                f"The fit has no figure {self.monitor!r} to monitor; expected one of {', '.join(sorted(figures))}; "
                "correct --monitor."
            )
        stop = False
        if trainer.is_global_zero:
            stop = tell(Figure(float(figures[self.monitor]), epochs_done(trainer)))
        trainer.should_stop |= trainer.strategy.broadcast(stop)
