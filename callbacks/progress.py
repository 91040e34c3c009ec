"""Progress of a fit: a bar in a terminal, a line per epoch in a file."""

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, RichProgressBar
from pytorch_lightning.callbacks.progress.rich_progress import RichProgressBarTheme

from bachlit.internals import EpochsFromOne
from bachlit.rendering.digits import four_digits

_SHORT = {"train/loss_epoch": "loss", "train/loss_step": "loss", "val/nats_per_frame": "nats/frame"}
_BAR = 10  # columns: with the figures, a line fits 80


class EpochLines(Callback):
    """Print a line per epoch, for logs.

    A line has the epoch, the step, the training loss, the validation's nats per frame, the best figure so far and the
    seconds that the epoch took. The best is that of the fit's `ModelCheckpoint`, so a resumed fit knows it; if it
    monitors another figure, that is printed, too. `bachlit fit` adds this callback where its output isn't a terminal.
    """

    def __init__(self) -> None:
        self._begun = 0.0  # when, in seconds

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the line, in the first process alone."""
        if trainer.is_global_zero:
            print(self._line(trainer), flush=True)

    def _line(self, trainer: pl.Trainer) -> str:
        """Format the epoch; figures that weren't logged are left out."""
        last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        number = f"{trainer.current_epoch + 1:{len(str(last or ''))}}" + (f"/{last}" if last else "")
        parts = [f"epoch {number}", f"step {trainer.global_step}"]
        kept = trainer.checkpoint_callback if isinstance(trainer.checkpoint_callback, ModelCheckpoint) else None
        for name in dict.fromkeys(("train/loss_epoch", "val/nats_per_frame", kept.monitor if kept else None)):
            if name in trainer.callback_metrics:
                value = float(trainer.callback_metrics[name])
                best = f" (best {four_digits(_best(value, kept))})" if kept and kept.monitor == name else ""
                parts.append(f"{_SHORT.get(name, name)} {four_digits(value)}{best}")
        return ", ".join([*parts, f"{time.monotonic() - self._begun:.1f} s"])


def _best(value: float, kept: ModelCheckpoint) -> float:
    """Return the best figure so far, with the epoch's, which is kept after its line is printed."""
    before = [float(kept.best_model_score)] if kept.best_model_score is not None else []
    return (max if kept.mode == "max" else min)([*before, value])  # of a NaN, what is before it


class EpochBar(EpochsFromOne, RichProgressBar):
    """Show a bar per epoch, whose line fits a terminal of 80 columns.

    Epochs count from one, and figures have four significant digits. `bachlit fit` adds this callback in a terminal.
    """

    def __init__(self) -> None:
        super().__init__(theme=RichProgressBarTheme(metrics_format="#.4g"))

    def configure_columns(self, trainer: pl.Trainer) -> list[Any]:
        """Choose the columns: a short bar, no speed."""
        description, bar, batches, seconds, _ = super().configure_columns(trainer)
        bar.bar_width = _BAR
        return [description, bar, batches, seconds]

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Shorten the figures' names, and leave out the logger's version."""
        metrics = super().get_metrics(trainer, pl_module)
        return {_SHORT.get(name, name): value for name, value in metrics.items() if name != "v_num"}
