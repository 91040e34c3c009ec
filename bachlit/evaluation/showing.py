"""Show an evaluation in Python: a few lines in a terminal, a table in a notebook."""

from html import escape

from bachlit.evaluation.evaluating import Evaluation
from bachlit.evaluation.figures import COLUMNS, Column
from bachlit.evaluation.pooling import Estimate

_BRIEF = ("pitch_error", "nats_per_frame", "parallel_fifths", "grade")
_MOST_ROWS = 7  # of the brief form


def main_heads(evaluation: Evaluation) -> dict[str, str]:
    """Headings of the main columns and of those of one's own, by the columns' names."""
    columns = evaluation.columns.items()
    return {name: column.head or name for name, column in columns if column.head or name not in COLUMNS}


def brief(evaluation: Evaluation) -> str:
    """Describe an evaluation in at most nine lines, with a few figures of each row."""
    columns = [(name, column) for name, column in evaluation.columns.items() if name in _BRIEF]
    lines = []
    for name, estimates in zip(evaluation.names(), evaluation.estimates, strict=True):
        known = [(column, estimates[one]) for one, column in columns if one in estimates and estimates[one].known]
        lines.append(f"{name}: {', '.join(f'{column.text(one.value)} {column.label}' for column, one in known)}")
    more = [f"and {len(lines) - _MOST_ROWS} more"] if len(lines) > _MOST_ROWS else []
    return "\n  ".join([f"<Evaluation of {evaluation.subject()}", *lines[:_MOST_ROWS], *more]) + ">"


def html_table(evaluation: Evaluation) -> str:
    """Make a table of the main columns: a line per figure, a column per harmonizer, Bach first; 95 % intervals."""
    names = "".join(f"<th>{escape(name)}</th>" for name in evaluation.names())
    lines = ""
    for name in main_heads(evaluation):
        column, estimates = evaluation.columns[name], [row.get(name) for row in evaluation.estimates]
        if any(one is not None and one.known for one in estimates):
            cells = "".join(f"<td>{_cell(column, one)}</td>" for one in estimates)
            lines += f'<tr><th style="text-align: left">{escape(column.label)}</th>{cells}</tr>'
    about = f"{evaluation.subject()}; in brackets the 95 % intervals"
    return f"<table><caption>{escape(about)}</caption><tr><th></th>{names}</tr>{lines}</table>"


def _cell(column: Column, estimate: Estimate | None) -> str:
    """Write a value and its interval, if it has one."""
    if estimate is None or not estimate.known:
        return ""
    value, low, high = map(column.text, estimate)
    return value if low == high else f"{value} <small>({low} to {high})</small>"
