"""What a larger corpus costs: seconds and memory from its cache, as ratios to a list in memory and to Bach's alone."""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bachlit.corpus import BachCorpus, Corpus
from bachlit.corpus.cache import CachedChorales, load_chorales, pack
from bachlit.files.writing import FileBytes, write_whole
from bachlit.music.chorale import Chorale
from bachlit.training.data import ChoraleDataModule
from bachlit.training.transposing import singable_moves


class Given(Corpus):
    """A corpus of chorales that are there already.

    Args:
        pieces: The chorales.
    """

    def __init__(self, pieces: Sequence[Chorale]) -> None:
        self.pieces = pieces

    def chorales(self) -> Sequence[Chorale]:
        """See `Corpus.chorales`."""
        return self.pieces


@dataclass(frozen=True)
class Cost:
    """What an epoch of a corpus took.

    Attributes:
        opening: Seconds until the chorales are there.
        dividing: Seconds until training may begin: the split by tune, the moves and lengths of all pieces.
        epoch: Seconds for all windows of an epoch.
        megabytes: Of memory at most, beyond those of a process that has opened nothing.
    """

    opening: float
    dividing: float
    epoch: float
    megabytes: float


def copies(chorales: Sequence[Chorale], times: int) -> Iterator[tuple[str, Chorale]]:
    """Chorales so many times over, each time in a random key that its voices can sing in, in random order."""
    random = np.random.default_rng(0)
    for copy in tqdm(random.permutation(len(chorales) * times), desc="Making copies", unit="piece", delay=1):
        number, index = divmod(int(copy), len(chorales))
        chorale = chorales[index]
        name = f"{chorale.name}-{number}"
        yield name, replace(chorale.transpose(int(random.choice(singable_moves(chorale)))), name=name)


def corpus(*, times: Sequence[int]) -> Iterator[str]:
    """Compare corpora of many sizes, each in a process of its own.

    Args:
        times: Multiples of Bach's corpus.

    Yields:
        Lines of the report.
    """
    bach = BachCorpus().chorales()
    yield f"{'pieces':>7} {'':<18}{'opening':>10}{'dividing':>10}{'epoch':>10}{'memory':>10}"
    first: dict[str, tuple[int, Cost]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for multiple in times:
            cache = Path(folder) / f"{multiple}.cache"
            write_whole(cache, pack(copies(bach, multiple)))
            names = [chorale.name for chorale in CachedChorales(FileBytes(cache))]
            costs = {
                "a list in memory": _measured(cache, names, held=True),
                "from the cache": _measured(cache, names, held=False),
            }
            num = len(bach) * multiple
            for name, cost in costs.items():
                yield (
                    f"{num:>7} {name:<18}{cost.opening:>8.2f} s{cost.dividing:>8.2f} s{cost.epoch:>8.2f} s"
                    f"{cost.megabytes:>7.0f} MB"
                )
            held, cached = costs.values()
            yield f"{num:>7} {'cache to list':<18}{_ratios(cached, held)}"
            for name, cost in costs.items():
                fewest, least = first.setdefault(name, (num, cost))
                if num > fewest:
                    yield f"{num / fewest:>6.0f}x {name:<18}{_ratios(cost, least)}"


def _ratios(one: Cost, other: Cost) -> str:
    pairs = ((one.opening, other.opening), (one.dividing, other.dividing), (one.epoch, other.epoch))
    ratios = [(took, base) for took, base in (*pairs, (one.megabytes, other.megabytes))]
    return "".join(f"{took / base if base else float('nan'):>9.2f}x" for took, base in ratios)


def _measured(cache: Path, names: Sequence[str], *, held: bool) -> Cost:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_epoch, cache, names, held=held).result()


def _epoch(cache: Path, names: Sequence[str], *, held: bool) -> Cost:
    """Run through an epoch of training windows, in a process that has done nothing else."""
    before = _peak()
    begun = time.perf_counter()
    chorales = load_chorales(cache, names)
    assert chorales is not None
    data = ChoraleDataModule(Given(list(chorales) if held else chorales), lanes=16, window=128, keys="all")
    opened = time.perf_counter()
    data.setup("fit")
    loader = data.train_dataloader()
    divided = time.perf_counter()
    for _ in loader:
        pass
    ended = time.perf_counter()
    return Cost(opened - begun, divided - opened, ended - divided, _peak() - before)


def _peak() -> float:
    """The most memory that this process has had, in megabytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # a new process's resource usage begins with its parent's
        return next(int(line.split()[1]) / 1000 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    import resource  # noqa: PLC0415  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1000)
