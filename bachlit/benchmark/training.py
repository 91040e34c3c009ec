"""Cost of the Trainer, as a ratio to a bare loop in the same run."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Timer
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader

from bachlit.encoding import Encoding
from bachlit.networks import FrameLSTM, Network, TokenLSTM
from bachlit.training.data import ChoraleDataModule
from bachlit.training.model import ChoraleModel
from bachlit.training.windows import Window

MakesNetwork = Callable[[Encoding], Network]
NETWORKS: dict[str, MakesNetwork] = {"TokenLSTM": TokenLSTM, "FrameLSTM": FrameLSTM}
_CLIP, _LEARNING_RATE = 1.0, 2e-3


def bare_loop(network: MakesNetwork, windows: Sequence[Window]) -> float:
    """Train on windows in plain PyTorch as `ChoraleModel` does; return the seconds."""
    model = ChoraleModel(network).network.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    loss_of = nn.CrossEntropyLoss()
    memory = fresh = model.initial_memory(len(windows[0].tokens))
    begun = time.perf_counter()
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
    return time.perf_counter() - begun


def trainer_loop(network: MakesNetwork, windows: Sequence[Window], **options: Any) -> float:
    """Train on windows by Lightning's Trainer, logging to CSV as `bachlit fit` does; return the seconds.

    Args:
        network: Makes the network, given the encoding.
        windows: Of an epoch; of each process, if the options say that there are several.
        options: More of the Trainer's.
    """
    timer = Timer()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=CSVLogger(folder),
            callbacks=[timer],
            gradient_clip_val=_CLIP,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            use_distributed_sampler=False,
            **options,
        )
        trainer.fit(ChoraleModel(network), DataLoader(windows, batch_size=None))  # type: ignore[arg-type]  # a sequence
    return timer.time_elapsed("train")


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
    loops: dict[str, Callable[..., float]] = {"bare PyTorch loop": bare_loop, "Trainer": trainer_loop}
    for name, network in NETWORKS.items():
        seconds: dict[str, list[float]] = {label: [] for label in loops}
        for turn in range(rounds + 1):
            # Each goes first in every other round, so that a machine that slows down favours neither.
            for label in sorted(loops, reverse=turn % 2 == 0):
                seconds[label].append(loops[label](network, windows))
        bare, trainer = (len(windows) * size / min(seconds[label][1:]) for label in loops)
        for label, speed in zip(loops, (bare, trainer), strict=True):
            yield f"{name:<10} {label:<19} {speed:8.0f} tokens/s"
        yield f"{name:<10} {'ratio':<19} {trainer / bare:8.3f}"


def first_windows(number: int, *, lanes: int = 16) -> list[Window]:
    """Return the first windows of an epoch of Bach's chorales."""
    data = ChoraleDataModule(lanes=lanes, window=128, keys="all")
    data.prepare_data()
    data.setup("fit")
    return [window for window, _ in zip(data.train_dataloader(), range(number), strict=False)]
