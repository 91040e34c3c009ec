"""What a checkpoint must keep for a fit to go on, within an epoch too, as if nothing had happened.

Weights, optimiser and schedule are Lightning's to keep, and how far the epoch has come is the loader's. Left are, of
each process, the memory that its lanes carry from window to window, its random numbers, and the epoch's loss so far.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins import TorchCheckpointIO
from torch import Tensor, distributed

from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_checkpoint, write_checkpoint
from bachlit.networks import Memory

State = dict[str, Any]
"""Plain data and tensors, the same in all processes."""


class Suspect(Callback):
    """Knows the checkpoint that may be at fault if something fails, until all that it holds was put to use.

    That is after a fit's first epoch, and where the other commands begin.
    """

    def __init__(self) -> None:
        self.path: Any = None
        """From when it is read until it was used."""
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
    """Has the Trainer write checkpoints whole or not at all, and read them without running anything.

    Args:
        path: A checkpoint that was read already.
        checkpoint: What it holds; it is given once.
        suspect: Is told what is read.
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
        """See `write_checkpoint`; what isn't on a disk is Lightning's to write."""
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
        else:
            write_checkpoint(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """See `read_checkpoint`; what isn't on a disk is Lightning's to read."""
        if "://" in str(path):
            return super().load_checkpoint(path, map_location, weights_only=True)
        (known, checkpoint), self._read = self._read, (None, None)
        checkpoint = dict(checkpoint) if checkpoint is not None and known == Path(path) else read_checkpoint(Path(path))
        refuse_foreign_places(checkpoint, path)
        self._suspect.path = path
        return checkpoint

    def __getstate__(self) -> dict[str, Any]:
        """Let another process read for itself."""
        return self.__dict__ | {"_read": (None, None)}


def refuse_foreign_places(checkpoint: Mapping[str, Any], path: Any) -> None:
    """See that the checkpoints that a checkpoint names lie together: Lightning removes and uploads what it names.

    A best one that lies elsewhere, as after a fit that went on in another folder, is forgotten.

    Raises:
        CheckpointError: If another one lies elsewhere, or is no checkpoint.
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
        f"{path} speaks of {place!r} where a checkpoint beside it was expected; it wasn't written by `bachlit fit`, or "
        "was changed; don't use it."
    )


def state_of(trainer: pl.Trainer, memory: Memory | None, running: Tensor) -> State:
    """What all processes know together; all of them must ask at once.

    Args:
        trainer: Of the fit.
        memory: What this process's lanes carry, (B, ...) each; None at the start of an epoch.
        running: Sums over this process's part of the epoch so far.
    """
    lanes = None
    if memory is not None:
        # Rank r has every Rth lane: put together lane by lane, they don't tell how many processes there were.
        lanes = [_gather(trainer, part).transpose(0, 1).flatten(0, 1).cpu() for part in memory]
    state = {
        "memory": lanes,
        "rng": _gather(trainer, torch.get_rng_state()).cpu(),
        "running": _gather(trainer, running).cpu(),
    }
    device = trainer.strategy.root_device
    if device.type == "cuda":
        state["cuda_rng"] = _gather(trainer, torch.cuda.get_rng_state(device)).cpu()
    return state


def refuse_unlike(state: State | None, trainer: pl.Trainer) -> None:
    """See that all processes go on from one checkpoint, or that all begin; all of them must ask at once.

    Args:
        state: From `state_of`, as this process read it; None if it begins.
        trainer: Of the fit.

    Raises:
        CheckpointError: If they don't, as where the machines don't see the same folder.
    """
    known = 0 if state is None else 1 + crc32(state["rng"].numpy().tobytes())  # no two states draw alike
    everyones = _gather(trainer, torch.tensor(known))
    if (everyones != everyones[0]).any():
        raise CheckpointError(
            "The processes would go on from different checkpoints, or some would begin anew; expected all to read the "
            "same file; run them where they see the same folder, and name it with --ckpt_path."
        )


def memory_of(state: State, trainer: pl.Trainer) -> Memory | None:
    """The part of the memory that is this process's, if any was kept.

    Args:
        state: From `state_of`.
        trainer: Of the fit that goes on, which may have another number of processes.
    """
    lanes = state["memory"]
    if lanes is None:
        return None
    own = slice(trainer.global_rank, None, trainer.world_size)
    return tuple(part[own].clone().to(trainer.strategy.root_device) for part in lanes)


def running_of(state: State, trainer: pl.Trainer) -> Tensor:
    """The epoch's sums so far of this process; if they were others, the first goes on with those of all."""
    each: Tensor = state["running"].to(trainer.strategy.root_device)
    if len(each) == trainer.world_size:
        return each[trainer.global_rank].clone()
    return each.sum(0) if trainer.is_global_zero else torch.zeros_like(each[0])


def draw_on(state: State, trainer: pl.Trainer) -> None:
    """Draw random numbers as the fit would have that wrote the state, if there are as many processes."""
    if len(state["rng"]) != trainer.world_size:
        draw_apart(trainer)
        return
    torch.set_rng_state(state["rng"][trainer.global_rank].clone())
    device = trainer.strategy.root_device
    if device.type == "cuda" and "cuda_rng" in state:
        torch.cuda.set_rng_state(state["cuda_rng"][trainer.global_rank].clone(), device)


def draw_apart(trainer: pl.Trainer) -> None:
    """Give each process random numbers of its own: with the same seed, all would drop the same units."""
    if trainer.global_rank:
        [seed] = np.random.SeedSequence([torch.initial_seed() % 2**64, trainer.global_rank]).generate_state(
            1, np.uint64
        )
        torch.manual_seed(int(seed))


def _gather(trainer: pl.Trainer, part: Tensor) -> Tensor:
    """(R, ...) a tensor of each of R processes."""
    if trainer.world_size == 1:
        return part.detach().unsqueeze(0)
    part = part.detach().to(trainer.strategy.root_device).contiguous()
    content = part.flatten().view(torch.uint8)  # neither gloo nor NCCL takes 16-bit integers, which FrameLSTM carries
    gathered = [torch.empty_like(content) for _ in range(trainer.world_size)]
    distributed.all_gather(gathered, content)  # Lightning's passes gradients on, by what PyTorch warns that it will go
    return torch.stack([other.view(part.dtype).view(part.shape) for other in gathered])
