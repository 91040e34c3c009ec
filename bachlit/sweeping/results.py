"""Report a sweep's results from its study: CSV, table, Optuna's plots, and loss curves as in BachBot's Figure 2."""

from __future__ import annotations

import csv
import shlex
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from optuna import Study
from optuna.distributions import CategoricalDistribution, json_to_distribution
from optuna.importance import get_param_importances
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bachlit.errors import OptionError
from bachlit.extras import MissingPackageError, require
from bachlit.files.writing import write_together
from bachlit.rendering.digits import four_digits
from bachlit.rendering.escaping import csv_text
from bachlit.rendering.plots import as_png
from bachlit.sweeping.definition import Space, folder_of, same_name, word
from bachlit.sweeping.study import SWEEP, counted, outcome_of, seconds_of

_STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}
_SHOWN = 10
_WIDTH = 132  # columns of a table that goes to no terminal
_GROUPS = 6  # colours for the values of a range; more can't be told apart
_CURVES = {"train/loss_epoch": "--", "val/nats_per_token": "-"}


def report(study: Study, output: Path, plot_by: str | None = None) -> None:
    """Write `trials.csv` and plots to the sweep's folder; print their paths and the best trials.

    The loss curves are by the most important option, unless `plot_by` names another.

    Raises:
        OptionError: If no trial has ended, the option isn't in the space, or a file can't be written.
    """
    sweep = study.user_attrs[SWEEP]
    space: Space = {name: json_to_distribution(values) for name, values in sweep["space"].items()}  # type: ignore[misc]
    check_option(plot_by, space)
    trials = _best_first(study)
    if not trials:
        raise OptionError(f"No trial of {study.study_name} has ended yet; expected one at least; run some first.")
    failed = Counter(outcome_of(trial).sentence for trial in trials if trial.state.name == "FAIL")
    failures = [f"{number} failed: {sentence}" for sentence, number in failed.most_common(3)]
    useful = [trial for trial in trials if trial.state.name != "FAIL"]
    files = {"trials.csv": to_csv(trials, list(space))}
    try:
        if useful:
            require("matplotlib", "Plots of a sweep")
            files |= plots(study, useful, space, sweep["monitor"], by=plot_by, folder=output)
    except MissingPackageError as error:
        warnings.warn(f"{error} Until then there is trials.csv alone.", stacklevel=2)
    try:
        output.mkdir(parents=True, exist_ok=True)
        print(*write_together((output / name, content) for name, content in files.items()), sep="\n")
    except OSError as error:
        message = f"{error.filename} can't be written ({error.strerror}); choose another --output."
        raise OptionError(message) from error
    if not useful:
        raise OptionError(f"All {len(trials)} trials failed: {'; '.join(failures)}")
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH)).print(table(trials, list(space), sweep["monitor"]))
    for sentence in failures:
        print(sentence)
    best = next((trial for trial in useful if trial.state.name == "COMPLETE"), useful[0])
    point = [word(name, value) for name, value in best.params.items()]
    print(f"The best again: {shlex.join(['bachlit', 'fit', *sweep['fit'], *point])}")


def check_option(typed: str | None, space: Space) -> None:
    """Raise an OptionError unless the option of the loss curves varies."""
    if typed is not None and same_name(typed) not in space:
        raise OptionError(f"--plot_by can't be {typed}; expected one of {', '.join(space)}; correct it.")


def to_csv(trials: Sequence[FrozenTrial], names: Sequence[str]) -> bytes:
    """Write all trials, with a column per option of the space."""
    lines: list[list[Any]] = [["trial", "state", "value", "epoch", "seconds", *names, "folder", "sentence"]]
    for trial in trials:
        outcome, values = outcome_of(trial), [trial.params.get(name) for name in names]
        start = [trial.number, _STATES[trial.state.name], outcome.value, outcome.epoch, f"{seconds_of(trial):.1f}"]
        lines.append([*start, *values, folder_of(trial.number).as_posix(), outcome.sentence])
    return csv_text(lines).encode()


def table(trials: Sequence[FrozenTrial], names: Sequence[str], monitor: str) -> Table:
    """Show the best trials, with their options."""
    counts = Counter(_STATES[trial.state.name] for trial in trials)
    summary = ", ".join(f"{counts[state]} {state}" for state in _STATES.values() if counts[state])
    title = f"{monitor}: the best of {len(trials)} trials ({summary})"
    shown = Table(title=escape(title), min_width=len(title))
    for head in ("trial", "value", "epoch", "seconds", *short(names).values()):
        shown.add_column(escape(head), justify="right", style="bold" if head == "value" else "")
    for trial in [trial for trial in trials if trial.state.name != "FAIL"][:_SHOWN]:
        outcome = outcome_of(trial)
        value = f"{four_digits(outcome.value or 0.0)}{' (pruned)' if outcome.pruned else ''}"
        options = [escape(text(trial.params.get(name))) for name in names]
        shown.add_row(f"{trial.number:04d}", value, f"{outcome.epoch:g}", f"{seconds_of(trial):.0f}", *options)
    return shown


