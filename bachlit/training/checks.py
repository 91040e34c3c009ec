"""What is tried before a fit trains, so that what can't work is refused while nothing is lost."""

import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import nn

from bachlit.errors import OptionError
from bachlit.training.model import ChoraleModel

# Numbers that Lightning would divide by, or take for others, without a word.
_LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "min_epochs": 0,
    "min_steps": 0,
    "num_sanity_val_steps": -1,
}


def refuse_numbers(options: Any) -> None:
    """Refuse numbers at which Lightning doesn't look, or of which it doesn't say whose they are.

    Args:
        options: A command's, by name; the Trainer's are one of them.

    Raises:
        OptionError: If one is too small, or the seed too large.
    """
    for name, least in _LEAST.items():
        value = options["trainer"][name]
        if value is not None and value < least:
            raise OptionError(f"--trainer.{name} can't be {value}; expected {least} or more; correct it.")
    if options["trainer"]["val_check_interval"] == 0:
        raise OptionError(
            "--trainer.val_check_interval can't be 0; expected a share of an epoch, or so many batches; for no "
            "validation, set --trainer.limit_val_batches 0."
        )
    if not 0 <= int(options["seed_everything"] or 0) < 2**32:
        raise OptionError(
            f"--seed_everything can't be {options['seed_everything']}; expected 0 to {2**32 - 1}; correct it."
        )


def rehearse(trainer: pl.Trainer, model: ChoraleModel) -> None:
    """Make what a fit would make after it began its folder: optimiser, schedule, a typed folder of checkpoints.

    Raises:
        OptionError: If the loss is one of PyTorch's that isn't for this, or checkpoints can't be named as is typed.
    """
    model.configure_optimizers()
    if type(model.loss_function).__module__.startswith("torch.nn."):  # those of others may keep count
        _try_loss(model.loss_function, model.encoding.vocabulary_size)
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            _try_name(callback)
        folder = getattr(callback, "dirpath", None)
        if folder and "://" not in str(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass


def _try_name(callback: ModelCheckpoint) -> None:
    try:
        callback.format_checkpoint_name({})
    except (ValueError, LookupError) as error:
        raise OptionError(
            f"Checkpoints can't be named {callback.filename} ({error}); expected figures in braces, such as "
            "best-{epoch}; correct --checkpoint.filename."
        ) from error


def _try_loss(loss: nn.Module, vocabulary_size: int) -> None:
    try:
        shape = tuple(loss(torch.zeros(2, vocabulary_size), torch.zeros(2, dtype=torch.long)).shape)
        said = f"it gives {shape}" if shape else ""
    except Exception as error:  # it may fail in many ways
        said = " ".join(str(error).split())
    if said:
        raise OptionError(
            f"{type(loss).__name__} can't be the loss of logits (M, {vocabulary_size}) and targets (M,) ({said}); "
            "expected one number, as of CrossEntropyLoss; correct --model.loss, or leave it out."
        )


class MonitorCheck(Callback):
    """Has a fit that watches a figure of validation that nobody logs end where it begins, not after an epoch."""

    _begun: int | None = None  # at which step

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare what is watched with what validation logged.

        Raises:
            OptionError: If a figure isn't there.
        """
        # Other people's callbacks may log only what is in earnest.
        if all(type(callback).__module__.startswith(_OURS) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            best = [("ModelCheckpoint", one.monitor) for one in _choosing(trainer)]
            _refuse([*best, *_watchers(trainer)], trainer.callback_metrics, "by validation")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See that nothing waits for a validation that doesn't come.

        Raises:
            OptionError: If so.
        """
        self._begun = trainer.global_step
        if not trainer.enable_validation:
            _refuse(_watchers(trainer), (), "since there is no validation")
        every = trainer.check_val_every_n_epoch or 1
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and str(config.monitor).startswith("val/") and every > 1:
                raise OptionError(
                    f"{type(config.scheduler).__name__} watches {config.monitor} after every epoch; expected a "
                    f"validation in each, not one in {every}; set --trainer.check_val_every_n_epoch 1."
                )

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


def _choosing(trainer: pl.Trainer) -> list[ModelCheckpoint]:
    """The callbacks that keep the best checkpoints by a figure."""
    return [
        one
        for one in trainer.checkpoint_callbacks
        if isinstance(one, ModelCheckpoint) and one.monitor is not None and one.save_top_k
    ]


def _watchers(trainer: pl.Trainer) -> Iterator[tuple[str, str | None]]:
    """Who can't go on without a figure, and which."""
    for callback in trainer.early_stopping_callbacks:
        if isinstance(callback, EarlyStopping) and callback.strict:
            yield type(callback).__name__, callback.monitor
    for config in trainer.lr_scheduler_configs:
        if config.reduce_on_plateau and config.strict:
            yield type(config.scheduler).__name__, config.monitor


def _refuse(watchers: Iterable[tuple[str, str | None]], logged: Collection[str], why: str = "") -> None:
    for who, monitor in watchers:
        if monitor is not None and monitor.startswith("val/") and monitor not in logged:
            raise OptionError(unlogged(who, monitor, logged, why))


def unlogged(who: str, monitor: str, logged: Iterable[str], why: str = "") -> str:
    """What to say of a callback or a schedule that watches what isn't logged.

    >>> unlogged("EarlyStopping", "val/nats", ["epoch", "train/loss_step", "val/nats_per_token"])
    "EarlyStopping watches val/nats, which isn't logged by then; expected one such as val/nats_per_token; correct its \
monitor."
    """
    names = [name for name in logged if name not in ("epoch", "step")]
    near = get_close_matches(monitor, names, cutoff=0.5) or [name for name in names if name.count("/") < 2]
    expected = f"expected one such as {', '.join(near)}" if near else "expected a figure that is"
    return f"{who} watches {monitor}, which isn't logged {why or 'by then'}; {expected}; correct its monitor."
