"""Checkpoints of fits: written whole, read without running anything, and blamed if what they hold fails."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins import TorchCheckpointIO

from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_checkpoint, write_checkpoint


class Suspect(Callback):
    """Remember the checkpoint that is to blame if something fails, until all of it was used.

    A fit has used it after its first epoch, other commands where they begin.
    """

    def __init__(self) -> None:
        self.path: Any = None
        """The checkpoint; None before it is read and after it was used."""
        self._num_epochs = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Clear it after the first epoch."""
        self._num_epochs += 1
        if self._num_epochs > 1:
            self.path = None

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Clear it, if this is no fit's validation."""
        if trainer.state.fn != "fit":
            self.path = None

    on_test_start = on_predict_start = on_validation_start


class SafeCheckpoints(TorchCheckpointIO):
    """Write the Trainer's checkpoints whole or not at all, and read them without running anything.

    Args:
        path: A checkpoint read already.
        checkpoint: Its content, given out once.
        suspect: Remembers the file that is read.
    """

    def __init__(
        self,
        path: Path | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        suspect: Suspect | None = None,
    ) -> None:
        super().__init__()
        self._read, self._suspect = (path, checkpoint), suspect or Suspect()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a whole checkpoint or none; Lightning writes what isn't on a disk."""
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
        else:
            write_checkpoint(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint without running anything; Lightning reads what isn't on a disk."""
        if "://" in str(path):
            return super().load_checkpoint(path, map_location, weights_only=True)
        (known, checkpoint), self._read = self._read, (None, None)
        checkpoint = dict(checkpoint) if checkpoint is not None and known == Path(path) else read_checkpoint(Path(path))
        _refuse_foreign_places(checkpoint, path)
        self._suspect.path = path
        return checkpoint

    def __getstate__(self) -> dict[str, Any]:
        """Let another process read for itself."""
        return self.__dict__ | {"_read": (None, None)}


def _refuse_foreign_places(checkpoint: Mapping[str, Any], path: Any) -> None:
    """Refuse a checkpoint that names files elsewhere: Lightning removes and uploads what it names.

    A best one elsewhere, as after a fit that resumed in another folder, is forgotten.

    Raises:
        CheckpointError: If any other lies elsewhere, or is no checkpoint.
    """
    states = checkpoint.get("callbacks", {})
    for state in states.values() if isinstance(states, Mapping) else [None]:
        if not isinstance(state, dict):
            raise _foreign(path, type(state).__name__)
        if "best_model_path" not in state:
            continue
        models, folder = state.get("best_k_models", {}), state.get("dirpath") or ""
        if not isinstance(folder, str) or not isinstance(models, Mapping):
            raise _foreign(path, "no folder")
        for place in [state.get("kth_best_model_path", ""), state.get("last_model_path", ""), *models]:
            if not _beside(place, folder):
                raise _foreign(path, str(place))
        if not _beside(state["best_model_path"], folder):
            state["best_model_path"] = ""


def _beside(place: Any, folder: str) -> bool:
    """Whether a place is that of a checkpoint in a folder, or none."""
    return place == "" or (
        isinstance(place, str)
        and place.endswith(".ckpt")
        and "://" not in place
        and Path(os.path.normpath(place)).parent == Path(os.path.normpath(folder))
    )


def _foreign(path: Any, place: str) -> CheckpointError:
    return CheckpointError(
        f"{path} names {place!r}; expected a checkpoint beside it. It wasn't written by `bachlit fit`, or was changed; "
        "don't use it."
    )
