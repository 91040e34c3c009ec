"""Checks before training: fail while nothing is lost."""

import tempfile
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_warn

from bachlit.errors import OptionError

# Lightning divides by these numbers.
_DIVISORS = ("accumulate_grad_batches", "check_val_every_n_epoch", "val_check_interval")


def refuse_unworkable(trainer: pl.Trainer) -> None:
    """Refuse numbers that Lightning trusts, and folders and names of checkpoints that can't be written.

    Raises:
        OptionError: If a number isn't positive, or would turn gradients round.
        OSError: If a folder can't be written to.
        ValueError: If a name isn't a format.
    """
    for option in (*_DIVISORS, "gradient_clip_val"):
        value = getattr(trainer, option)
        if isinstance(value, int | float) and (value < 0 or (value == 0 and option in _DIVISORS)):
            expected = "more than 0" if option in _DIVISORS else "at least 0"
            raise OptionError(f"--trainer.{option} is {value}; expected {expected}; correct it, or leave it out.")
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            callback.format_checkpoint_name({})
        folder = getattr(callback, "dirpath", None)
        if folder and "://" not in str(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()


def warn_of_emulation(trainer: pl.Trainer) -> None:
    """Warn of bfloat16 on a processor that can't multiply it, where a fit takes several times as long as in float32."""
    emulates = trainer.strategy.root_device.type == "cpu" and str(trainer.precision).startswith("bf16")
    if emulates and not multiplies_bfloat16():
        rank_zero_warn(
            f"{trainer.precision} is emulated on this processor, and takes several times as long as 32-true; expected "
            "a processor that multiplies bfloat16; add --trainer.precision 32-true."
        )


def multiplies_bfloat16() -> bool:
    """Check for instructions that multiply bfloat16; true where PyTorch can't tell."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    known = [bool(value) for name, value in capabilities.items() if "bf16" in name]
    return any(known) or not known


class MonitorCheck(Callback):
    """Fail if a monitored metric is never logged: at the start of a fit, or after an epoch if training is to log it."""

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare monitored metrics of validation with the logged ones.

        Raises:
            OptionError: If one is missing.
        """
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        # Other people's callbacks may log only after the sanity check.
        if not all(type(callback).__module__.startswith(("bachlit.", "pytorch_lightning.")) for callback in callbacks):
            return
        others = ("train/", "decoding/")
        _refuse(trainer, [(who, what) for who, what in _monitors(trainer) if not what.startswith(others)], "validation")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare monitored metrics of training with the logged ones, before anything needs them.

        Raises:
            OptionError: If one is missing.
        """
        _refuse(trainer, [(who, what) for who, what in _monitors(trainer) if what.startswith("train/")], "training")


def _refuse(trainer: pl.Trainer, monitors: Iterable[tuple[str, str]], by: str) -> None:
    """Refuse monitors of metrics that are not logged."""
    logged = [name for name in trainer.callback_metrics if name not in ("epoch", "step")]
    for watcher, monitor in monitors:
        if monitor not in logged:
            near = get_close_matches(monitor, logged, cutoff=0.5) or [one for one in logged if one.count("/") < 2]
            raise OptionError(
                f"{watcher} monitors {monitor}, which {by} doesn't log; expected one such as {', '.join(near)}; "
                "correct its monitor."
            )


def _monitors(trainer: pl.Trainer) -> Iterator[tuple[str, str]]:
    """List the metrics without which a fit fails or keeps no best checkpoint, each with the name of its watcher."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        chooses = isinstance(callback, ModelCheckpoint) and callback.monitor is not None and callback.save_top_k
        if chooses or (isinstance(callback, EarlyStopping) and callback.strict):
            yield type(callback).__name__, callback.monitor
    for config in trainer.lr_scheduler_configs:
        if config.reduce_on_plateau and config.strict:
            yield type(config.scheduler).__name__, str(config.monitor)
