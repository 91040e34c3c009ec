"""Resumable: resume a fit exactly, within an epoch, too.

Lightning saves weights, optimiser and schedule; the loader saves its position. The rest is saved here, per process: the
memory that its lanes carry from window to window, its random state, and the epoch's running means.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, cast
from zlib import crc32

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, distributed, nn
from torch.optim import Optimizer

from bachlit.errors import CheckpointError
from bachlit.metrics import WeightedMean
from bachlit.networks import Memory

_State = dict[str, Any]
"""Plain data and tensors, the same in all processes."""


class Resumable(pl.LightningModule):
    """Base of a module whose checkpoints resume a fit bit for bit.

    Attributes:
        means: Names of the figures that are averaged over an epoch of training.
    """

    means: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._carried: dict[str, Memory] = {}  # by stage: what the last window left
        self.running = nn.ModuleDict({name: WeightedMean() for name in self.means})
        self._resumed: _State | None = None

    def log_mean(self, name: str, value: Tensor, weight: int) -> None:
        """Log the epoch's running mean, after adding a value of `weight` targets."""
        running = cast(WeightedMean, self.running[name])
        running.update(value, weight)
        self.log(f"train/{name}", running, on_step=False, on_epoch=True)

    def on_train_epoch_start(self) -> None:
        """Reset the running means."""
        for running in self.running.values():
            cast(WeightedMean, running).reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the state that a fit resumes from."""
        super().on_save_checkpoint(checkpoint)
        sums = torch.stack([cast(WeightedMean, running).sums for running in self.running.values()])
        checkpoint["bachlit_resume"] = _state_of(self.trainer, self._carried.get("train"), sums)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state until the fit starts."""
        self._resumed = checkpoint.get("bachlit_resume")

    def on_train_start(self) -> None:
        """Restore the checkpoint's state, if there is one."""
        resumed, self._resumed = self._resumed, None
        _refuse_unlike(resumed, self.trainer)
        _refuse_misfit(self.trainer.optimizers)
        if resumed is None:
            _draw_apart(self.trainer)
            return
        memory = _memory_of(resumed, self.trainer)
        if memory is not None:
            self._carried["train"] = memory
        for running, sums in zip(self.running.values(), _running_of(resumed, self.trainer), strict=True):
            cast(WeightedMean, running).sums = sums
        _draw_on(resumed, self.trainer)


def _state_of(trainer: pl.Trainer, memory: Memory | None, running: Tensor) -> _State:
    """Gather the state of all processes; all must call it at once.

    Args:
        trainer: Trainer of the fit.
        memory: Memory of this process's lanes, (B, ...) each; None at the start of an epoch.
        running: Running sums of this process.
    """
    lanes = None
    if memory is not None:
        # Rank r has every Rth lane: in the order of lanes, any number of processes can resume.
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


def _refuse_misfit(optimizers: Sequence[Optimizer]) -> None:
    """Refuse state that doesn't fit the weights, of fused optimisers, whose kernels read and write it unchecked.

    Raises:
        ValueError: If a tensor has another shape, type or layout than its weight.
    """
    fused = (one for one in optimizers if any(group.get("fused") for group in one.param_groups))
    for weight, state in (item for optimizer in fused for item in optimizer.state.items()):
        for name, part in state.items():
            like = torch.empty((), device=weight.device) if name == "step" else weight
            if part is not None and not _is_laid_out(part, like):
                raise ValueError(
                    f"the optimiser's {name!r} of a weight {list(weight.shape)} has another shape, type or layout than "
                    f"{'a number' if name == 'step' else 'the weight'}"
                )


def _is_laid_out(part: Any, like: Tensor) -> bool:
    """Check whether something is a tensor of the same shape, type, device and layout as another."""
    return isinstance(part, Tensor) and all(
        one == other
        for one, other in (
            (part.shape, like.shape),
            (part.dtype, like.dtype),
            (part.device, like.device),
            (part.stride(), like.stride()),
        )
    )


def _refuse_unlike(state: _State | None, trainer: pl.Trainer) -> None:
    """Refuse processes that resume from different checkpoints; all must call it at once.

    Args:
        state: From `_state_of`, as this process read it; None if it begins.
        trainer: Trainer of the fit.

    Raises:
        CheckpointError: If so, as where machines don't see the same folder.
    """
    known = 0 if state is None else 1 + crc32(state["rng"].numpy().tobytes())  # no two states draw alike
    everyones = _gather(trainer, torch.tensor(known))
    if (everyones != everyones[0]).any():
        raise CheckpointError(
            "The processes would go on from different checkpoints, or some would begin anew; expected all to read the "
            "same file; run them where they see the same folder, and name it with --ckpt_path."
        )


def _memory_of(state: _State, trainer: pl.Trainer) -> Memory | None:
    """Select this process's lanes of the memory, if any was saved.

    Args:
        state: From `_state_of`.
        trainer: Trainer of the resumed fit, which may have another number of processes.
    """
    lanes = state["memory"]
    if lanes is None:
        return None
    own = slice(trainer.global_rank, None, trainer.world_size)
    return tuple(part[own].clone().to(trainer.strategy.root_device) for part in lanes)


def _running_of(state: _State, trainer: pl.Trainer) -> Tensor:
    """Select this process's running sums; if the number of processes differs, the first gets all."""
    each: Tensor = state["running"].to(trainer.strategy.root_device)
    if len(each) == trainer.world_size:
        return each[trainer.global_rank].clone()
    return each.sum(0) if trainer.is_global_zero else torch.zeros_like(each[0])


def _draw_on(state: _State, trainer: pl.Trainer) -> None:
    """Restore the random state, if the number of processes is the same."""
    if len(state["rng"]) != trainer.world_size:
        _draw_apart(trainer)
        return
    torch.set_rng_state(state["rng"][trainer.global_rank].clone())
    device = trainer.strategy.root_device
    if device.type == "cuda" and "cuda_rng" in state:
        torch.cuda.set_rng_state(state["cuda_rng"][trainer.global_rank].clone(), device)


def _draw_apart(trainer: pl.Trainer) -> None:
    """Seed each process differently: from one seed, all would drop the same units."""
    if trainer.global_rank:
        [seed] = np.random.SeedSequence([torch.initial_seed() % 2**64, trainer.global_rank]).generate_state(
            1, np.uint64
        )
        torch.manual_seed(int(seed))


def _gather(trainer: pl.Trainer, part: Tensor) -> Tensor:
    """Gather a tensor of each of R processes, (R, ...)."""
    if trainer.world_size == 1:
        return part.detach().unsqueeze(0)
    part = part.detach().to(trainer.strategy.root_device).contiguous()
    content = part.flatten().view(torch.uint8)  # neither gloo nor NCCL takes 16-bit integers, which FrameLSTM carries
    gathered = [torch.empty_like(content) for _ in range(trainer.world_size)]
    distributed.all_gather(gathered, content)  # Lightning's uses a function that PyTorch deprecates
    return torch.stack([other.view(part.dtype).view(part.shape) for other in gathered])
