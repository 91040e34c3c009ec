"""Loss curves by one option: training dashed, validation solid, a colour a value (as in BachBot's Figure 2)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bachlit.sweeping.plots import png
from bachlit.sweeping.results import Row, text
from bachlit.sweeping.space import Range, Space

Curve = list[tuple[float, float]]
"""Epochs and nats a token."""

_TRAINING, _VALIDATION = "train/loss_epoch", "val/nats_per_token"
_GROUPS = 6  # colours for the values of a range; more can't be told apart


def curves(rows: Sequence[Row], space: Space, by: str, output: Path) -> bytes:
    """The training's and the validation's loss of one trial for each value of an option, as a PNG.

    It is the best trial with that value; where there are some, the best of those that share all other options with
    the best of all, so that the curves differ by this option alone. Values of a range are in groups.

    Args:
        rows: The trials, the best first.
        space: What varied.
        by: The option.
        output: The sweep's folder, with the trials' `curves.csv`.
    """
    from matplotlib import colormaps  # noqa: PLC0415  # of an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    chosen = choose(rows, space, by)
    figure = Figure(figsize=(8, 5.5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for index, (label, row) in enumerate(chosen.items()):
        training, validation = read(output / row.folder / "curves.csv")
        colour = colormaps["viridis"](0.95 * index / max(1, len(chosen) - 1)) if len(chosen) > 10 else f"C{index}"
        if validation:
            low = min(nats for _, nats in validation)
            axes.plot(*_points(validation), color=colour, marker=_marker(validation), label=f"{label} (best {low:.3f})")
        if training:
            axes.plot(*_points(training), color=colour, linestyle="--", marker=_marker(training))
    others = {name for name in space if name != by}
    alike = len({tuple(str(row.point[name]) for name in sorted(others)) for row in chosen.values()}) == 1
    told = "the other options alike" if alike else "the best trial of each value"
    axes.set_title(f"{by}: {told}; dashed training, solid validation", fontsize=10)
    axes.set_xlabel("epochs")
    axes.set_ylabel("nats a token")
    axes.grid(alpha=0.3)
    if axes.get_lines():
        axes.legend(title=by)
    return png(figure)


def choose(rows: Sequence[Row], space: Space, by: str) -> dict[str, Row]:
    """A trial for each value of an option, or for each group of values of a range, by what it is called."""
    useful = [row for row in rows if row.state != "failed" and row.value is not None]
    if not useful:
        return {}
    best = next((row for row in useful if row.state == "finished"), useful[0])

    def rank(row: Row) -> tuple[bool, bool, int]:
        """First what differs from the best in this option alone, then what wasn't stopped, then the better."""
        alike = all(row.point[name] == best.point[name] for name in space if name != by)
        return not alike, row.state != "finished", useful.index(row)

    groups = _groups(useful, space, by)
    return {label: min(these, key=rank) for label, these in groups.items()}


def read(path: Path) -> tuple[Curve, Curve]:
    """The training's and the validation's curve of a trial; empty ones if its files aren't here."""
    if not path.is_file():
        return [], []
    with path.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    training, validation = (
        [(float(line["epoch"]), float(line[name])) for line in lines if line.get(name)]
        for name in (_TRAINING, _VALIDATION)
    )
    return training, validation


def _groups(rows: Sequence[Row], space: Space, by: str) -> dict[str, list[Row]]:
    """Trials by their value of an option, in the option's order."""
    values = space[by]
    if isinstance(values, Range):
        found = sorted({row.point[by] for row in rows})
        if len(found) > _GROUPS:
            cuts = [found[len(found) * index // _GROUPS] for index in range(1, _GROUPS)]
            parts = [[row for row in rows if sum(row.point[by] >= cut for cut in cuts) == i] for i in range(_GROUPS)]
            return {_span([row.point[by] for row in part]): part for part in parts}
    else:
        found = list(values.values)
    groups = {text(value): [row for row in rows if row.point[by] == value] for value in found}
    return {label: these for label, these in groups.items() if these}


def _span(values: Sequence[Any]) -> str:
    low, high = text(min(values)), text(max(values))
    return low if low == high else f"{low} to {high}"


def _points(curve: Curve) -> tuple[list[float], list[float]]:
    return [epoch for epoch, _ in curve], [nats for _, nats in curve]


def _marker(curve: Curve) -> str | None:
    """A line of few points needs marks to be seen."""
    return "." if len(curve) < 20 else None
