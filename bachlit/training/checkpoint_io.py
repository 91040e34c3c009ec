"""Checkpoint IO of fits: files are written whole, and reading runs nothing."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.plugins import TorchCheckpointIO

from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_checkpoint, write_checkpoint


class SafeCheckpoints(TorchCheckpointIO):
    """Write the Trainer's checkpoints whole or not at all, and read them without running anything.

    Args:
        path: A checkpoint that was read already.
        checkpoint: Its contents, returned once.
    """

    def __init__(self, path: Path | None = None, checkpoint: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._read = path, checkpoint

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
        return checkpoint

    def __getstate__(self) -> dict[str, Any]:
        """Let another process read for itself."""
        return self.__dict__ | {"_read": (None, None)}


def _refuse_foreign_places(checkpoint: Mapping[str, Any], path: Any) -> None:
    """Refuse a checkpoint that names files elsewhere: Lightning removes and uploads these.

    The best one may lie elsewhere, after a fit that resumed in another folder: its path is removed.

    Raises:
        CheckpointError: If another lies elsewhere, or isn't a checkpoint.
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
    """Check whether a path is empty or that of a checkpoint in a folder."""
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
