"""Cost of a larger corpus, read from its cache: seconds and memory, as ratios to Bach's."""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from bachlit.corpus import BachCorpus, Corpus
from bachlit.corpus.cache import CachedChorales, load_chorales, pack
from bachlit.files.writing import FileBytes, write_whole
from bachlit.music.chorale import Chorale
from bachlit.training.data import ChoraleDataModule
from bachlit.training.transposing import singable_moves


class _Given(Corpus):
    """A corpus of chorales that are there already."""

    def __init__(self, pieces: Sequence[Chorale]) -> None:
        self.pieces = pieces

    def chorales(self) -> Sequence[Chorale]:
        """Return the chorales."""
        return self.pieces


class _Cost(NamedTuple):
    """Seconds to open the chorales, seconds for an epoch's windows with all before it, megabytes on top of imports."""

    opening: float
    epoch: float
    megabytes: float


def copies(chorales: Sequence[Chorale], times: int) -> Iterator[tuple[str, Chorale]]:
    """Copy chorales a number of times, each time to a random key that the voices can sing, in random order."""
    random = np.random.default_rng(0)
    for copy in tqdm(random.permutation(len(chorales) * times), desc="Making copies", unit="piece", delay=1):
        number, index = divmod(int(copy), len(chorales))
        chorale = chorales[index]
        name = f"{chorale.name}-{number}"
        yield name, replace(chorale.transpose(int(random.choice(singable_moves(chorale)))), name=name)


def corpus(*, times: Sequence[int] = (10, 100)) -> Iterator[str]:
    """Compare corpora of several sizes with Bach's, each in its own process.

    Args:
        times: Multiples of Bach's corpus.

    Yields:
        Lines of the report.
    """
    bach = BachCorpus().chorales()
    yield f"{'pieces':>7}{'opening':>10}{'epoch':>10}{'memory':>10}   ratios to Bach's"
    costs: list[_Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        for multiple in (1, *times):
            cache = Path(folder) / f"{multiple}.cache"
            write_whole(cache, pack(copies(bach, multiple)))
            names = [chorale.name for chorale in CachedChorales(FileBytes(cache))]
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                costs.append(pool.submit(_epoch, cache, names).result())
            opening, epoch, megabytes = costs[-1]
            ratios = "".join(f"{cost / bachs:>8.1f}x" for cost, bachs in zip(costs[-1], costs[0], strict=True))
            yield f"{len(names):>7}{opening:>8.2f} s{epoch:>8.2f} s{megabytes:>7.0f} MB{ratios}"


def _epoch(cache: Path, names: Sequence[str]) -> _Cost:
    """Run through an epoch of training windows, in a process that has done nothing else."""
    before = _peak()
    begun = time.perf_counter()
    chorales = load_chorales(cache, names)
    assert chorales is not None
    data = ChoraleDataModule(_Given(chorales), lanes=16, window=128, keys="all")
    opened = time.perf_counter()
    data.setup("fit")
    for _ in data.train_dataloader():
        pass
    return _Cost(opened - begun, time.perf_counter() - opened, _peak() - before)


def _peak() -> float:
    """Peak memory of this process in megabytes; NaN off Linux, where a new process's count begins with its parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), float("nan"))
