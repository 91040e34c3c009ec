"""Plots of a sweep: which options matter, the monitored figure over each, all trials as lines over all options.

Figures are objects here, without pyplot, which Optuna's own plots would bring.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bachlit.sweeping.results import Row, short, text
from bachlit.sweeping.space import Choices, Range, Space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna import Study

_COLUMNS = 3  # slices side by side
_PLATE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}  # under numbers that lines cross
_MANY = 12  # choices that have room beside each other


def importances(study: Study) -> dict[str, float]:
    """How much each option decides whether a trial is among the best tenth; the shares add up to 1.

    By PED-ANOVA (Watanabe, Bansal and Hutter 2023), over trials that ran to their end; an empty mapping if these are
    too few or all alike.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # noqa: PLC0415  # of an extra
    from optuna.trial import TrialState  # noqa: PLC0415

    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len({trial.value for trial in complete}) < 2:
        return {}
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in shares.items() if math.isfinite(share)}


def importance_plot(shares: dict[str, float]) -> bytes:
    """Shares as bars, the largest on top, as a PNG."""
    names = sorted(shares, key=lambda name: shares[name])
    figure = _figure(7, 1.2 + 0.4 * len(names))
    axes = figure.add_subplot()
    bars = axes.barh(names, [shares[name] for name in names], color="tab:blue")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.margins(x=0.1)
    axes.set_xlabel("share in what makes a trial one of the best (PED-ANOVA)")
    return png(figure)


def slices(rows: Sequence[Row], space: Space, monitor: str) -> bytes:
    """The monitored figure over each option, a point a trial, as a PNG; hollow ones were stopped early."""
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415  # of an extra
    from matplotlib.colors import Normalize  # noqa: PLC0415

    shown = [row for row in rows if row.value is not None and row.state != "failed"]
    columns = min(_COLUMNS, len(space))
    lines = math.ceil(len(space) / columns)
    figure = _figure(4.2 * columns, 0.6 + 3.2 * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    colours = ScalarMappable(Normalize(0, max(1, *(row.trial for row in shown))), "viridis")
    edges = colours.to_rgba(np.array([row.trial for row in shown]))
    faces = [edge if row.state == "finished" else "none" for row, edge in zip(shown, edges, strict=True)]
    for axes, (name, values) in zip(grid.flat, space.items(), strict=False):
        places = _places(axes, name, values, shown)
        axes.scatter(places, [row.value for row in shown], s=22, facecolors=faces, edgecolors=edges)
        axes.grid(alpha=0.3)
    for axes in grid[:, 0]:
        axes.set_ylabel(monitor)
    for axes in grid.flat[len(space) :]:
        axes.set_visible(False)
    figure.colorbar(colours, ax=grid, label="trial (hollow: stopped early)")
    return png(figure)


def parallel(rows: Sequence[Row], space: Space, monitor: str) -> bytes:
    """Trials that ran to their end as lines over all options, coloured by the figure, the best on top, as a PNG."""
    from matplotlib import colormaps  # noqa: PLC0415  # of an extra
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import Normalize  # noqa: PLC0415

    shown = [row for row in rows if row.value is not None and row.state == "finished"]
    figures = np.array([row.value for row in shown], dtype=float)
    # A few that went wrong would leave one colour for all others.
    maximise = len(figures) > 1 and figures[0] > figures[-1]
    norm = Normalize(*np.quantile(figures, [0.1, 1.0] if maximise else [0.0, 0.9]))
    figure = _figure(2.0 + 1.7 * len(space), 4.6)
    axes = figure.add_subplot()
    heights = np.stack([_height(values, [row.point[name] for row in shown]) for name, values in space.items()], axis=1)
    for row, height in reversed(list(zip(shown, heights, strict=True))):
        best = row is shown[0]
        colour = "tab:red" if best else colormaps["viridis"](norm(row.value))
        axes.plot(range(len(space)), height, color=colour, alpha=1.0 if best else 0.6, linewidth=2.5 if best else 1.0)
    for place, values in enumerate(space.values()):
        axes.axvline(place, color="black", linewidth=0.8)
        for value in _ticks(values):
            height = float(_height(values, [value])[0])
            axes.annotate(
                text(value), (place, height), (4, 0), textcoords="offset points", va="center", fontsize=8, bbox=_PLATE
            )
    axes.set_xticks(range(len(space)), list(short(list(space)).values()))
    axes.set_yticks([])
    axes.set_xlim(-0.2, len(space) - 0.6)
    axes.spines[:].set_visible(False)
    axes.set_title(f"red: the best, {monitor} {figures[0]:.4f}", fontsize=10)
    figure.colorbar(ScalarMappable(norm, "viridis"), ax=axes, label=monitor, extend="min" if maximise else "max")
    return png(figure)


def _places(axes: Axes, name: str, values: Choices | Range, rows: Sequence[Row]) -> Any:
    """Where trials stand on the axis of an option, which is labelled."""
    axes.set_xlabel(name)
    if isinstance(values, Range):
        if values.log:
            axes.set_xscale("log")
        return np.array([row.point[name] for row in rows], dtype=float)
    choices = list(values.values)
    if len(choices) <= _MANY:
        axes.set_xticks(range(len(choices)), [text(choice) for choice in choices])
    axes.set_xlim(-0.5, len(choices) - 0.5)
    # Beside each other, or all trials with one choice would hide each other.
    beside = np.array([((row.trial * 0.618) % 1 - 0.5) * 0.5 for row in rows])
    return np.array([choices.index(row.point[name]) for row in rows], dtype=float) + beside


def _height(values: Choices | Range, these: Sequence[Any]) -> Any:
    """Values between 0 and 1 on the axis of an option."""
    if isinstance(values, Choices):
        return np.array([values.values.index(value) for value in these]) / max(1, len(values.values) - 1)
    scale = np.log if values.log else np.asarray
    low, high = scale(values.low), scale(values.high)
    return (scale(np.array(these, dtype=float)) - low) / (high - low)


def _ticks(values: Choices | Range) -> list[Any]:
    """The values of an option that are named on its axis."""
    if isinstance(values, Choices):
        return list(values.values) if len(values.values) <= _MANY else [values.values[0], values.values[-1]]
    return [values.low, values.high]


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415  # of an extra

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def png(figure: Figure) -> bytes:
    """A figure as a file."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
