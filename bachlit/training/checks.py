"""Checks before training: what can't work is refused while nothing is lost."""

import tempfile
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import nn

from bachlit.errors import OptionError
from bachlit.training.model import ChoraleModel

# Lightning takes any number here, and divides by it or turns the gradient round.
_ABOVE_ZERO = ("accumulate_grad_batches", "check_val_every_n_epoch", "val_check_interval")


def rehearse(trainer: pl.Trainer, model: ChoraleModel) -> None:
    """Make what a fit would make after it began its folder: optimiser, schedule, a typed folder of checkpoints.

    Raises:
        OptionError: If an optimiser, a schedule or a loss of PyTorch's, or a number for the trainer, can't work here.
    """
    for option in (*_ABOVE_ZERO, "gradient_clip_val"):
        value, least = getattr(trainer, option), "more than 0" if option in _ABOVE_ZERO else "at least 0"
        if isinstance(value, int | float) and (value < 0 or (value == 0 and option in _ABOVE_ZERO)):
            raise OptionError(f"--trainer.{option} is {value}; expected {least}; correct it, or leave it out.")
    model.configure_optimizers()
    weight = nn.Parameter(torch.zeros(2, 2))  # that nobody needs
    weight.grad = torch.zeros(2, 2)
    optimizer: Any = model.optimizer([weight])
    scheduler: Any = model.lr_scheduler(optimizer) if model.lr_scheduler else None
    metric = [torch.zeros(())] if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau) else []
    logits, targets = torch.zeros(2, model.encoding.vocabulary_size), torch.zeros(2, dtype=torch.long)
    _try(optimizer, lambda: optimizer.step(lambda: torch.zeros(())))
    _try(scheduler, lambda: scheduler.step(*metric))
    _try(model.loss_function, lambda: model.loss_function(logits, targets).item())
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            callback.format_checkpoint_name({})
        folder = getattr(callback, "dirpath", None)
        if folder and "://" not in str(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass


def _try(part: object, act: Callable[[], object]) -> None:
    """Try a part of PyTorch's or Lightning's; those of others may keep count."""
    if type(part).__module__.startswith(("torch.", "pytorch_lightning")):
        try:
            act()
        except Exception as error:  # it may fail in many ways
            raise OptionError(
                f"{type(part).__name__} can't work so ({' '.join(str(error).split())}); expected options with which it "
                "can; correct them, or choose another."
            ) from error


class MonitorCheck(Callback):
    """Fail at the start of a fit if a monitored metric is never logged."""

    _begun: int | None = None  # at which step

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare monitored metrics of validation with those that validation logged.

        Raises:
            OptionError: If one isn't there.
        """
        # Other people's callbacks may log only what is in earnest.
        if all(type(callback).__module__.startswith(_OURS) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            best = [("ModelCheckpoint", one.monitor) for one in _choosing(trainer)]
            monitors = [(who, monitor) for who, monitor in (*best, *_watchers(trainer)) if _is_validations(monitor)]
            _refuse(monitors, trainer.callback_metrics, "by validation")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See that nothing waits for a validation that doesn't come.

        Raises:
            OptionError: If so.
        """
        self._begun = trainer.global_step
        validations = [(who, monitor) for who, monitor in _watchers(trainer) if _is_validations(monitor)]
        if not trainer.enable_validation:
            _refuse(validations, (), "since there is no validation")
        every = trainer.check_val_every_n_epoch or 1
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and _is_validations(config.monitor) and every > 1:
                raise OptionError(
                    f"{type(config.scheduler).__name__} watches {config.monitor} after every epoch; expected a "
                    f"validation in each, not one in {every}; set --trainer.check_val_every_n_epoch 1."
                )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare monitored metrics of training with those that the epoch logged, before anything needs them.

        Raises:
            OptionError: If one isn't there.
        """
        others = [(who, monitor) for who, monitor in _watchers(trainer) if not _is_validations(monitor)]
        _refuse(others, trainer.callback_metrics, "by the end of an epoch")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say that no best checkpoint was kept, if so."""
        # One that goes on after its end takes no step, and the best one may be there from before.
        if trainer.fast_dev_run or self._begun in (None, trainer.global_step) or not trainer.is_global_zero:  # type: ignore[attr-defined]
            return
        for one in _choosing(trainer):
            if not one.best_model_path:
                warnings.warn(
                    f"No best checkpoint was kept: {one.monitor} wasn't logged when one was due; have it validated, "
                    "or choose another --checkpoint.monitor.",
                    stacklevel=2,
                )


_OURS = ("bachlit.", "pytorch_lightning.")


def _is_validations(monitor: str | None) -> bool:
    return str(monitor).startswith("val/")


def _choosing(trainer: pl.Trainer) -> list[ModelCheckpoint]:
    """List the callbacks that keep the best checkpoints by a metric."""
    return [
        one
        for one in trainer.checkpoint_callbacks
        if isinstance(one, ModelCheckpoint) and one.monitor is not None and one.save_top_k
    ]


def _watchers(trainer: pl.Trainer) -> Iterator[tuple[str, str | None]]:
    """List who can't go on without a metric, and which."""
    for callback in trainer.early_stopping_callbacks:
        if isinstance(callback, EarlyStopping) and callback.strict:
            yield type(callback).__name__, callback.monitor
    for config in trainer.lr_scheduler_configs:
        if config.reduce_on_plateau and config.strict:
            yield type(config.scheduler).__name__, config.monitor


def _refuse(watchers: Iterable[tuple[str, str | None]], logged: Collection[str], why: str) -> None:
    """Refuse monitors of what isn't logged.

    >>> _refuse([("EarlyStopping", "val/nats")], ["epoch", "train/loss_step", "val/nats_per_token"], "by then")
    Traceback (most recent call last):
    ...
    bachlit.errors.OptionError: EarlyStopping watches val/nats, which isn't logged by then; expected one such as \
val/nats_per_token; correct its monitor.
    """
    for who, monitor in watchers:
        if monitor is None or monitor in logged:
            continue
        names = [name for name in logged if name not in ("epoch", "step")]
        near = get_close_matches(monitor, names, cutoff=0.5) or [name for name in names if name.count("/") < 2]
        expected = f"expected one such as {', '.join(near)}" if near else "expected a metric that is"
        raise OptionError(f"{who} watches {monitor}, which isn't logged {why}; {expected}; correct its monitor.")
