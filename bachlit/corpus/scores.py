"""Corpora of score files: Bach in music21, and folders of your own."""

import dataclasses
import hashlib
import multiprocessing
import os
import re
import sys
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from tqdm import tqdm

from bachlit.corpus.base import Corpus
from bachlit.corpus.cache import CachedChorales, load_chorales, pack, save_chorales
from bachlit.errors import BachlitError, CorpusError
from bachlit.music.chorale import Chorale
from bachlit.scores import SUFFIXES, ScoreWarning, read_chorale

# In music21's folder of Bach, but not in four parts named Soprano, Alto, Tenor and Bass.
_NOT_IN_FOUR_VOICES = {"bwv27.6", "bwv41.6", "bwv171.6", "bwv227.3", "bwv846"}

# Raise it whenever the same files would be read or cached differently: each version has caches of its own.
_READER_VERSION = 6


class ScoreCorpus(Corpus):
    """Base class: chorales parsed from score files on all cores, and cached.

    The cache is keyed by the files' contents and the versions of music21 and of the reader. It is written beside its
    place and then renamed, so concurrent or killed processes leave a whole cache or none. Pieces are read from it on
    demand, so a corpus may be larger than memory.

    Args:
        quantize: Take notes finer than a sixteenth as they sound on sixteenths, instead of skipping the piece.
        cache: Folder of the cache; the user's cache directory if None.
        workers: Parsing processes; one per core if None.
    """

    repeats: bool = False
    """Play repeats as often as the score says, instead of once."""

    def __init__(self, *, quantize: bool = True, cache: Path | None = None, workers: int | None = None) -> None:
        self.quantize = quantize
        self.cache = Path(cache) if cache is not None else None
        self.workers = workers
        self.skipped: dict[str, str] = {}
        """Files that couldn't be read, with reasons; set by `chorales`."""
        self._uncached: dict[Path, CachedChorales] = {}  # spares parsing again where no cache can be written

    @abstractmethod
    def files(self) -> dict[str, Path]:
        """Score files by the name of the piece."""

    def chorales(self) -> Sequence[Chorale]:
        """Read all chorales; skip unreadable files with one warning."""
        files = self.files()
        path = (self.cache or user_cache_path("bachlit")) / f"{self._key(files)}.cache"
        chorales = load_chorales(path, files) or self._uncached.get(path) or self._make(files, path)
        self.skipped = chorales.skipped
        if self.skipped:
            named = "; ".join(f"{name}: {reason}" for name, reason in list(self.skipped.items())[:5])
            warnings.warn(f"Skipped {len(self.skipped)} of {len(files)} scores: {named}", ScoreWarning, stacklevel=2)
        if not chorales:
            raise CorpusError(f"None of the {len(files)} scores could be read; expected four voices in each.")
        return chorales

    def _key(self, files: dict[str, Path]) -> str:
        digest = hashlib.sha256(f"{_READER_VERSION} {version('music21')} {self.quantize}".encode())
        digest.update(b" repeats" * self.repeats)
        for name, path in files.items():
            digest.update(f"\n{name} ".encode() + _digest(path))
        return f"chorales-{digest.hexdigest()[:24]}"

    def _make(self, files: dict[str, Path], path: Path) -> CachedChorales:
        """Parse all files, and write the cache if any could be read."""
        content = pack(self._parse(files))
        made = CachedChorales(content)
        if made:
            save_chorales(path, content)
        cached = load_chorales(path, files)
        if cached is None:
            self._uncached = {path: made}
        return cached or made

    def _parse(self, files: dict[str, Path]) -> Iterator[tuple[str, Chorale | str]]:
        workers = min(self.workers or _num_cores(), len(files))
        read = partial(_read, repeats=self.repeats, quantize=self.quantize)
        progress = partial(tqdm, total=len(files), desc="Reading chorales", unit="piece", delay=1, disable=None)
        if workers == 1:
            yield from zip(files, progress(map(read, files.items())), strict=True)
        else:
            # Spawn: forking a process with threads can hang.
            fresh = multiprocessing.get_context("spawn")
            try:
                with _main_module_hidden(), ProcessPoolExecutor(workers, fresh) as pool:
                    yield from zip(files, progress(pool.map(read, files.items(), chunksize=4)), strict=True)
            except BrokenProcessPool as error:
                raise CorpusError(
                    f"One of {workers} parsing processes was killed, as when memory runs out; use fewer."
                ) from error


