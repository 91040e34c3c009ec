"""Show an evaluation in Python: a few lines in a terminal, a table in a notebook."""

from html import escape

from bachlit.evaluation.evaluating import Evaluation
from bachlit.evaluation.figures import COLUMNS, Column
from bachlit.evaluation.pooling import Estimate

_BRIEF = ("pitch_error", "nats_per_frame", "parallel_fifths", "grade")
_MOST_ROWS = 7  # of the brief form
_CELL = "<td>{}</td>"


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
    """Make a table of the main columns: a row per harmonizer, Bach on top, 95 % intervals below the values."""
    columns = {name: evaluation.columns[name] for name in main_heads(evaluation)}
    heads = "".join(
        f'<th title="{escape(columns[name].label)}">{escape(head)}</th>'
        for name, head in main_heads(evaluation).items()
    )
    lines = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(_CELL.format(_cell(column, estimates.get(one))) for one, column in columns.items())
        + "</tr>"
        for name, estimates in zip(evaluation.names(), evaluation.estimates, strict=True)
    )
    about = f"{evaluation.subject()}; below each value its 95 % interval"
    return f"<table><caption>{escape(about)}</caption><tr><th></th>{heads}</tr>{lines}</table>"


def _cell(column: Column, estimate: Estimate | None) -> str:
    """Write a value and its interval, if it has one."""
    if estimate is None or not estimate.known:
        return ""
    value, low, high = map(column.text, estimate)
    return value if estimate.low == estimate.high else f"{value}<br><small>{low} to {high}</small>"
