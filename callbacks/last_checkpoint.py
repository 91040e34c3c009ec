"""LastCheckpoint: what a fit goes on from, however it ended."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from bachlit.errors import OptionError, StoppedError
from bachlit.internals import can_stop_early, forget_sigterm, is_accumulating, validates_this_epoch
from bachlit.models.checkpoints import LAST, keep_before
from bachlit.training.processes import summed

_SIGNALS = {int(signal.SIGTERM): "SIGTERM", int(signal.SIGINT): "Ctrl-C"}


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt`, from which a fit goes on and ends bit for bit where it would have ended, within an epoch too.

    It is written every few minutes, after each epoch, when `--trainer.max_time` is up, and when the process is
    told to end (SIGTERM, as by a cluster, or Ctrl-C); then the fit stops. The one before it stays as
    `last-before.ckpt`. A second Ctrl-C stops at once.

    Args:
        minutes: Between two of them within an epoch; 0 for none there, None for none at all.

    Raises:
        OptionError: If the minutes are negative.
    """

    def __init__(self, minutes: float | None = 10.0) -> None:
        if minutes is not None and not minutes >= 0:
            raise OptionError(f"Checkpoints can't be {minutes} minutes apart; expected 0 (for none) or more.")
        self.minutes = minutes
        self._told = 0  # the signal by which this process was told to end
        self._stopping = 0  # that by which any was: all processes know it, and what is there is saved
        self._complete = False  # what is saved is where the fit shall go on: what it still does is thrown away
        self._shall_end = False  # the fit shall end, as soon as there is no half of a step
        self._due: dict[str, float] = {}
        self._figures: dict[str, Tensor] = {}
        self._next = 0.0
        self._asked: Callable[[], Tensor] | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget what another fit was told."""
        self._told, self._stopping, self._complete, self._shall_end = 0, 0, False, False

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen to signals before the first step, too."""
        self._hear(trainer)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, listen to signals, and have the figures at hand that the fit had which goes on."""
        self._next = self._then()
        self._tell(trainer)
        # What watches a figure at an epoch's end may need that of a validation before this fit went on.
        trainer.callback_metrics.update(
            {name: figure.to(trainer.strategy.root_device) for name, figure in self._figures.items()}
        )
        self._figures = {}
        self._hear(trainer)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask the other processes while the optimiser steps."""
        self._asked = self._ask(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where it is time, unless a validation follows at once or the epoch ends."""
        told, due = self._agree(trainer)
        self._end_after_a_step(trainer)
        ending = bool(told) or _ends(trainer)
        if not (ending or due) or is_accumulating(trainer) or _validates(trainer, batch_idx):
            return
        self._save(trainer)
        self._stopping, self._complete = told, ending

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after a validation within an epoch where the fit ends."""
        if trainer.state.fn != "fit" or trainer.sanity_checking or trainer.is_last_batch:
            return
        self._end_after_a_step(trainer)
        if _ends(trainer) and not is_accumulating(trainer):
            self._save(trainer)
            self._complete = True

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop after what was saved, when its figures are logged, too.

        Raises:
            StoppedError: If a process was told to end.
        """
        if self._stopping:
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save what the epoch came to, with its validation."""
        self._due = {
            config.monitor: float(trainer.callback_metrics[config.monitor])
            for config in trainer.lr_scheduler_configs
            if config.reduce_on_plateau and config.monitor in trainer.callback_metrics
        }
        if trainer.fit_loop.restarting:  # Lightning leaves them out at the end of an epoch that was gone on with
            self._tell(trainer)
        self._save(trainer)
        self._due = {}
        self._stopping = self._stopping or self._agree(trainer)[0]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop after an epoch that was saved.

        Raises:
            StoppedError: If a process was told to end.
        """
        if self._stopping:
            self._stop(trainer)

    def state_dict(self) -> dict[str, Any]:
        """What was logged so far, and what schedules that watch a plateau hear of only after the epoch's end."""
        return {"due": self._due, "figures": self._figures}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Tell them when the fit goes on."""
        self._due, self._figures = dict(state_dict["due"]), dict(state_dict.get("figures", {}))

    def _tell(self, trainer: pl.Trainer) -> None:
        """Tell the schedules that watch a plateau what is due."""
        for config in trainer.lr_scheduler_configs:
            if config.monitor in self._due:
                config.scheduler.step(self._due[config.monitor])  # type: ignore[call-arg]  # it watches a figure
        self._due = {}

    def _end_after_a_step(self, trainer: pl.Trainer) -> None:
        """Put off the end of a fit where gradients are gathered that no checkpoint keeps."""
        self._shall_end = self._shall_end or trainer.should_stop
        if self.minutes is not None and self._shall_end:
            trainer.should_stop = not is_accumulating(trainer)

    def _hear(self, trainer: pl.Trainer) -> None:
        """Listen to signals, until Lightning puts back what listened to them before the fit."""
        if self.minutes is None or threading.current_thread() is not threading.main_thread():
            return
        # Instead of Lightning's, in which a process that is told alone would wait for the others.
        signal.signal(signal.SIGTERM, self._listen)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._listen)
        if trainer.received_sigterm:
            forget_sigterm(trainer)
            self._told = signal.SIGTERM

    def _listen(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGINT:
            if self._told == signum:
                raise KeyboardInterrupt
            rank_zero_info("The fit stops after this step and saves where it is; Ctrl-C again stops it at once.")
        self._told = signum

    def _then(self) -> float:
        return time.monotonic() + 60 * self.minutes if self.minutes else float("inf")

    def _agree(self, trainer: pl.Trainer) -> tuple[int, bool]:
        """The signal by which any process was told to end, and whether it is time to save by the first one's clock."""
        asked, self._asked = self._asked or self._ask(trainer), None
        *told, due = (asked() > 0).tolist()
        return next((signum for signum, any_was in zip(_SIGNALS, told, strict=True) if any_was), 0), due

    def _ask(self, trainer: pl.Trainer) -> Callable[[], Tensor]:
        due = time.monotonic() >= self._next and trainer.is_global_zero
        flags = [*(self._told == signum for signum in _SIGNALS), due]
        return summed(torch.tensor(flags, dtype=torch.float32, device=trainer.strategy.root_device), trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if self.minutes is None or self._complete or trainer.fast_dev_run:
            return
        self._figures = {name: figure.detach().cpu() for name, figure in trainer.callback_metrics.items()}
        path = _folder(trainer) / LAST
        if trainer.is_global_zero and path.is_file():
            keep_before(path)
        trainer.save_checkpoint(path, weights_only=False)  # all that a fit goes on from
        self._figures = {}
        for logger in trainer.loggers:
            logger.save()
        self._next = self._then()

    def _stop(self, trainer: pl.Trainer) -> None:
        where = _folder(trainer) / LAST
        # A helper that ends with an error is Lightning's reason to kill the first process, which may still be busy.
        is_helper = trainer.local_rank > 0 and isinstance(trainer.strategy.cluster_environment, LightningEnvironment)
        raise StoppedError(
            f"The fit was told to end ({_SIGNALS[self._stopping]}); go on where it was with --ckpt_path {where}.",
            0 if is_helper else 128 + self._stopping,
        )


def _ends(trainer: pl.Trainer) -> bool:
    """Whether a fit is about to end before its epochs do."""
    return (trainer.should_stop and can_stop_early(trainer)) or trainer.global_step == trainer.max_steps


def _folder(trainer: pl.Trainer) -> Path:
    """Where the best ones are, too."""
    best = next((one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint)), None)
    return Path((best and best.dirpath) or Path(trainer.default_root_dir) / "checkpoints")


def _validates(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Whether this batch ends the epoch, or a validation is to follow it by its number."""
    every = trainer.val_check_batch if validates_this_epoch(trainer) else None
    done = trainer.fit_loop.total_batch_idx if trainer.check_val_every_n_epoch is None else batch_idx
    return trainer.is_last_batch or (every is not None and every != float("inf") and (done + 1) % int(every) == 0)
