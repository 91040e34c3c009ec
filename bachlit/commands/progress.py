"""Progress of long work: a bar in a terminal, some lines in a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from tqdm import tqdm

_TENTHS = 10
_SECONDS = 1.0  # work that is over sooner shows nothing


@contextmanager
def progress(total: int, what: str, unit: str) -> Iterator[Callable[[int], object]]:
    """Show progress on stderr: a bar in a terminal, elsewhere a line per tenth, since a bar leaves its remains.

    Args:
        total: Number of things to do.
        what: Description, such as Writing.
        unit: A thing, in the singular.

    Yields:
        A function that takes the number of things just done.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, unit=unit, delay=_SECONDS) as bar:
            yield bar.update
        return
    done, begun = 0, monotonic()

    def update(number: int) -> None:
        nonlocal done
        before, done = done, done + number
        seconds = monotonic() - begun
        if seconds > _SECONDS and before * _TENTHS // total < done * _TENTHS // total:
            print(f"{what}: {done} of {total} {unit}s, {seconds:.0f} s", file=sys.stderr, flush=True)

    yield update