class BachCorpus(ScoreCorpus):
    """Bach's four-part chorales in the installed music21, one piece per movement, 396 of them.

    These are the scores with parts named Soprano, Alto, Tenor and Bass; of two versions of a movement, the one with the
    fewest other parts. The three `.krn` files are left out, since they reserve rights. Ten notes finer than a
    sixteenth, in three pieces, are rounded.

    Args:
        quantize: Take notes finer than a sixteenth as they sound on sixteenths, instead of skipping the piece.
        cache: Folder of the cache; the user's cache directory if None.
        workers: Parsing processes; one per core if None.
    """

    def files(self) -> dict[str, Path]:
        """Score files by movement (BWV number)."""
        package = find_spec("music21")
        folder = Path(package.origin).parent / "corpus" / "bach" if package and package.origin else Path("music21")
        movements: dict[str, Path] = {}
        for path in sorted(folder.glob("bwv*"), key=_by_number):
            if path.suffix in (".mxl", ".xml", ".musicxml"):
                # bwv248.64-6 and bwv248.64-s are one movement, with and without its orchestra.
                movement = re.sub(r"-.*$", "", path.stem)
                if movement in _NOT_IN_FOUR_VOICES:
                    continue
                others = movements.setdefault(movement, path)
                if path.stat().st_size < others.stat().st_size:
                    movements[movement] = path
        if not movements:
            raise CorpusError(f"music21's chorales aren't in {folder}; install music21 with its corpus.")
        return movements


class FolderCorpus(ScoreCorpus):
    """All scores of a folder and its subfolders.

    Args:
        path: The folder.
        quantize: Take notes finer than a sixteenth as they sound on sixteenths, instead of skipping the piece.
        cache: Folder of the cache; the user's cache directory if None.
        workers: Parsing processes; one per core if None.
    """

    def __init__(
        self, path: Path, *, quantize: bool = False, cache: Path | None = None, workers: int | None = None
    ) -> None:
        super().__init__(quantize=quantize, cache=cache, workers=workers)
        self.path = Path(path)

    def files(self) -> dict[str, Path]:
        """Score files by path relative to the folder."""
        if not self.path.is_dir():
            raise CorpusError(f"There is no folder {self.path}; expected a folder of scores.")
        paths = sorted(path for path in self.path.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise CorpusError(f"{self.path} holds no scores; expected files in one of {', '.join(SUFFIXES)}.")
        return {path.relative_to(self.path).as_posix(): path for path in paths}


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep spawned processes from importing the caller's script, which may lack a `__main__` guard."""
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {name: vars(main).pop(name) for name in ("__file__", "__spec__") if name in vars(main)}
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update(hidden)


def _digest(path: Path) -> bytes:
    """Digest of a file; that of nothing if it can't be opened, which reading will report."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return hashlib.sha256().digest()


def _num_cores() -> int:
    """Number of cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_number(path: Path) -> list[int | str]:
    """Sort key: bwv9 before bwv10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.stem)]


def _read(item: tuple[str, Path], *, repeats: bool, quantize: bool) -> Chorale | str:
    name, path = item
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)  # warnings don't concern the grid
        try:
            chorale = dataclasses.replace(read_chorale(path, repeats=repeats, fine=quantize), source=None)
        except BachlitError as error:
            return str(error)
    return dataclasses.replace(chorale, name=name)
