"""Harmonise several tunes: files, folders and books of tunes, side by side, with a table of what happened."""

import multiprocessing
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bachlit.commands.progress import progress
from bachlit.errors import BachlitError, OptionError, ScoreError
from bachlit.scores import SUFFIXES, TuneText, tunes_of

_MOST_LETTERS = 60  # of a title in a file's name


class Job(NamedTuple):
    """Tune to harmonise.

    Attributes:
        path: Its file.
        tune: Its number in a book of tunes; None if the file holds a single one.
        name: For its files, without an ending.
    """

    path: Path
    tune: str | None
    name: str

    def __str__(self) -> str:
        return self.path.name if self.tune is None else f"{self.path.name}, tune {self.tune}"


class Outcome(NamedTuple):
    """Result of a tune: its files, and sentences on what was chosen, changed or wrong."""

    files: Sequence[Path]
    sentences: Sequence[str]
    failed: bool = False


def jobs_of(paths: Sequence[Path], tune: str | None) -> list[Job]:
    """List the tunes of files, folders and books of tunes, with names that differ.

    Args:
        paths: Scores, and folders of scores.
        tune: Number or title of the only tune to take from each file.

    Raises:
        ScoreError: If a folder has no scores.
    """
    files = [file for path in paths for file in _files(path)]
    jobs: list[Job] = []
    names: set[str] = set()
    for file in files:
        tunes = _tunes(file) if tune is None and file.is_file() else []
        if len(tunes) < 2:
            jobs.append(Job(file, tune, _unique(file.stem, names)))
        for number, title, _ in tunes if len(tunes) > 1 else ():
            name = "-".join(filter(None, (number, _plain(title))))
            jobs.append(Job(file, number, _unique(name if len(files) == 1 else f"{file.stem}-{name}", names)))
    return jobs


def run_all(work: Callable[[Job], Sequence[Path]], jobs: Sequence[Job], workers: int) -> None:
    """Harmonise tunes one by one or side by side; print a table at the end.

    Args:
        work: Harmonises a tune and returns the files it wrote; to be pickled if there are several workers.
        jobs: The tunes.
        workers: Number of processes.

    Raises:
        ScoreError: If a tune couldn't be harmonised; the others are.
    """
    outcomes = list(_outcomes(partial(_tried, work), jobs, min(workers, len(jobs))))
    _print_table(jobs, outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    if failed:
        raise ScoreError(
            f"{failed} of {len(jobs)} tunes could not be harmonised; the table says why"
            f"{'; the others are written' if failed < len(jobs) else ''}."
        )


def _tunes(file: Path) -> Sequence[TuneText]:
    """List the tunes of a book; none if it can't be read, which its turn will tell."""
    try:
        return tunes_of(file)
    except ScoreError:
        return ()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise ScoreError(f"{path} holds no scores; expected files in one of {', '.join(SUFFIXES)}.")
    return files


def _unique(name: str, names: set[str]) -> str:
    """Make a name that isn't taken, and take it; case doesn't tell names apart."""
    number, unique = 1, name
    while unique.lower() in names:
        number += 1
        unique = f"{name}-{number}"
    names.add(unique.lower())
    return unique


def _plain(title: str) -> str:
    """Make a title part of a file's name.

    >>> _plain("The Wind, that Shakes/the Barley!")
    'the-wind-that-shakes-the-barley'
    """
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-")[:_MOST_LETTERS].rstrip("-")


def _outcomes(tried: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """Try all jobs, and show progress."""
    with progress(len(jobs), "Harmonising", "tune") as done:
        for outcome in _tried_all(tried, jobs, workers):
            done(1)
            yield outcome


def _tried_all(tried: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    if workers == 1:
        yield from map(tried, jobs)
        return
    try:
        # Spawn: forking a process with threads can hang.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_share) as pool:
            yield from pool.map(tried, jobs)
    except BrokenProcessPool as error:
        raise ScoreError(
            f"One of {workers} workers was killed, as when memory runs out; use fewer; what was written stays."
        ) from error


def _share() -> None:
    """Use one thread in a worker, since workers share the processor."""
    import torch  # heavy, and only workers need it here

    torch.set_num_threads(1)


def _tried(work: Callable[[Job], Sequence[Path]], job: Job) -> Outcome:
    """Harmonise a tune, and note warnings or the error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            files, error = work(job), ""
        except BachlitError as failure:
            files, error = [], str(failure)
    sentences = [str(warning.message) for warning in caught if _is_ours(warning.category)]
    return Outcome(files, [*sentences, *filter(None, [error])], failed=bool(error))


def _is_ours(category: type[Warning]) -> bool:
    return category.__module__.startswith("bachlit.")


def _print_table(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    from rich.console import Console  # one tune has no table
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("tune", "file"):
        table.add_column(head, no_wrap=True, overflow="ignore")
    table.add_column("what happened", overflow="fold")
    for job, outcome in zip(jobs, outcomes, strict=True):
        said = " ".join(sentence.removeprefix(f"{job.path}: ") for sentence in outcome.sentences)
        file = str(outcome.files[0]) if outcome.files else "not written"
        table.add_row(*map(escape, (str(job), file, said)))
    Console(soft_wrap=False).print(table)


def refuse_one_file(output: str | None, jobs: Collection[Job]) -> None:
    """Refuse a single file as the place of several tunes.

    Raises:
        OptionError: If the output has a format's ending.
    """
    if output and Path(output).suffix and not Path(output).is_dir():
        raise OptionError(f"{len(jobs)} tunes don't fit into {output}; expected a folder; name one with --output.")
