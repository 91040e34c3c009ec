"""TrainingCurves: a fit's figures per epoch, as a table and a picture."""

import csv
import io
import time
from math import inf
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_warn

from bachlit.errors import BachlitError
from bachlit.extras import require
from bachlit.files.writing import write_whole
from bachlit.internals import epochs_done
from bachlit.rendering.digits import four_digits
from bachlit.rendering.plots import as_png
from bachlit.training.losses import is_in_nats
from bachlit.training.wandb_logger import log_media

_Figures = dict[str, float]

BEST_BY = "val/nats_per_frame"

_TRAINING, _VALIDATION = "C0", "C1"  # colours

_SECONDS = 30.0
"""Between two pictures of one fit."""


class TrainingCurves(Callback):
    """Write `curves.csv` and `curves.png` into the run's folder.

    The table is written after every validation and every epoch, the picture at the end and every half minute, since
    drawing it takes as long as an epoch of a small fit. A row holds the figures at one step: all that are logged once
    per epoch, and the learning rate. A resumed fit continues the checkpoint's rows. The last picture is logged to W&B.
    A training loss other than cross-entropy has an axis of its own.

    Args:
        picture: Draw the picture; it needs matplotlib, from the extra `bachlit[render]`.
    """

    def __init__(self, *, picture: bool = True) -> None:
        self.picture = picture
        self.rows: list[_Figures] = []
        """The figures, oldest first. `epoch` counts finished epochs, and has a fraction inside one."""
        self._folder = Path()
        self._loss = ""  # the name of a training loss that isn't in nats
        self._rate: _Figures = {}
        self._drawn = 0.0  # when, in seconds
        self._is_begun = False  # whether a row is this fit's

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Find the run's folder, and whether pictures can be drawn."""
        # In every process: Lightning makes them agree on the folder here; one that didn't ask would hang the rest.
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)
        loss = getattr(pl_module, "loss_function", None)
        self._loss = "" if loss is None or is_in_nats(loss) else type(loss).__name__
        self.rows = []  # those of a checkpoint come after this
        self._drawn, self._is_begun = time.monotonic(), False
        if stage == "fit" and self.picture:
            try:
                require("matplotlib", "The picture of the curves")
            except BachlitError as error:
                rank_zero_warn(f"{error} Until then there is curves.csv alone.")
                self.picture = False

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Look up the learning rate: after an epoch's last batch it is the next epoch's already."""
        if trainer.optimizers:
            self._rate = {"learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"])}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add validation's figures."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._add(trainer, "val")  # those of training are still the epoch's before

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add training's figures."""
        self._add(trainer, "train")

    def _add(self, trainer: pl.Trainer, stage: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set but not declared; it leaves no files
            return
        if not self.rows or self.rows[-1]["step"] != trainer.global_step:
            self.rows.append({"epoch": epochs_done(trainer), "step": trainer.global_step, **self._rate})
        self.rows[-1] |= _logged(trainer, stage)
        self._is_begun = True
        self._keep(trainer, drawn=time.monotonic() - self._drawn > _SECONDS)

    def _keep(self, trainer: pl.Trainer, *, drawn: bool) -> None:
        """Write the table, and perhaps the picture."""
        if trainer.is_global_zero and self._is_begun:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_whole(self._folder / "curves.csv", _table(self.rows))
                if self.picture and drawn:
                    write_whole(self._folder / "curves.png", _picture(self.rows, self._loss))
                    self._drawn = time.monotonic()
            except Exception as error:  # whatever it is, training is worth more
                rank_zero_warn(
                    f"The curves can't be kept ({type(error).__name__}: {error}); metrics.csv has the figures."
                )

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Draw how far the fit came."""
        self._keep(trainer, drawn=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the last picture, and log it; the curves themselves are in W&B already."""
        self._keep(trainer, drawn=True)
        path = self._folder / "curves.png"
        if self.picture and path.is_file():
            log_media(trainer, lambda wandb: {"curves": wandb.Image(str(path))})

    def state_dict(self) -> dict[str, Any]:
        """Keep the rows in checkpoints."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows."""
        self.rows = [dict(row) for row in state_dict["rows"]]


def best_of(rows: list[_Figures]) -> _Figures:
    """Find the row of the best validation, by nats per frame; empty without one.

    >>> best_of([{"epoch": 1, "val/nats_per_frame": 2.5}, {"epoch": 2}])
    {'epoch': 1, 'val/nats_per_frame': 2.5}
    """
    return min((row for row in rows if row.get(BEST_BY, inf) < inf), key=lambda row: row[BEST_BY], default={})


def _table(rows: list[_Figures]) -> bytes:
    """Write rows as CSV; a missing figure is empty.

    >>> _table([{"epoch": 1, "step": 9, "loss": 2.5}, {"epoch": 2, "step": 18}]).decode().splitlines()
    ['epoch,step,loss', '1,9,2.5', '2,18,']
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _picture(rows: list[_Figures], loss: str = "") -> bytes:
    """Draw rows as PNG: nats per frame with the best epoch; below, nats per token beside the training loss.

    Args:
        rows: The figures.
        loss: The name of the training loss if it isn't in nats per token: it then has an axis on the right.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # of an extra
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(7, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _curve(above, rows, BEST_BY, "validation", colour=_VALIDATION)
    best = best_of(rows)
    if best:
        label = f"best: {four_digits(float(best[BEST_BY]))}, epoch {best['epoch']:g}"
        above.plot([best["epoch"]], [best[BEST_BY]], "o", color="tab:red", label=label)
    above.set_ylabel("nats per frame")
    beside = below.twinx() if loss else below
    _curve(beside, rows, "train/loss_epoch", f"training loss{' (right)' if loss else ''}", colour=_TRAINING)
    _curve(below, rows, "val/nats_per_token", "validation", colour=_VALIDATION)
    below.set_ylabel("nats per token")
    if loss:
        beside.set_ylabel(f"training loss: {loss}")
    below.set_xlabel("epochs")
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    above.grid(alpha=0.3)
    below.grid(alpha=0.3)
    for axes, lines in (
        (above, above.get_lines()),
        (below, [*dict.fromkeys((*beside.get_lines(), *below.get_lines()))]),
    ):
        if lines:
            axes.legend(handles=lines)
    return as_png(figure, dpi=120)


def _curve(axes: Any, rows: list[_Figures], name: str, label: str, *, colour: str) -> None:
    points = [(row["epoch"], row[name]) for row in rows if name in row]
    if points:
        # A line of one point would be invisible.
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 50 else None, label=label, color=colour)


def _logged(trainer: pl.Trainer, stage: str) -> _Figures:
    """Collect the figures of training or validation for whole epochs, each name once.

    Those that callbacks log now and then, such as decoders', Lightning would repeat.
    """
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(stage)}
    return {
        name: value for name, value in logged.items() if not name.endswith("_step") and f"{name}_epoch" not in logged
    }
