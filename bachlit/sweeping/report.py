"""The results of a sweep, made anew from its study: files in its folder, and what the terminal shows."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bachlit.errors import OptionError
from bachlit.extras import require
from bachlit.files.writing import write_whole
from bachlit.rendering import MissingPackageError
from bachlit.sweeping.curves import curves
from bachlit.sweeping.plots import importance_plot, importances, parallel, slices
from bachlit.sweeping.results import Row, best_of, failures, rows_of, table, to_csv
from bachlit.sweeping.space import Space, same_name, space_of, word
from bachlit.sweeping.study import about

if TYPE_CHECKING:
    from optuna import Study

_WIDTH = 132  # columns of a table that goes to no terminal


def report(study: Study, output: Path, plot_by: str | None = None) -> None:
    """Write `trials.csv` and the plots, say where, and show the best trials.

    Args:
        study: The sweep's.
        output: The sweep's folder.
        plot_by: The option of the loss curves; the most important one if None.

    Raises:
        OptionError: If there is nothing to tell, no such option, or no place for the files.
    """
    said = about(study)
    space, monitor = space_of(said["space"]), said["monitor"]
    rows = rows_of(study)
    if not rows:
        raise OptionError(f"No trial of {study.study_name} has ended yet; expected one at least; run some first.")
    by = option_of(space, plot_by)
    files = {"trials.csv": to_csv(rows, list(space))}
    best = best_of(rows)
    if best is not None:
        try:
            require("matplotlib", "Plots of a sweep")
            files |= dict(_plots(study, rows, space, monitor, by, output))
        except MissingPackageError as error:
            warnings.warn(f"{error} Until then there is trials.csv alone.", stacklevel=2)
    for name, content in files.items():
        try:
            output.mkdir(parents=True, exist_ok=True)
            write_whole(output / name, content)
        except OSError as error:
            raise OptionError(
                f"{output / name} can't be written ({error.strerror}); choose another --output."
            ) from error
        print(output / name)
    if best is None:
        raise OptionError(f"All {len(rows)} trials failed: {'; '.join(failures(rows))}")
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table(rows, list(space), monitor))
    for sentence in failures(rows):
        print(sentence)
    point = [word(name, value) for name, value in best.point.items()]
    print(f"The best again: {shlex.join(['bachlit', 'fit', *said['fit'], *point])}")


def _plots(
    study: Study, rows: list[Row], space: Space, monitor: str, by: str | None, output: Path
) -> Iterator[tuple[str, bytes]]:
    """The plots, by their names."""
    shares = importances(study)
    several = len(space) > 1  # of one there is nothing to compare
    if shares and several:
        yield "importance.png", importance_plot(shares)
    yield "slices.png", slices(rows, space, monitor)
    if several and any(row.state == "finished" for row in rows):
        yield "parallel.png", parallel(rows, space, monitor)
    by = by or max(space, key=lambda name: shares.get(name, 0.0))
    yield "curves.png", curves(rows, space, by, output)


def option_of(space: Space, typed: str | None) -> str | None:
    """The option of a space that was typed, however it was spelt.

    Raises:
        OptionError: If it is none.
    """
    if typed is None:
        return None
    found = next((name for name in space if same_name(name) == same_name(typed)), None)
    if found is None:
        raise OptionError(f"--plot_by can't be {typed}; expected one of {', '.join(space)}; correct it.")
    return found