def plots(
    study: Study, trials: Sequence[FrozenTrial], space: Space, monitor: str, *, by: str | None, folder: Path
) -> dict[str, bytes]:
    """Draw a sweep's plots as PNGs, by their names.

    The trials are the study's that didn't fail, the best first; their `curves.csv` are in the sweep's folder.
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
    by = same_name(by or max(space, key=lambda name: shares.get(name, 0.0)))
    return files | {"curves.png": curves(trials, space, by, folder)}


def curves(trials: Sequence[FrozenTrial], space: Space, by: str, folder: Path) -> bytes:
    """Draw the training (dashed) and validation loss (solid) of one trial per value of an option, as a PNG.

    Training losses other than cross-entropy have an axis of their own, on the right.
    """
    from matplotlib import colormaps  # noqa: PLC0415  # of an extra
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    chosen = choose(trials, space, by)
    figure = Figure(figsize=(8, 5.5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    beside: Any = None
    for index, (value, trial) in enumerate(chosen.items()):
        colour = colormaps["viridis"](0.95 * index / max(1, len(chosen) - 1)) if len(chosen) > 10 else f"C{index}"
        trials_folder = folder / folder_of(trial.number)
        for name, style in _CURVES.items():
            points = _read(trials_folder / "curves.csv", name)
            if not points:
                continue
            label = f"{value} (best {four_digits(min(nats for _, nats in points))})" if style == "-" else None
            marker = "." if len(points) < 20 else None  # few points can't be seen without
            where = axes
            if style == "--" and not _trains_on_nats(trials_folder / "config.yaml"):
                where = beside = beside or axes.twinx()
            where.plot(*zip(*points, strict=True), color=colour, linestyle=style, marker=marker, label=label)
    others = {tuple(str(trial.params[name]) for name in space if name != by) for trial in chosen.values()}
    which = "the other options alike" if len(others) == 1 else "the best trial of each value"
    axes.set_title(f"{by}: {which}; dashed training, solid validation", fontsize=10)
    axes.set_xlabel("epochs")
    axes.set_ylabel("nats a token")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if beside is not None:
        beside.set_ylabel("training loss that isn't in nats (dashed)")
    axes.grid(alpha=0.3)
    if axes.get_lines():
        axes.legend(title=by)
    return as_png(figure)


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


def _best_first(study: Study) -> list[FrozenTrial]:
    """List the trials that have ended: the best first, failed ones last."""
    sign = 1 if study.direction.name == "MINIMIZE" else -1
    return sorted(
        (trial for trial in counted(study) if trial.state.is_finished()),
        key=lambda trial: (trial.state.name == "FAIL", sign * (outcome_of(trial).value or 0), trial.number),
    )


def _read(path: Path, name: str) -> list[tuple[float, float]]:
    """Read epochs and nats per token of a trial's curve; none without the file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return [(float(line["epoch"]), float(line[name])) for line in csv.DictReader(file) if line.get(name)]


def _trains_on_nats(path: Path) -> bool:
    """Tell by a trial's configuration whether its training loss is cross-entropy, the default."""
    if not path.is_file():
        return True
    loss = (yaml.safe_load(path.read_text(encoding="utf-8")).get("model") or {}).get("loss")
    options = (loss or {}).get("init_args") or {}
    usual = loss is None or loss["class_path"].rpartition(".")[2] == "CrossEntropyLoss"
    return usual and not options.get("label_smoothing") and options.get("weight") is None


def _drawn(draw: Callable[..., Any], study: Study, monitor: str, num_options: int) -> bytes:
    """Draw one of Optuna's pyplot figures as PNG, without a window or a change to pyplot's state."""
    import matplotlib  # noqa: PLC0415  # of an extra
    from matplotlib import pyplot  # noqa: PLC0415

    backend = matplotlib.rcParams.copy()["backend"]  # the original would choose one now, if there is none yet
    pyplot.switch_backend("agg")
    try:
        with matplotlib.rc_context(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of an axis with one value
            draw(study, target_name=monitor)
            figure = pyplot.gcf()
            figure.set_size_inches(3 * max(2, num_options), 4.5)
            content = as_png(figure, dpi=110, bbox_inches="tight")
            pyplot.close(figure)
            return content
    finally:
        if isinstance(backend, str):
            pyplot.switch_backend(backend)
