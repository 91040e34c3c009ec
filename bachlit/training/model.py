"""ChoraleModel, the LightningModule: loss, state carried from window to window, optimiser, evaluation, prediction."""

import math
from collections.abc import Callable
from typing import Any, Literal, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from bachlit.decoding import BeamSearch, Decoder, Rules
from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import Written, write
from bachlit.metrics import Likelihood, WeightedMean
from bachlit.models.language_model import LanguageModel
from bachlit.music.keys import Keys
from bachlit.music.prompt import Prompt
from bachlit.networks import Memory, Network, TokenLSTM, rebuilding_fault
from bachlit.training.processes import summed
from bachlit.training.resuming import State, draw_apart, draw_on, memory_of, refuse_unlike, running_of, state_of
from bachlit.training.windows import Window

Stage = Literal["train", "val", "test"]


class ChoraleModel(pl.LightningModule):
    """Trains a network to predict the next token of a chorale, teacher-forced.

    Memory is carried, detached, from window to window of a piece and is fresh at its start, so that training sees what
    decoding sees.

    Args:
        network: Makes the network, given the encoding.
        loss: Of logits (M, V) and targets (M,); padding is left out before.
        optimizer: Makes the optimiser, given the parameters.
        lr_scheduler: Makes the learning-rate schedule, stepped once an epoch, given the optimiser.
        encoding: That of the data; it goes into the checkpoint.
        keys: Those of the data; they go into the checkpoint.
        consistency: Training reads each window twice, under other dropout, and this times the nats by which the two
            predictions of a token differ (the mean of both Kullback-Leibler divergences) is added to the loss: R-Drop
            (Wu et al., *R-Drop: Regularized dropout for neural networks*, 2021). 0 reads each window once.

    Raises:
        OptionError: If the network is abstract, its `config` doesn't rebuild it, it is to listen in keys in which it
            isn't trained, or the consistency is below 0.
    """

    def __init__(
        self,
        network: Callable[[Encoding], Network] = TokenLSTM,
        *,
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = lambda parameters: torch.optim.Adam(parameters, lr=2e-3),
        lr_scheduler: LRSchedulerCallable | None = None,
        encoding: Encoding | None = None,
        keys: Keys = "all",
        consistency: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= consistency < math.inf:
            raise OptionError(f"A consistency of {consistency} can't be weighed; expected 0 or more, such as 1.0.")
        self.consistency = consistency
        self.encoding = encoding or SatbEncoding()
        self.keys = keys
        self.network = _made(network, self.encoding, keys)
        self.loss_function: nn.Module = loss or nn.CrossEntropyLoss()
        self.optimizer, self.lr_scheduler = optimizer, lr_scheduler
        self.decoder: Decoder = BeamSearch()
        self.decoding_seed = 0
        self.decoding_rules: Rules | None = None
        self.decoding_strict = False
        self.likelihood = nn.ModuleDict(
            {
                stage: Likelihood(
                    self.encoding.slot_names,
                    completes_frame=torch.from_numpy(self.encoding.completes_frame()),
                    kinds=torch.from_numpy(self.encoding.kinds()),
                )
                for stage in ("val", "test")
            }
        )
        self._carried: dict[Stage, Memory] = {}
        self.running = nn.ModuleDict({"loss_epoch": WeightedMean(), "inconsistency": WeightedMean()})
        self._loss_step: Callable[[], Tensor]
        self._resumed: State | None = None
        fault = rebuilding_fault(self.network, self.encoding)
        if fault:
            raise OptionError(
                f"{type(self.network).__name__} can't be rebuilt from a checkpoint ({fault}); expected `config` to "
                "give all of the constructor's keyword arguments as plain data."
            )

    def setup(self, stage: str) -> None:
        """Refuse data in another encoding or other keys than the checkpoints would claim.

        Raises:
            OptionError: If the data module's encoding or keys aren't the model's.
        """
        data = getattr(self.trainer, "datamodule", None)
        encoding = getattr(data, "encoding", self.encoding)
        keys = getattr(data, "keys", self.keys)
        if (type(encoding), encoding.config, keys) != (type(self.encoding), self.encoding.config, self.keys):
            raise OptionError(
                f"The data is in {type(encoding).__name__} {encoding.config} and keys {keys!r}, the model in "
                f"{type(self.encoding).__name__} {self.encoding.config} and keys {self.keys!r}; give both the same."
            )

    @property
    def language_model(self) -> LanguageModel:
        """The network with its encoding, to score and decode with."""
        return LanguageModel(self.network, self.encoding, self.keys)

    def forward(self, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Logits (B, N, V) and memory after tokens (B, N); from a piece's start unless a memory is given."""
        return self.network(tokens, memory or self.network.initial_memory(len(tokens)))  # type: ignore[no-any-return]

    def training_step(self, batch: Window, batch_idx: int) -> Tensor:
        """The mean loss of a window's targets, and what inconsistency costs.

        Of several processes, each weighs its mean by its share of all targets: the mean of their gradients is then that
        of one process with all lanes.
        """
        if self.consistency:
            batch = Window(*(torch.cat([part, part]) for part in batch))
        num = summed((batch.targets >= 0).sum().float(), self.trainer)  # while the network reads
        logits = self._carry("train", batch)
        targets = batch.targets.flatten()
        real = (targets >= 0).nonzero().squeeze(1)  # selecting by index costs a quarter of selecting by mask
        inconsistency = logits.new_zeros(())
        if len(real):
            logits = logits.flatten(0, 1).index_select(0, real)
            loss: Tensor = self.loss_function(logits, targets.index_select(0, real))
            if self.consistency:
                inconsistency = _divergence(*logits.float().log_softmax(1).chunk(2))
        else:  # one process of several may meet a window of padding alone
            loss = logits.float().nan_to_num(0.0, 0.0, 0.0).sum() * 0.0  # a network may rule tokens out
        share = len(real) * self.trainer.world_size / max(1.0, float(num()))
        self._loss_step = summed(loss * (share / self.trainer.world_size), self.trainer)
        means = {"loss_epoch": loss, "inconsistency": inconsistency} if self.consistency else {"loss_epoch": loss}
        for name, value in means.items():
            running = cast(WeightedMean, self.running[name])
            running.update(value, len(real))
            self.log(f"train/{name}", running, on_step=False, on_epoch=True)
        return (loss + self.consistency * inconsistency) * share

    def on_after_backward(self) -> None:
        """Log the step's loss, now that the processes have waited for each other's gradients anyway."""
        self.log("train/loss_step", self._loss_step(), prog_bar=True)

    def validation_step(self, batch: Window, batch_idx: int) -> None:
        """Tally a window."""
        self._evaluate("val", batch)

    def test_step(self, batch: Window, batch_idx: int) -> None:
        """Tally a window."""
        self._evaluate("test", batch)

    def predict_step(self, batch: list[Prompt], batch_idx: int) -> list[Written]:
        """Fill a batch of prompts with the decoder, each as it would be filled alone."""
        return write(
            self.language_model,
            batch,
            decoder=self.decoder,
            seeds=[self.decoding_seed] * len(batch),
            rules=self.decoding_rules,
            strict=self.decoding_strict,
        )

    def _evaluate(self, stage: Stage, batch: Window) -> None:
        self._metric(stage).update(self._carry(stage, batch), batch.targets, batch.slots)

    def _metric(self, stage: Stage) -> Likelihood:
        return cast(Likelihood, self.likelihood[stage])

    def _carry(self, stage: Stage, batch: Window) -> Tensor:
        """Logits of a window, from the memory that the window before left."""
        memory = self._carried.get(stage)
        if memory is None or any(len(part) != len(batch.tokens) for part in memory):
            memory = self.network.initial_memory(len(batch.tokens))
        fresh = self.network.initial_memory(len(batch.tokens))
        memory = tuple(
            torch.where(batch.reset.view(-1, *[1] * (part.dim() - 1)), start.to(part.dtype), part)
            for start, part in zip(fresh, memory, strict=True)
        )
        logits, memory = self.network(batch.tokens, memory)
        self._carried[stage] = tuple(part.detach() for part in memory)
        return logits  # type: ignore[no-any-return]

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move windows; prompts have nothing to move."""
        return super().transfer_batch_to_device(batch, device, dataloader_idx) if isinstance(batch, Window) else batch

    def on_train_epoch_start(self) -> None:
        """Every lane begins with a new piece, and the loss is summed anew."""
        self._carried.pop("train", None)
        for running in self.running.values():
            cast(WeightedMean, running).reset()

    def on_validation_epoch_start(self) -> None:
        """Every lane begins with a new piece."""
        self._carried.pop("val", None)

    def on_test_epoch_start(self) -> None:
        """Every lane begins with a new piece."""
        self._carried.pop("test", None)

    def on_validation_epoch_end(self) -> None:
        """Log the fold's figures."""
        self._report("val")

    def on_test_epoch_end(self) -> None:
        """Log the fold's figures."""
        self._report("test")

    def _report(self, stage: Stage) -> None:
        metric = self._metric(stage)
        for name, value in metric.compute().items():
            # Already summed over processes by the metric.
            self.log(f"{stage}/{name}", value, prog_bar=name == "nats_per_frame", sync_dist=True)
        metric.reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, and the schedule if there is one."""
        optimizer = self.optimizer(self.parameters())
        if self.lr_scheduler is None:
            return optimizer
        scheduler = self.lr_scheduler(optimizer)
        # Only schedules that watch a figure read the monitor.
        monitor = getattr(scheduler, "monitor", "val/nats_per_token")
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": monitor}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint what rebuilds the network around its weights."""
        checkpoint["bachlit"] = self.language_model.describe()
        checkpoint["bachlit_resume"] = state_of(self.trainer, self._carried.get("train"), self._sums())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a fit needs to go on for `on_train_start`."""
        self._resumed = checkpoint.get("bachlit_resume")

    def _sums(self) -> Tensor:
        """(2, 2) the running sums of this process."""
        return torch.stack([cast(WeightedMean, running).sums for running in self.running.values()])

    def on_train_start(self) -> None:
        """Go on as the checkpoint's run would have: a resumed fit equals the uninterrupted one."""
        resumed, self._resumed = self._resumed, None
        refuse_unlike(resumed, self.trainer)
        if resumed is None:
            draw_apart(self.trainer)
            return
        memory = memory_of(resumed, self.trainer)
        if memory is not None:
            self._carried["train"] = memory
        for running, sums in zip(self.running.values(), running_of(resumed, self.trainer), strict=True):
            cast(WeightedMean, running).sums = sums
        draw_on(resumed, self.trainer)


def _made(network: Callable[[Encoding], Network], encoding: Encoding, keys: Keys) -> Network:
    """The network, if it is one and is at home in the keys in which it will listen."""
    try:
        made = network(encoding)
    except TypeError as error:
        if "abstract" not in str(error):
            raise
        raise OptionError(f"{error}; expected a whole network, such as FrameLSTM; name another class.") from error
    if keys != "all" and getattr(made, "config", {}).get("views", 1) > 1:
        raise OptionError(
            f"A network can't listen in {made.config['views']} keys if it is trained in those that are {keys!r} alone; "
            "expected all keys; set --data.keys all, or --model.network.views 1."
        )
    return made


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The mean of KL(p|q) and KL(q|p) in nats, over rows of log-probabilities (M, V)."""
    difference = torch.where(log_p == log_q, 0.0, log_p - log_q)  # of what both rule out, too
    return ((log_p.exp() - log_q.exp()) * difference).sum(1).mean() / 2
