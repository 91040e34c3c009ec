"""Results of a sweep, made anew from its study: a CSV and plots in its folder, a table on the terminal."""

from __future__ import annotations

import csv
import io
import shlex
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from optuna import Study
from optuna.distributions import json_to_distribution
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bachlit.errors import OptionError
from bachlit.extras import MissingPackageError, require
from bachlit.files.writing import write_together
from bachlit.rendering.escaping import in_spreadsheet
from bachlit.sweeping.definition import Space, folder_of, same_name, word
from bachlit.sweeping.fitting import Outcome
from bachlit.sweeping.plots import plots, short, text
from bachlit.sweeping.study import counted, description

_STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}
_SHOWN = 10
_WIDTH = 132  # columns of a table that goes to no terminal


def report(study: Study, output: Path, plot_by: str | None = None) -> None:
    """Write `trials.csv` and the plots, print their places, and show the best trials.

    Args:
        study: The sweep's.
        output: The sweep's folder.
        plot_by: The option of the loss curves; the most important one if None.

    Raises:
        OptionError: If no trial has ended, the option isn't in the space, or a file can't be written.
    """
    sweep = description(study)
    space: Space = {name: json_to_distribution(values) for name, values in sweep["space"].items()}  # type: ignore[misc]
    by = option_of(space, plot_by)
    trials = best_first(study)
    if not trials:
        raise OptionError(f"No trial of {study.study_name} has ended yet; expected one at least; run some first.")
    failed = Counter(outcome_of(trial).sentence for trial in trials if trial.state.name == "FAIL")
    failures = [f"{number} failed: {sentence}" for sentence, number in failed.most_common(3)]
    useful = [trial for trial in trials if trial.state.name != "FAIL"]
    files = {"trials.csv": to_csv(trials, list(space))}
    try:
        if useful:
            require("matplotlib", "Plots of a sweep")
            files |= plots(study, useful, space, sweep["monitor"], by=by, folder=output)
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


def outcome_of(trial: FrozenTrial) -> Outcome:
    """Read how a trial ended."""
    return Outcome(**trial.user_attrs["outcome"])


def best_first(study: Study) -> list[FrozenTrial]:
    """List the trials that have ended: the best first, failed ones last."""
    sign = 1 if study.direction.name == "MINIMIZE" else -1

    def rank(trial: FrozenTrial) -> tuple[bool, float, int]:
        return trial.state.name == "FAIL", sign * (outcome_of(trial).value or 0), trial.number

    return sorted((trial for trial in counted(study) if trial.state.is_finished()), key=rank)


def to_csv(trials: Sequence[FrozenTrial], names: Sequence[str]) -> bytes:
    """Write all trials, with a column per option of the space."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["trial", "state", "value", "epoch", "seconds", *names, "folder", "sentence"])
    for trial in trials:
        outcome, values = outcome_of(trial), [trial.params.get(name) for name in names]
        start = [trial.number, _STATES[trial.state.name], outcome.value, outcome.epoch, f"{_seconds(trial):.1f}"]
        cells = [*start, *values, folder_of(trial.number).as_posix(), outcome.sentence]
        writer.writerow(map(in_spreadsheet, cells))
    return file.getvalue().encode()


def table(trials: Sequence[FrozenTrial], names: Sequence[str], monitor: str) -> Table:
    """Show the best trials, with their options."""
    counts = Counter(_STATES[trial.state.name] for trial in trials)
    summary = ", ".join(f"{counts[state]} {state}" for state in _STATES.values() if counts[state])
    shown = Table(title=f"{escape(monitor)}: the best of {len(trials)} trials ({summary})")
    for name, style in (("trial", "dim"), ("value", "bold"), ("epoch", ""), ("seconds", "")):
        shown.add_column(name, justify="right", style=style)
    for head in short(names).values():
        shown.add_column(escape(head), justify="right")
    for trial in [trial for trial in trials if trial.state.name != "FAIL"][:_SHOWN]:
        outcome = outcome_of(trial)
        value = f"{outcome.value:.4f}{' (pruned)' if outcome.pruned else ''}"
        options = [escape(text(trial.params.get(name))) for name in names]
        shown.add_row(f"{trial.number:04d}", value, f"{outcome.epoch:g}", f"{_seconds(trial):.0f}", *options)
    return shown


def option_of(space: Space, typed: str | None) -> str | None:
    """Find the option of a space that was typed, with `init_args` or without.

    Raises:
        OptionError: If there is none.
    """
    if typed is not None and same_name(typed) not in space:
        raise OptionError(f"--plot_by can't be {typed}; expected one of {', '.join(space)}; correct it.")
    return typed and same_name(typed)


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0
