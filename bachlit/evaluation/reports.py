"""Reports: an evaluation as a table for the terminal, Markdown, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from bachlit.evaluation.evaluating import Evaluation, counted
from bachlit.evaluation.figures import DISTRIBUTIONS, FIGURES, SECTIONS
from bachlit.evaluation.pooling import Estimate
from bachlit.rendering.escaping import in_markdown, in_spreadsheet

_KEY: dict[str, str] = {
    "parallel_fifths": "5ths",
    "parallel_octaves": "8ves",
    "crossings": "crossed",
    "changing": "change",
    "stepwise": "steps",
    "triads_at_fermatas": "cadences",
    "copied": "copied",
    "grade": "grade",
    "pitch_error": "not Bach's",
    "nats_per_frame": "nats",
}

_CAPTION = (
    "Below each figure the ends of its 95 % interval. Parallel 5ths and 8ves a piece; crossings in 1,000 frames; % of "
    "frames with a change, of moves by step, of fermatas over triads in root position; frames of the longest passage "
    "that a training piece has, median; the Bach or Mock grade; the share of pitches that aren't Bach's; the model's "
    "nats a frame. A frame is a sixteenth."
)


def table(evaluation: Evaluation) -> Table:
    """The figures that matter most, a row a hand, Bach's on top, each with the ends of its interval below."""
    about = evaluation.about
    shown = Table(
        title=f"{counted(about['pieces'], 'piece')} of the {about['fold']} fold",
        caption=_CAPTION,
    )
    shown.add_column("", no_wrap=True)
    for head in _KEY.values():
        shown.add_column(head, justify="right")
    shown.add_column("seconds", justify="right")
    for name, row, estimates in zip(evaluation.names(), evaluation.rows, evaluation.estimates, strict=True):
        cells = [_with_interval(figure, estimates.get(figure), len(row.pieces)) for figure in _KEY]
        shown.add_row(
            escape(name), *cells, f"{row.seconds:.0f}" if row.seconds else "", end_section=row.decoder == "Bach"
        )
    return shown


def _with_interval(name: str, estimate: Estimate | None, num_pieces: int) -> str:
    """A figure above the ends of its interval; one piece has none."""
    if estimate is None:
        return ""
    text = FIGURES[name].text
    if num_pieces == 1:
        return f"[bold]{text(estimate.value)}[/bold]"
    return f"[bold]{text(estimate.value)}[/bold]\n[dim]{text(estimate.low)}\n{text(estimate.high)}[/dim]"


def markdown(evaluation: Evaluation) -> str:
    """All figures, a column a hand, Bach's first."""
    names, models = ([in_markdown(name) for name in given] for given in (evaluation.names(), evaluation.models))
    lines = [*map(in_markdown, evaluation.told()), "", f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for section, figures in SECTIONS.items():
        told = [name for name in figures if any(name in column for column in evaluation.estimates)]
        if told:
            lines.append(f"| **{section}** |{' |' * len(names)}")
        for name in told:
            cells = [_plain(name, column.get(name)) for column in evaluation.estimates]
            lines.append(f"| {figures[name].label} | {' | '.join(cells)} |")
    lines.append(f"| seconds | {' | '.join(f'{row.seconds:.0f}' if row.seconds else '' for row in evaluation.rows)} |")
    lines += ["", "Bach's own pieces, teacher-forced:", "", f"| | {' | '.join(models)} |"]
    lines.append(f"|---|{'---:|' * len(evaluation.models)}")
    for name in next(iter(evaluation.models.values())):
        lines.append(f"| {name} | {' | '.join(f'{told[name]:.3f}' for told in evaluation.models.values())} |")
    return "\n".join(lines) + "\n"


def predictions(evaluation: Evaluation) -> list[str]:
    """How well each model predicts Bach's own pieces, a sentence each."""
    return [
        f"{model} predicts Bach's own pieces with {told['nats_per_frame']:.3f} nats a frame, "
        f"{told['nats_per_pitch_token']:.3f} a pitch token; {told['accuracy']:.1%} of tokens are its likeliest."
        for model, told in evaluation.models.items()
    ]


def _plain(name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    text = FIGURES[name].text
    return f"{text(estimate.value)} ({text(estimate.low)} to {text(estimate.high)})"


def to_json(evaluation: Evaluation) -> str:
    """Everything but the notes, as plain data; what can't be told is null."""
    rows = [
        {
            "name": name,
            "model": row.model,
            "decoder": row.decoder,
            "missing": row.missing,
            "seconds": row.seconds,
            "figures": {figure: estimate._asdict() for figure, estimate in estimates.items()},
            "pieces": [
                {"name": piece.chorale.name, **{name: piece.value(name) for name in piece.figures}}
                for piece in row.pieces
            ],
        }
        for name, row, estimates in zip(evaluation.names(), evaluation.rows, evaluation.estimates, strict=True)
    ]
    content = {"about": evaluation.about, "models": evaluation.models, "rows": rows}
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def to_csv(evaluation: Evaluation) -> str:
    """A line a row and figure, and a line a model and figure of Bach's own pieces, teacher-forced."""
    lines: list[Sequence[Any]] = [("model", "decoder", "missing", "figure", "value", "low", "high")]
    for row, estimates in zip(evaluation.rows, evaluation.estimates, strict=True):
        lines += [(row.model, row.decoder, row.missing, name, *estimate) for name, estimate in estimates.items()]
    for model, told in evaluation.models.items():
        lines += [(model, "teacher-forced", "", name, value, "", "") for name, value in told.items()]
    return _csv(lines)


def pieces_to_csv(evaluation: Evaluation) -> str:
    """A line a row and piece."""
    names = [name for name in FIGURES if name not in DISTRIBUTIONS]
    lines: list[Sequence[Any]] = [("model", "decoder", "missing", "piece", "title", "frames", *names)]
    for row in evaluation.rows:
        for piece in row.pieces:
            figures = [piece.value(name) if name in piece.figures else "" for name in names]
            chorale = piece.chorale
            lines.append(
                (row.model, row.decoder, row.missing, chorale.name, chorale.title, chorale.num_frames, *figures)
            )
    return _csv(lines)


def _csv(lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([in_spreadsheet(cell) for cell in line] for line in lines)
    return text.getvalue()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
