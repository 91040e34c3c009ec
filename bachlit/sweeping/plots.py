"""Plots of a sweep: Optuna's, and loss curves by one option as in BachBot's Figure 2."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import get_param_importances
from optuna.trial import FrozenTrial

from bachlit.sweeping.definition import Space, folder_of

_GROUPS = 6  # colours for the values of a range; more can't be told apart
_CURVES = {"train/loss_epoch": "--", "val/nats_per_token": "-"}


def plots(
    study: optuna.Study, trials: Sequence[FrozenTrial], space: Space, monitor: str, *, by: str | None, folder: Path
) -> dict[str, bytes]:
    """Draw a sweep's plots as PNGs, by their names.

    Args:
        study: The sweep's.
        trials: Those of the study that didn't fail, the best first.
        space: Values of the options that vary.
        monitor: The metric.
        by: The option of the loss curves; the most important one if None.
        folder: The sweep's, with the trials' `curves.csv`.
    """
    from optuna.visualization import matplotlib as optunas  # noqa: PLC0415  # of an extra

    finished = {trial.value for trial in trials if trial.state.name == "COMPLETE"}
    # Shares in what makes a trial one of the best, by PED-ANOVA (Watanabe, Bansal and Hutter 2023).
    shares = get_param_importances(study) if len(finished) > 1 else {}
    drawings: dict[str, Callable[..., Any]] = {"slices.png": optunas.plot_slice}
    if len(space) > 1:  # of one option there is nothing to compare
        drawings["parallel.png"] = optunas.plot_parallel_coordinate
    if len(space) > 1 and any(map(isfinite, shares.values())):
        drawings["importance.png"] = optunas.plot_param_importances
    files = {name: _drawn(draw, study, monitor, len(space)) for name, draw in drawings.items() if finished}
    by = by or max(space, key=lambda name: shares.get(name, 0.0))
    return files | {"curves.png": curves(trials, space, by, folder)}


def curves(trials: Sequence[FrozenTrial], space: Space, by: str, folder: Path) -> bytes:
    """Draw the training (dashed) and validation loss (solid) of one trial per value of an option, as a PNG."""
    from matplotlib import colormaps  # noqa: PLC0415  # of an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    chosen = choose(trials, space, by)
    figure = Figure(figsize=(8, 5.5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for index, (value, trial) in enumerate(chosen.items()):
        colour = colormaps["viridis"](0.95 * index / max(1, len(chosen) - 1)) if len(chosen) > 10 else f"C{index}"
        for name, style in _CURVES.items():
            points = _read(folder / folder_of(trial.number) / "curves.csv", name)
            if points:
                label = f"{value} (best {min(nats for _, nats in points):.3f})" if style == "-" else None
                marker = "." if len(points) < 20 else None  # few points can't be seen without
                axes.plot(*zip(*points, strict=True), color=colour, linestyle=style, marker=marker, label=label)
    others = {tuple(str(trial.params[name]) for name in space if name != by) for trial in chosen.values()}
    which = "the other options alike" if len(others) == 1 else "the best trial of each value"
    axes.set_title(f"{by}: {which}; dashed training, solid validation", fontsize=10)
    axes.set_xlabel("epochs")
    axes.set_ylabel("nats a token")
    axes.grid(alpha=0.3)
    if axes.get_lines():
        axes.legend(title=by)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def choose(trials: Sequence[FrozenTrial], space: Space, by: str) -> dict[str, FrozenTrial]:
    """Choose the best trial per value of an option, or per group of values of a range.

    If there are some, it is the best of those that differ from the best of all in this option alone.
    """
    best = next((trial for trial in trials if trial.state.name == "COMPLETE"), trials[0])

    def rank(trial: FrozenTrial) -> tuple[bool, bool, int]:
        alike = all(trial.params[name] == best.params[name] for name in space if name != by)
        return not alike, trial.state.name != "COMPLETE", trials.index(trial)

    values = space[by]
    if isinstance(values, CategoricalDistribution):
        groups = [[choice] for choice in values.choices]
    else:
        found = sorted({trial.params[by] for trial in trials})
        num = min(_GROUPS, len(found))
        groups = [found[len(found) * i // num : len(found) * (i + 1) // num] for i in range(num)]
    chosen = {}
    for group in groups:
        these = [trial for trial in trials if trial.params[by] in group]
        if these:
            chosen[" to ".join(dict.fromkeys([text(group[0]), text(group[-1])]))] = min(these, key=rank)
    return chosen


def short(names: Sequence[str]) -> dict[str, str]:
    """Shorten options to their last words, unless these are ambiguous.

    >>> short(["model.network.dropout", "data.seed", "model.seed"])
    {'model.network.dropout': 'dropout', 'data.seed': 'data.seed', 'model.seed': 'model.seed'}
    """
    last = {name: name.rpartition(".")[2] for name in names}
    often = Counter(last.values())
    return {name: word if often[word] == 1 else name for name, word in last.items()}


def text(value: Any) -> str:
    """Write a value of an option in few digits.

    >>> text(0.30000000000000004), text(128), text("all")
    ('0.3', '128', 'all')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _read(path: Path, name: str) -> list[tuple[float, float]]:
    """Read epochs and nats per token of a trial's curve; none without the file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return [(float(line["epoch"]), float(line[name])) for line in csv.DictReader(file) if line.get(name)]


def _drawn(draw: Callable[..., Any], study: optuna.Study, monitor: str, num_options: int) -> bytes:
    """Draw one of Optuna's plots, which are pyplot's, as a PNG: no window opens, and nothing of pyplot's changes."""
    import matplotlib  # noqa: PLC0415  # of an extra
    from matplotlib import pyplot  # noqa: PLC0415

    backend = matplotlib.rcParams.copy()["backend"]  # the original would choose one now, if there is none yet
    pyplot.switch_backend("agg")
    file = io.BytesIO()
    try:
        with matplotlib.rc_context():
            draw(study, target_name=monitor)
            figure = pyplot.gcf()
            figure.set_size_inches(3 * max(2, num_options), 4.5)
            figure.savefig(file, format="png", dpi=110, bbox_inches="tight")
            pyplot.close(figure)
    finally:
        if isinstance(backend, str):
            pyplot.switch_backend(backend)
    return file.getvalue()
