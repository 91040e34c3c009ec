"""ChoraleModel, the LightningModule: loss, memory carried from window to window, optimiser, figures.

Its bases hold the rest: `Resumable` resumes a fit, `LanguageModule` writes with the network.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import cast

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.utilities import GradClipAlgorithmType
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import OptionError
from bachlit.music.keys import Keys
from bachlit.networks import Memory, Network, TokenLSTM, build_network
from bachlit.training.language_module import LanguageModule
from bachlit.training.losses import divergence, likelihood_of, soft_cross_entropy, without_padding
from bachlit.training.processes import share_of_targets, summed
from bachlit.training.resumable import Resumable
from bachlit.training.starting import weights_from
from bachlit.training.windows import Window


class ChoraleModel(Resumable, LanguageModule):
    """Train a network to predict the next token of a chorale, teacher-forced.

    Memory is carried, detached, from window to window of a piece and is fresh at its start, so that training sees what
    decoding sees. `model.language_model` is what writes: give it to `bachlit.harmonize(tune, checkpoint=...)`.

    Args:
        network: Makes the network, given the encoding: a class, or `partial(FrameLSTM, hidden=128)`.
        loss: Of logits (M, V) and targets (M,), without padding; cross-entropy if None.
        optimizer: Makes the optimiser, given the parameters.
        lr_scheduler: Makes the learning-rate schedule, stepped once an epoch, given the optimiser.
        encoding: That of the data; it goes into the checkpoint.
        keys: Those of the data; they go into the checkpoint.
        consistency: Training reads each window twice, under different dropout, and adds to the loss this times the nats
            by which the two predictions of a token differ (the mean of both Kullback-Leibler divergences): R-Drop (Wu
            et al., *R-Drop: Regularized dropout for neural networks*, 2021). 0 reads each window once.
        start: Model whose weights training begins with, as `--checkpoint` elsewhere; its network must be of the same
            sizes, in the same encoding. None begins with drawn ones.
        metrics: Further figures of validation and test. They are logged under the name of their class in lower case,
            or under the names that `compute` gives. Each is updated with logits (B, N, V), targets (B, N), below 0 for
            padding, and slots (B, N).

    Raises:
        OptionError: If the network can't be trained or rebuilt (see `build_network`), or the consistency is below 0.
    """

    means = ("loss_epoch", "inconsistency")

    def __init__(
        self,
        network: Callable[[Encoding], Network] = TokenLSTM,
        *,
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = lambda parameters: torch.optim.Adam(parameters, lr=2e-3, fused=True),
        lr_scheduler: LRSchedulerCallable | None = None,
        encoding: Encoding | None = None,
        keys: Keys = "all",
        consistency: float = 0.0,
        start: str | None = None,
        metrics: list[Metric] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= consistency < math.inf:
            raise OptionError(f"A consistency of {consistency} can't be weighed; expected 0 or more, such as 1.0.")
        self.consistency, self.start = consistency, start
        self.encoding, self.keys = encoding or SatbEncoding(), keys
        self.network = build_network(network, self.encoding, keys)
        self.loss_function: nn.Module = loss or nn.CrossEntropyLoss()
        self.optimizer, self.lr_scheduler = optimizer, lr_scheduler
        self.likelihood = nn.ModuleDict({stage: likelihood_of(self.encoding) for stage in ("val", "test")})
        self.metrics = nn.ModuleDict({stage: nn.ModuleList(deepcopy(metrics or [])) for stage in ("val", "test")})
        self._loss_step: Callable[[], Tensor]

    def forward(self, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Logits (B, N, V) and memory after tokens (B, N); from a piece's start unless a memory is given."""
        return self.network(tokens, memory or self.network.initial_memory(len(tokens)))  # type: ignore[no-any-return]

    def on_train_start(self) -> None:
        """Begin with the weights of another model, unless the fit is resumed.

        Raises:
            BachlitError: If there is no such model, or it is built otherwise.
        """
        super().on_train_start()
        if self.start is not None and self.trainer.global_step == 0:
            self.network.load_state_dict(weights_from(self.start, self.language_model))

    def training_step(self, batch: Window, batch_idx: int) -> Tensor:
        """Compute the mean loss of a window's targets, with the cost of inconsistency, weighed over all processes.

        Soft targets, where the data has them, take the place of the loss of the constructor.
        """
        if self.consistency:
            batch = batch.twice()
        share_of = share_of_targets(batch.targets, self.trainer)  # counted while the network reads
        logits, targets = without_padding(self._carry("train", batch, batch_idx), batch.targets)  # (M, V) and (M,)
        if not len(targets):  # one of several processes may meet padding alone, and needs gradients all the same
            loss: Tensor = logits.float().sum()
        elif batch.soft is None:
            loss = self.loss_function(logits, targets)
        else:
            soft = (without_padding(part, batch.targets)[0] for part in batch.soft)
            loss = soft_cross_entropy(logits, *soft)
        inconsistency = divergence(logits) if self.consistency and len(targets) else torch.zeros_like(loss)
        self.log_mean("loss_epoch", loss, len(targets))
        if self.consistency:
            self.log_mean("inconsistency", inconsistency, len(targets))
        share = share_of(len(targets))
        self._loss_step = summed(loss * (share / self.trainer.world_size), self.trainer)
        return (loss + self.consistency * inconsistency) * share

    def on_after_backward(self) -> None:
        """Log the step's loss, now that the processes have waited for each other's gradients anyway."""
        self.log("train/loss_step", self._loss_step(), prog_bar=True)

    def _carry(self, stage: str, batch: Window, batch_idx: int) -> Tensor:
        """Give a window's logits, read with the memory that the window before left, fresh where a lane resets."""
        fresh = self.network.initial_memory(len(batch.tokens))
        memory = self._carried.get(stage, fresh) if batch_idx else fresh
        if any(len(part) != len(batch.tokens) for part in memory):
            memory = fresh
        memory = tuple(
            torch.where(batch.reset.view(-1, *[1] * (part.dim() - 1)), start.to(part.dtype), part)
            for start, part in zip(fresh, memory, strict=True)
        )
        logits, memory = self.network(batch.tokens, memory)
        self._carried[stage] = tuple(part.detach() for part in memory)
        return logits  # type: ignore[no-any-return]

    @property
    def _fold(self) -> str:
        """The name of the fold that is judged, in the names of figures."""
        return "test" if self.trainer.testing else "val"

    def validation_step(self, batch: Window, batch_idx: int) -> None:
        """Tally a window; the same in `test`."""
        logits = self._carry(self._fold, batch, batch_idx)
        for metric in self._judging():
            metric.update(logits, batch.targets, batch.slots)

    def on_validation_epoch_end(self) -> None:
        """Log the fold's figures; the same in `test`."""
        for metric in self._judging():
            values = metric.compute()  # already summed over processes by the metric
            named = values if isinstance(values, dict) else {type(metric).__name__.lower(): values}
            for name, value in named.items():
                self.log(f"{self._fold}/{name}", value, prog_bar=name == "nats_per_frame", sync_dist=True)
            metric.reset()

    def _judging(self) -> list[Metric]:
        """Metrics of the fold."""
        return [cast(Metric, self.likelihood[self._fold]), *cast(nn.ModuleList, self.metrics[self._fold])]

    test_step, on_test_epoch_end = validation_step, on_validation_epoch_end

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimiser, and the schedule if there is one."""
        optimizer = self.optimizer(self.parameters())
        if self.lr_scheduler is None:
            return optimizer
        scheduler = self.lr_scheduler(optimizer)
        monitor = getattr(scheduler, "monitor", "val/nats_per_token")  # only schedules that watch a figure read it
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": monitor}}

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip gradients, a fused optimiser's too, which Lightning refuses in mixed precision.

        Such an optimiser scales float16's gradients back by itself, unless that was done before.
        """
        plugin = self.trainer.precision_plugin
        if not gradient_clip_val or not isinstance(plugin, MixedPrecision):
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        if plugin.scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            plugin.scaler.unscale_(optimizer)
        algorithm = GradClipAlgorithmType(gradient_clip_algorithm or GradClipAlgorithmType.NORM)
        Precision.clip_gradients(plugin, optimizer, gradient_clip_val, algorithm)
