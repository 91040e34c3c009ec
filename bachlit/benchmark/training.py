"""Measure a training step: the Trainer beside a bare loop, and the loop beside its floor."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader

from bachlit.benchmark.floors import training_floor
from bachlit.benchmark.measuring import Seconds, Size, best_of
from bachlit.benchmark.report import Report
from bachlit.encoding import Encoding
from bachlit.networks import FrameLSTM, Network, TokenLSTM
from bachlit.training.data import ChoraleDataModule
from bachlit.training.model import ChoraleModel
from bachlit.training.windows import Window

MakesNetwork = Callable[[Encoding], Network]
NETWORKS: dict[str, MakesNetwork] = {"TokenLSTM": TokenLSTM, "FrameLSTM": FrameLSTM}
_CLIP, _LEARNING_RATE = 1.0, 2e-3


def training(size: Size, report: Report) -> None:
    """Report how fast each of bachlit's networks trains on Bach's chorales, in one thread."""
    windows = first_windows(size.windows, lanes=size.lanes)
    num = windows[0].tokens.numel()
    rounds = size.rounds + 1  # the first warms up
    report.begin(
        "training",
        f"{len(windows)} windows of {num} tokens, one thread, fastest of {rounds} rounds; tokens a second of the "
        "processor; floor: three times a forward pass's multiply-adds, at their rate on all rows at once",
    )
    for name, network in NETWORKS.items():
        loops = {"bare": partial(bare_loop, network, windows), "trainer": partial(trainer_loop, network, windows)}
        measured = best_of(loops, rounds)
        model = ChoraleModel(network).network.train()
        memory = model.initial_memory(len(windows[0].tokens))
        floor = training_floor(partial(model, windows[0].tokens, memory), size.passes)
        bare, trainer = (len(windows) * num / measured[loop].cpu for loop in loops)
        step = measured["bare"].cpu / len(windows)
        report.row(
            name,
            "bare: a loop of plain PyTorch",
            bare_step_cpu_s=step,
            floor_s=floor,
            times_floor=step / floor,
            bare_tokens_per_s=bare,
            trainer_tokens_per_s=trainer,
            trainer_as_fast_times=trainer / bare,
        )


def bare_loop(network: MakesNetwork, windows: Sequence[Window]) -> Seconds:
    """Train on windows in plain PyTorch as `ChoraleModel` does; return the seconds."""
    model = ChoraleModel(network).network.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    loss_of = nn.CrossEntropyLoss()
    memory = fresh = model.initial_memory(len(windows[0].tokens))
    begun = Seconds.now()
    for window in windows:
        memory = tuple(
            torch.where(window.reset.view(-1, *[1] * (part.dim() - 1)), start, part)
            for start, part in zip(fresh, memory, strict=True)
        )
        logits, memory = model(window.tokens, memory)
        memory = tuple(part.detach() for part in memory)
        loss = loss_of(logits.flatten(0, 1), window.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
    return begun.since()


def trainer_loop(network: MakesNetwork, windows: Sequence[Window], **options: Any) -> Seconds:
    """Train on windows by Lightning's Trainer, logging to CSV as `bachlit fit` does; return the seconds.

    Args:
        network: Makes the network, given the encoding.
        windows: Of an epoch; of each process, if the options say that there are several.
        options: More of the Trainer's.
    """
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=CSVLogger(folder),
            callbacks=[clock],
            gradient_clip_val=_CLIP,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            use_distributed_sampler=False,
            **options,
        )
        trainer.fit(ChoraleModel(network), DataLoader(windows, batch_size=None))  # type: ignore[arg-type]  # a sequence
    return clock.seconds


class _Clock(pl.Callback):
    """Times a fit from its first step to its end."""

    def on_train_start(self, *_: Any) -> None:
        """Start."""
        self._begun = Seconds.now()

    def on_train_end(self, *_: Any) -> None:
        """Stop."""
        self.seconds = self._begun.since()


def first_windows(number: int, *, lanes: int = 16) -> list[Window]:
    """Return the first windows of an epoch of Bach's chorales."""
    data = ChoraleDataModule(lanes=lanes, window=128, keys="all")
    data.prepare_data()
    data.setup("fit")
    return [window for window, _ in zip(data.train_dataloader(), range(number), strict=False)]
