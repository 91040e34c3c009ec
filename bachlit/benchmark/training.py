"""Cost of the Trainer, as a ratio to a bare loop in the same run."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import nn

from bachlit.encoding import Encoding
from bachlit.networks import FrameLSTM, Network, TokenLSTM
from bachlit.training.data import ChoraleDataModule
from bachlit.training.model import ChoraleModel
from bachlit.training.windows import Window

NETWORKS: tuple[Callable[[Encoding], Network], ...] = (TokenLSTM, FrameLSTM)
CLIP = 1.0
LEARNING_RATE = 2e-3


def bare_loop(network: Network, windows: Sequence[Window]) -> float:
    """Train on windows in plain PyTorch as `ChoraleModel` does; return the seconds."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    loss_of = nn.CrossEntropyLoss()
    network.train()
    memory = fresh = network.initial_memory(len(windows[0].tokens))
    begun = time.perf_counter()
    for window in windows:
        memory = tuple(
            torch.where(window.reset.view(-1, *[1] * (part.dim() - 1)), start, part)
            for start, part in zip(fresh, memory, strict=True)
        )
        logits, memory = network(window.tokens, memory)
        memory = tuple(part.detach() for part in memory)
        loss = loss_of(logits.flatten(0, 1), window.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
    return time.perf_counter() - begun


class _Loader:
    """Ready windows for both loops. Lightning takes a list for several loaders."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __iter__(self) -> Iterator[Window]:
        return iter(self.windows)


class _Stopwatch(pl.Callback):
    """Time an epoch of training."""

    seconds = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds = -time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds += time.perf_counter()


def trainer_loop(network: Callable[[Encoding], Network], windows: Sequence[Window], **options: Any) -> float:
    """Train on windows by Lightning's Trainer, logging to CSV as `bachlit fit` does; return the seconds.

    Args:
        network: Makes the network, given the encoding.
        windows: Of an epoch; of each process, if the options say that there are several.
        options: More of the Trainer's.
    """
    stopwatch = _Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=CSVLogger(folder),
            callbacks=[stopwatch],
            gradient_clip_val=CLIP,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            **options,
        )
        trainer.fit(ChoraleModel(network), _Loader(windows))
    return stopwatch.seconds


def training(*, steps: int = 40, rounds: int = 8) -> Iterator[str]:
    """Compare both loops on each of bachlit's networks and Bach's chorales, by turns.

    Args:
        steps: Windows per epoch, of 16 lanes and 125 tokens.
        rounds: Turns of each loop after one to warm up; the fastest counts, as all else only slows a turn.

    Yields:
        Lines of the report.
    """
    windows = first_windows(steps)
    size = windows[0].tokens.numel()
    yield f"{torch.get_num_threads()} threads, {len(windows)} windows of {size} tokens, {rounds} rounds"
    for network in NETWORKS:
        yield from _compare(network, windows, rounds)


def first_windows(number: int, *, lanes: int = 16) -> list[Window]:
    """Return the first windows of an epoch of Bach's chorales."""
    data = ChoraleDataModule(lanes=lanes, window=128, keys="all")
    data.prepare_data()
    data.setup("fit")
    return [window for window, _ in zip(data.train_dataloader(), range(number), strict=False)]


def _compare(network: Callable[[Encoding], Network], windows: Sequence[Window], rounds: int) -> Iterator[str]:
    """One network's lines."""
    tokens = sum(window.tokens.numel() for window in windows)
    bare, trained = [], []
    for turn in range(rounds + 1):
        first_bare = bare_loop(ChoraleModel(network).network, windows) if turn % 2 else None
        seconds = trainer_loop(network, windows)
        # Each goes first in every other round, so that a machine that slows down favours neither.
        bare_seconds = first_bare or bare_loop(ChoraleModel(network).network, windows)
        if turn:
            bare.append(tokens / bare_seconds)
            trained.append(tokens / seconds)
    name = getattr(network, "__name__", "network")
    yield f"{name:<10} bare PyTorch loop   {max(bare):8.0f} tokens/s"
    yield f"{name:<10} Trainer             {max(trained):8.0f} tokens/s"
    yield f"{name:<10} ratio               {max(trained) / max(bare):8.3f}"
