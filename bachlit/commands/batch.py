"""Harmonise several tunes: files, folders and books of tunes, side by side, with a table of what happened."""

import math
import re
import warnings
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bachlit.commands.progress import progress
from bachlit.errors import BachlitError, OptionError, ScoreError
from bachlit.processes import in_processes
from bachlit.scores import SUFFIXES, TuneText, tunes_of

_MOST_LETTERS = 60  # of a title in a file's name
_PARTS, _FEW = 4, 8  # parts for each process, unless that leaves too few tunes in each


class Job(NamedTuple):
    """Tune to harmonise.

    Attributes:
        path: Its file.
        tune: Its number in a book of tunes; None if the file holds a single one.
        name: For its files, without an ending.
        size: Characters of the tune, or bytes of its file: the more, the longer it takes.
    """

    path: Path
    tune: str | None
    name: str
    size: int = 0

    def __str__(self) -> str:
        return self.path.name if self.tune is None else f"{self.path.name}, tune {self.tune}"


class Outcome:
    """Result of a tune: its files, and sentences on what was chosen, changed or wrong."""

    def __init__(self) -> None:
        self.files: Sequence[Path] = ()
        self.sentences: list[str] = []
        self.failed = False

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note the warnings of a part of the work, or the error that ends it."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            except BachlitError as error:
                self.fail(str(error))
        noted = [str(warning.message) for warning in caught if warning.category.__module__.startswith("bachlit.")]
        place = len(self.sentences) - self.failed  # the error comes last
        self.sentences[place:place] = noted

    def fail(self, sentence: str) -> None:
        """Note why there are no files."""
        self.failed = True
        self.sentences.append(sentence)


Work = Callable[[Sequence[Job]], Sequence[Outcome]]
"""Harmonises tunes together."""


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
            jobs.append(Job(file, tune, _unique(file.stem, names), _size(file)))
        for number, title, text in tunes if len(tunes) > 1 else ():
            name = "-".join(filter(None, (number, _plain(title))))
            name = _unique(name if len(files) == 1 else f"{file.stem}-{name}", names)
            jobs.append(Job(file, number, name, len(text)))
    return jobs


def run_all(start: Callable[[], Work], jobs: Sequence[Job], *, workers: int, together: int) -> None:
    """Harmonise tunes one by one or side by side; print a table at the end.

    Args:
        start: Called once per process: makes what harmonises; to be pickled if there are several workers.
        jobs: The tunes.
        workers: Number of processes.
        together: Most tunes that are harmonised faster together than one by one.

    Raises:
        ScoreError: If a tune couldn't be harmonised; the others are.
    """
    outcomes: list[Outcome] = [Outcome() for _ in jobs]
    parts = _parts(jobs, workers, together)
    with progress(len(jobs), "Harmonising", "tune") as done, closing(_done(start, jobs, parts, workers)) as results:
        for part, part_outcomes in results:
            for index, outcome in zip(part, part_outcomes, strict=True):
                outcomes[index] = outcome
            done(len(part))
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


def _size(file: Path) -> int:
    """Size of a file; none if there is no such file, which its turn will tell."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


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


def _parts(jobs: Sequence[Job], workers: int, together: int) -> list[list[int]]:
    """Divide tunes, by index, into parts that are harmonised together, of similar length.

    Several processes begin with the longest, and get several parts each, so that they end at about the same time.
    """
    if workers == 1 and together == 1:
        return [[index] for index in range(len(jobs))]  # written in the given order
    order = sorted(range(len(jobs)), key=lambda index: jobs[index].size, reverse=True)
    shares = (math.ceil(len(jobs) / (num * workers)) for num in (1, _PARTS))
    each = together if workers == 1 else min(together, next(shares), max(_FEW, next(shares)))
    return [order[first : first + each] for first in range(0, len(order), each)]


def _done(
    start: Callable[[], Work], jobs: Sequence[Job], parts: Sequence[Sequence[int]], workers: int
) -> Generator[tuple[Sequence[int], Sequence[Outcome]], None, None]:
    """Harmonise parts of the tunes, in this process or in others; yield them as they are done."""
    if min(workers, len(parts)) == 1:
        work = start()
        for part in parts:
            yield part, work([jobs[index] for index in part])
        return
    numbered = [[(index, jobs[index]) for index in part] for part in parts]
    for done, outcomes in in_processes(partial(_started, start), numbered, workers):
        yield [index for index, _ in done], outcomes or [_killed()]


def _started(start: Callable[[], Work]) -> Callable[[Sequence[tuple[int, Job]]], Sequence[Outcome]]:
    """Start to harmonise in a process that shares the processor with others."""
    import torch  # heavy, and only workers need it here

    torch.set_num_threads(1)
    work = start()
    return lambda numbered: work([job for _, job in numbered])


def _killed() -> Outcome:
    """Tell of a tune whose process is gone."""
    outcome = Outcome()
    outcome.fail(
        "The process that harmonised it was killed, as when memory runs out; expected it to end; harmonise it alone, "
        "or with fewer workers."
    )
    return outcome


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
