"""Plots of a sweep: Optuna's, and loss curves by one option as in BachBot's Figure 2."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, create_trial

from bachlit.sweeping.definition import Space, folder_of

_GROUPS = 6  # colours for the values of a range; more can't be told apart
_CURVES = {"train/loss_epoch": "--", "val/nats_per_token": "-"}


def plots(trials: Sequence[FrozenTrial], space: Space, monitor: str, *, maximise: bool) -> Iterator[tuple[str, bytes]]:
    """Draw Optuna's plots as PNGs, by their names.

    Args:
        trials: Those that didn't fail, the best first.
        space: Values of the options that vary.
        monitor: The metric.
        maximise: Whether high values are good.
    """
    from optuna.visualization import matplotlib as optunas  # noqa: PLC0415  # of an extra

    names = list(short(list(space)).values())
    finished = [trial for trial in trials if trial.state.name == "COMPLETE"]
    study, whole = _renamed(trials, space, maximise), _renamed(finished, space, maximise)
    with _pyplot():
        drawn = optunas.plot_slice(study, names, target_name=monitor)
        yield "slices.png", _png(drawn, 3 * len(space), "grey: stopped early")
        if finished and len(space) > 1:  # of one option there is nothing to compare
            drawn = optunas.plot_parallel_coordinate(whole, names, target_name=monitor)
            yield "parallel.png", _png(drawn, 3 + 1.5 * len(space))
        if len(space) > 1 and importances(trials, space, maximise=maximise):
            drawn = optunas.plot_param_importances(whole, PedAnovaImportanceEvaluator(), target_name=monitor)
            yield "importance.png", _png(drawn, 7)


def importances(trials: Sequence[FrozenTrial], space: Space, *, maximise: bool) -> dict[str, float]:
    """Share of each option in what makes a trial one of the best tenth; nothing of too few trials, or equal ones.

    By PED-ANOVA (Watanabe, Bansal and Hutter 2023).
    """
    finished = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len({trial.value for trial in finished}) < 2:
        return {}
    shares = get_param_importances(_renamed(finished, space, maximise), evaluator=PedAnovaImportanceEvaluator())
    return {name: shares[last] for name, last in short(list(space)).items() if isfinite(shares[last])}


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
        num = min(_GROUPS, len(found)) if len(found) > _GROUPS else len(found)
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


def _renamed(trials: Sequence[FrozenTrial], space: Space, maximise: bool) -> optuna.Study:
    """Copy trials to a study whose options have short names; of those stopped early, the best value."""
    names = short(list(space))
    study = optuna.create_study(direction="maximize" if maximise else "minimize")
    for trial in sorted(trials, key=lambda trial: trial.number):
        stopped = {"stopped early": 1.0 if trial.state.name == "PRUNED" else -1.0}
        study.add_trial(
            create_trial(
                value=trial.user_attrs["outcome"]["value"],
                params={names[name]: value for name, value in trial.params.items()},
                distributions={names[name]: values for name, values in trial.distributions.items()},
                constraints=stopped,
            )
        )
    return study


def _read(path: Path, name: str) -> list[tuple[float, float]]:
    """Read epochs and nats per token of a trial's curve; none without the file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return [(float(line["epoch"]), float(line[name])) for line in csv.DictReader(file) if line.get(name)]


@contextmanager
def _pyplot() -> Iterator[None]:
    """Have pyplot, which Optuna draws by, open no windows; then give its style and its backend back."""
    import matplotlib  # noqa: PLC0415  # of an extra
    from matplotlib import pyplot  # noqa: PLC0415

    backend = matplotlib.rcParams.copy()["backend"]  # asked of the original, it would choose one
    pyplot.switch_backend("agg")
    try:
        with matplotlib.rc_context():
            yield
    finally:
        if isinstance(backend, str):
            pyplot.switch_backend(backend)


def _png(drawn: Any, width: float, title: str | None = None) -> bytes:
    """Save one of Optuna's plots, given its axes, and close it."""
    from matplotlib import pyplot  # noqa: PLC0415  # of an extra

    figure, file = pyplot.gcf(), io.BytesIO()
    figure.set_size_inches(width, 4.5)
    figure.suptitle(title or "")
    figure.savefig(file, format="png", dpi=110, bbox_inches="tight")
    pyplot.close(figure)
    return file.getvalue()
