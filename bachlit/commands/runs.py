"""`bachlit runs`: a table of fits, read from their folders without loading any model."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bachlit.commands.functions import run_typed
from bachlit.commands.options import joined
from bachlit.errors import OptionError
from bachlit.files.options import read_options
from bachlit.models.runs import BEFORE, BEST, LAST, ROOT, old_root

Column = Literal["when", "name", "network", "epochs", "best", "folder"]

_BEST_BY = "val/nats_per_frame"
_WIDTH = 160  # columns of the table outside a terminal
_MOST_BYTES = 2**24  # of a table of curves: a row takes some 200
_MOST_LETTERS = 60  # of a network's name
# Files that a fit leaves in its folder.
_TRACES = ("config.yaml", "curves.csv", "metrics.csv", "checkpoints")


@dataclass(frozen=True)
class Run:
    """Facts about a run; None where one isn't known.

    Attributes:
        when: When a fit last wrote into its folder.
        name: Its name.
        network: Class of its network.
        epochs: Finished epochs.
        best: Lowest nats per frame in validation.
        checkpoints: Names of its checkpoints.
        folder: Its folder.
    """

    when: str | None
    name: str
    network: str | None
    epochs: float | None
    best: float | None
    checkpoints: Sequence[str]
    folder: str


def runs(folder: list[Path] | None = None, *, sort: Column = "when", json: bool = False) -> None:
    """List the fits of a folder: when, network, epochs and best figure of each.

    Args:
        folder: Folders of runs, or of sweeps, whose trials are listed; runs if left out.
        sort: Column to sort by: when (the newest first), name, network, epochs (the most first), best (the lowest
            first) or folder.
        json: Print JSON instead of a table.
    """
    folders = folder or [ROOT]
    listed = dict.fromkeys(one for root in folders for one in _folders(root))
    found = sorted(map(_read, listed), key=_order(sort))
    if json:
        _print_json(found)
    elif found:
        _print_table(found)
    else:
        print(f"There are no runs in {', '.join(map(str, folders))} yet; `bachlit fit` makes one.")


def check(folder: list[Path] | None) -> None:
    """Refuse folders that aren't there.

    Raises:
        OptionError: If one isn't.
    """
    for one in folder or ():
        if not one.is_dir():
            raise OptionError(f"There is no folder {one}; expected one with runs or a sweep; correct it.")


def run(command: str, args: Sequence[str]) -> None:
    """Run `bachlit runs` with its options.

    Raises:
        BachlitError: If the user has something to put right.
    """
    words = (word if word.startswith("-") else f"--folder={word}" for word in joined(args))
    run_typed(command, runs, [*words], check=check)


def _folders(root: Path) -> Iterator[Path]:
    """List the folders in which a fit left something."""
    for place in (root, old_root(root), root / "trials"):
        with suppress(OSError):
            for folder in sorted(place.iterdir()):
                if any((folder / trace).exists() for trace in _TRACES):
                    yield folder


def _read(folder: Path) -> Run:
    """Read what is known of a run, however damaged."""
    present = [name for name in (BEST, LAST, BEFORE) if (folder / "checkpoints" / name).is_file()]
    rows = _rows(folder / "curves.csv")
    epochs = [number for row in rows if (number := _number(row.get("epoch"))) is not None]
    figures = [number for row in rows if (number := _number(row.get(_BEST_BY))) is not None]
    return Run(
        when=_written(
            [folder / "curves.csv", folder / "config.yaml", *(folder / "checkpoints" / one for one in present)]
        ),
        name=folder.name,
        network=_network(folder / "config.yaml"),
        epochs=max(epochs, default=None),
        best=min(figures, default=None),
        checkpoints=present,
        folder=str(folder),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """Read the whole rows of a table of curves; none if there is no such table."""
    rows: list[dict[str, str]] = []
    with suppress(OSError, csv.Error):
        if path.is_file() and path.stat().st_size <= _MOST_BYTES:
            with path.open(newline="", encoding="utf-8", errors="replace") as file:
                rows.extend(csv.DictReader(file))
    return rows


def _number(text: str | None) -> float | None:
    """Read a finite number; None if it is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _network(path: Path) -> str | None:
    """Read the class of a run's network from its configuration, as text."""
    with suppress(OptionError):
        options: Any = read_options(path)[1]
        for name in ("model", "network", "class_path"):
            options = options.get(name) if isinstance(options, Mapping) else None
        if isinstance(options, str):
            return options.rpartition(".")[2][:_MOST_LETTERS]
    return None


def _written(paths: Sequence[Path]) -> str | None:
    """Return when any of some files was last written, to the second."""
    times = []
    for path in paths:
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return datetime.fromtimestamp(max(times)).isoformat(" ", "seconds") if times else None


def _order(column: Column) -> Callable[[Run], tuple[bool, Any]]:
    """Make the key by which runs are sorted; those of which it isn't known come last."""

    def key(run: Run) -> tuple[bool, Any]:
        value = getattr(run, column)
        if value is not None and column == "when":
            value = -datetime.fromisoformat(value).timestamp()
        if value is not None and column == "epochs":
            value = -value
        return value is None, value if value is not None else 0

    return key


def _print_json(found: Sequence[Run]) -> None:
    print(json.dumps([asdict(run) for run in found], indent=2, allow_nan=False))


def _print_table(found: Sequence[Run]) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("when", "name", "network", "epochs", "best", "checkpoints", "folder"):
        table.add_column(head, justify="right" if head in ("epochs", "best") else "left", overflow="fold")
    for run in found:
        epochs = "?" if run.epochs is None else f"{run.epochs:g}"
        best = "?" if run.best is None else f"{run.best:.4f}"
        kept = ", ".join(name.removesuffix(".ckpt") for name in run.checkpoints) or "none"
        cells = (run.when or "?", run.name, run.network or "?", epochs, best, kept, run.folder)
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table)
    print("\nbest: the lowest nats per frame in validation")


def _printable(text: str) -> str:
    """Replace what a terminal might obey, and what is no text."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
