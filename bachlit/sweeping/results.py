"""What came of a sweep: a row for each trial, as a CSV and as a table of the best."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from bachlit.rendering.escaping import in_spreadsheet
from bachlit.sweeping.points import latest
from bachlit.sweeping.space import Point

if TYPE_CHECKING:
    from optuna import Study

_STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}
_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """A trial that has ended.

    Args:
        trial: Its number.
        state: finished, pruned (stopped early) or failed.
        value: The best of the monitored figure; None if it told none.
        epoch: After how many epochs that was.
        seconds: How long the trial took, with its start.
        point: Its values of the options that vary.
        folder: Where its files are, within the sweep's folder.
        sentence: Why it failed.
    """

    trial: int
    state: str
    value: float | None
    epoch: float | None
    seconds: float
    point: Point
    folder: Path
    sentence: str


def rows_of(study: Study) -> list[Row]:
    """The trials of a study that have ended, the best first, those that failed last; not those that were run again."""
    rows = []
    for trial in latest(study.get_trials(deepcopy=False)):
        told: dict[str, Any] = trial.user_attrs
        if trial.state.name in _STATES and "folder" in told:
            best = told.get("best", {})
            rows.append(
                Row(
                    trial=trial.number,
                    state=_STATES[trial.state.name],
                    value=best.get("value"),
                    epoch=best.get("epoch"),
                    seconds=trial.duration.total_seconds() if trial.duration else 0.0,
                    point=dict(trial.params),
                    folder=Path(told["folder"]),
                    sentence=told.get("sentence", ""),
                )
            )
    sign = 1 if study.direction.name == "MINIMIZE" else -1
    return sorted(rows, key=lambda row: (row.state == "failed", row.value is None, sign * (row.value or 0), row.trial))


def best_of(rows: Sequence[Row]) -> Row | None:
    """The best trial that wasn't stopped; if all were, the best of these; None if all failed."""
    useful = [row for row in rows if row.state != "failed"]
    return next((row for row in useful if row.state == "finished"), useful[0] if useful else None)


def to_csv(rows: Sequence[Row], names: Sequence[str]) -> bytes:
    """All rows, with a column for each option of the space."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "value", "epoch", "seconds", *names, "folder", "sentence"])
    for row in rows:
        values = [row.point.get(name) for name in names]
        seconds = f"{row.seconds:.1f}"
        cells = [row.trial, row.state, row.value, row.epoch, seconds, *values, row.folder.as_posix(), row.sentence]
        writer.writerow(map(in_spreadsheet, cells))
    return text.getvalue().encode()


def table(rows: Sequence[Row], names: Sequence[str], monitor: str) -> Table:
    """The best trials, with what they fitted."""
    counts = Counter(row.state for row in rows)
    told = ", ".join(f"{number} {state}" for state in _STATES.values() if (number := counts[state]))
    shown = Table(title=f"{escape(monitor)}: the best of {len(rows)} trials ({told})")
    for name, style in (("trial", "dim"), ("value", "bold"), ("epoch", ""), ("seconds", "")):
        shown.add_column(name, justify="right", style=style)
    for head in short(names).values():
        shown.add_column(escape(head), justify="right")
    for row in [row for row in rows if row.value is not None and row.state != "failed"][:_SHOWN]:
        value = f"{row.value:.4f}{'' if row.state == 'finished' else ' (pruned)'}"
        options = [escape(text(row.point.get(name))) for name in names]
        shown.add_row(f"{row.trial:04d}", value, f"{row.epoch:g}", f"{row.seconds:.0f}", *options)
    return shown


def failures(rows: Sequence[Row]) -> list[str]:
    """Why trials failed, the most frequent reasons first."""
    counts = Counter(row.sentence for row in rows if row.state == "failed")
    return [f"{number} failed: {sentence}" for sentence, number in counts.most_common(3)]


def short(names: Sequence[str]) -> dict[str, str]:
    """Options' last words, where these tell them apart.

    >>> short(["model.network.dropout", "data.seed", "model.seed"])
    {'model.network.dropout': 'dropout', 'data.seed': 'data.seed', 'model.seed': 'model.seed'}
    """
    last = {name: name.rpartition(".")[2] for name in names}
    often = Counter(last.values())
    return {name: word if often[word] == 1 else name for name, word in last.items()}


def text(value: Any) -> str:
    """A value of an option, in few digits.

    >>> text(0.30000000000000004), text(128), text("all")
    ('0.3', '128', 'all')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)
