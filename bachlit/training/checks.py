"""Checks before training: fail while nothing is lost."""

from collections.abc import Iterator
from difflib import get_close_matches

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from bachlit.errors import OptionError


class MonitorCheck(Callback):
    """Fail at the start of a fit if a monitored validation metric is never logged."""

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare monitored metrics of validation with the logged ones.

        Raises:
            OptionError: If one is missing.
        """
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        # Other people's callbacks may log only after the sanity check.
        if not all(type(callback).__module__.startswith(("bachlit.", "pytorch_lightning.")) for callback in callbacks):
            return
        logged = [name for name in trainer.callback_metrics if name not in ("epoch", "step")]
        for watcher, monitor in _monitors(trainer):
            if monitor.startswith("val/") and monitor not in logged:
                near = get_close_matches(monitor, logged, cutoff=0.5) or [one for one in logged if one.count("/") < 2]
                raise OptionError(
                    f"{watcher} monitors {monitor}, which validation doesn't log; expected one such as "
                    f"{', '.join(near)}; correct its monitor."
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
