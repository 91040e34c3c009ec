"""LastCheckpoint: the checkpoint that a fit resumes from, however it ended."""

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
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]  # imported there
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from bachlit.errors import OptionError, StoppedError
from bachlit.internals import can_stop_early, forget_sigterm, is_accumulating, validates_this_epoch
from bachlit.models.checkpoints import keep_before
from bachlit.models.runs import LAST
from bachlit.training.processes import summed

_SIGNALS = {int(signal.SIGTERM): "SIGTERM", int(signal.SIGINT): "Ctrl-C"}


class LastCheckpoint(Checkpoint):
    """Keep `last.ckpt`: a fit resumed from it, within an epoch too, ends as the uninterrupted one, bit for bit.

    It is written every few minutes, after each epoch, when `--trainer.max_time` is up, and on SIGTERM (as by a
    cluster) or Ctrl-C, which then stop the fit. The one before it stays as `last-before.ckpt`. A second Ctrl-C stops at
    once.

    Args:
        minutes: Minutes between two checkpoints within an epoch; 0 for none there, None for none at all.

    Raises:
        OptionError: If the minutes are negative.
    """

    def __init__(self, minutes: float | None = 10.0) -> None:
        if minutes is not None and not minutes >= 0:
            raise OptionError(f"Checkpoints can't be {minutes} minutes apart; expected 0 (for none) or more.")
        self.minutes = minutes
        self._received = 0  # the signal that this process got
        self._stopping = 0  # the signal that any process got: all know it, and all is saved
        self._complete = False  # the fit resumes from what is saved: what it still does is lost
        self._shall_end = False  # the fit ends as soon as no gradients are gathered
        self._figures: dict[str, Tensor] = {}
        self._due = False  # plateau schedules still have to see the figures
        self._next = 0.0
        self._asked: Callable[[], Tensor] | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget another fit's signals."""
        self._received, self._stopping, self._complete, self._shall_end = 0, 0, False, False

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen to signals before the first step, too."""
        self._handle_signals(trainer)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, listen to signals, and restore the resumed fit's figures."""
        self._next = self._next_time()
        # Callbacks that watch a figure at an epoch's end may need one from a validation before the fit resumed.
        trainer.callback_metrics.update(
            {name: figure.to(trainer.strategy.root_device) for name, figure in self._figures.items()}
        )
        self._figures = {}
        if self._due:
            self._step_plateaus(trainer)
        self._handle_signals(trainer)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask the other processes while the optimiser steps."""
        self._asked = self._ask(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when due, unless a validation follows at once or the epoch ends."""
        signum, due = self._agree(trainer)
        self._end_after_a_step(trainer)
        ending = bool(signum) or _ends(trainer)
        if not (ending or due) or is_accumulating(trainer) or _validates(trainer, batch_idx):
            return
        self._save(trainer)
        self._stopping, self._complete = signum, ending

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after a validation within an epoch if the fit ends there."""
        if trainer.state.fn != "fit" or trainer.sanity_checking or trainer.is_last_batch:
            return
        self._end_after_a_step(trainer)
        if _ends(trainer) and not is_accumulating(trainer):
            self._save(trainer)
            self._complete = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after the epoch and its validation."""
        if trainer.fit_loop.restarting:  # Lightning leaves them out at the end of a resumed epoch
            self._step_plateaus(trainer)
        self._due = not trainer.fit_loop.restarting
        self._save(trainer)
        self._due = False
        self._stopping = self._stopping or self._agree(trainer)[0]

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Stop after saving, once the figures are logged.

        Raises:
            StoppedError: If a process got a signal.
        """
        if self._stopping:
            self._stop(trainer)

    on_train_epoch_start = on_train_batch_start

    def state_dict(self) -> dict[str, Any]:
        """Keep the figures so far, and whether plateau schedules still have to see them."""
        return {"due": self._due, "figures": self._figures}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore both."""
        self._due, self._figures = bool(state_dict["due"]), dict(state_dict.get("figures", {}))

    def _step_plateaus(self, trainer: pl.Trainer) -> None:
        """Step the schedules that watch a figure."""
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and config.monitor in trainer.callback_metrics:
                config.scheduler.step(float(trainer.callback_metrics[config.monitor]))  # type: ignore[arg-type]  # it watches
        self._due = False

    def _end_after_a_step(self, trainer: pl.Trainer) -> None:
        """Postpone the end of a fit while gradients are gathered, which no checkpoint keeps."""
        self._shall_end = self._shall_end or trainer.should_stop
        if self.minutes is not None and self._shall_end:
            trainer.should_stop = not is_accumulating(trainer)

    def _handle_signals(self, trainer: pl.Trainer) -> None:
        """Listen to signals until Lightning restores the handlers from before the fit."""
        if self.minutes is None or threading.current_thread() is not threading.main_thread():
            return
        # Instead of Lightning's handler, in which one process that gets a signal would wait for the others.
        signal.signal(signal.SIGTERM, self._on_signal)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_signal)
        if trainer.received_sigterm:
            forget_sigterm(trainer)
            self._received = signal.SIGTERM

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGINT:
            if self._received == signum:
                raise KeyboardInterrupt
            rank_zero_info("The fit stops after this step and saves where it is; Ctrl-C again stops it at once.")
        self._received = signum

    def _next_time(self) -> float:
        return time.monotonic() + 60 * self.minutes if self.minutes else float("inf")

    def _agree(self, trainer: pl.Trainer) -> tuple[int, bool]:
        """Give the signal that any process got, and whether saving is due by the first one's clock."""
        asked, self._asked = self._asked or self._ask(trainer), None
        *received, due = (asked() > 0).tolist()
        return next((signum for signum, any_was in zip(_SIGNALS, received, strict=True) if any_was), 0), due

    def _ask(self, trainer: pl.Trainer) -> Callable[[], Tensor]:
        due = time.monotonic() >= self._next and trainer.is_global_zero
        flags = [*(self._received == signum for signum in _SIGNALS), due]
        return summed(torch.tensor(flags, dtype=torch.float32, device=trainer.strategy.root_device), trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if self.minutes is None or self._complete or trainer.fast_dev_run:  # type: ignore[attr-defined]  # set but not declared
            return
        self._figures = {name: figure.detach().cpu() for name, figure in trainer.callback_metrics.items()}
        path = _folder(trainer) / LAST
        if trainer.is_global_zero and path.is_file():
            keep_before(path)
        trainer.save_checkpoint(path, weights_only=False)  # all that a fit resumes from
        self._figures = {}
        for logger in trainer.loggers:
            logger.save()
        self._next = self._next_time()

    def _stop(self, trainer: pl.Trainer) -> None:
        where = _folder(trainer) / LAST
        # If a helper ends with an error, Lightning kills the first process, which may still be busy.
        environment = getattr(trainer.strategy, "cluster_environment", None)
        is_helper = trainer.local_rank > 0 and isinstance(environment, LightningEnvironment)
        raise StoppedError(
            f"The fit was told to end ({_SIGNALS[self._stopping]}); go on where it was with --ckpt_path {where}.",
            0 if is_helper else 128 + self._stopping,
        )


def _ends(trainer: pl.Trainer) -> bool:
    """Tell whether a fit is about to end before its epochs do."""
    return (trainer.should_stop and can_stop_early(trainer)) or trainer.global_step == trainer.max_steps


def _folder(trainer: pl.Trainer) -> Path:
    """Give the folder, that of the best checkpoints."""
    best = next((one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint)), None)
    return Path((best and best.dirpath) or Path(trainer.default_root_dir) / "checkpoints")


def _validates(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Tell whether this batch ends the epoch, or a validation follows it."""
    every = trainer.val_check_batch if validates_this_epoch(trainer) else None
    done = trainer.fit_loop.total_batch_idx if trainer.check_val_every_n_epoch is None else batch_idx
    return trainer.is_last_batch or (every is not None and every != float("inf") and (done + 1) % int(every) == 0)
