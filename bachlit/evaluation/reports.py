"""Reports of an evaluation: terminal table, Markdown, JSON and CSV."""

import json
import math
from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from bachlit.evaluation.evaluating import Evaluation, counted
from bachlit.evaluation.figures import DISTRIBUTIONS, FIGURES
from bachlit.evaluation.pooling import Estimate
from bachlit.rendering.escaping import csv_text, in_markdown

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
    "Below each figure its 95 % interval. Parallel 5ths and 8ves per piece; crossings in 1,000 frames; % of frames "
    "with a change, of moves by step, of fermatas over triads in root position; frames of the longest passage found in "
    "a training piece, median; the Bach or Mock grade; the share of pitches other than Bach's; the model's nats per "
    "frame. A frame is a sixteenth."
)


def table(evaluation: Evaluation) -> Table:
    """Table of the main figures with their intervals, one row per harmonizer, Bach on top."""
    about = evaluation.about
    shown = Table(title=f"{counted(about['pieces'], 'piece')} of the {about['fold']} fold", caption=_CAPTION)
    shown.add_column("", no_wrap=True)
    for head in (*_KEY.values(), "seconds"):
        shown.add_column(head, justify="right")
    for name, row, estimates in zip(evaluation.names(), evaluation.rows, evaluation.estimates, strict=True):
        cells = [_with_interval(figure, estimates.get(figure), len(row.pieces)) for figure in _KEY]
        shown.add_row(
            escape(name), *cells, f"{row.seconds:.0f}" if row.seconds else "", end_section=row.decoder == "Bach"
        )
    return shown


def _with_interval(name: str, estimate: Estimate | None, num_pieces: int) -> str:
    """Cell of a figure with its interval; one piece has none."""
    if estimate is None:
        return ""
    text = FIGURES[name].text
    if num_pieces == 1:
        return f"[bold]{text(estimate.value)}[/bold]"
    return f"[bold]{text(estimate.value)}[/bold]\n[dim]{text(estimate.low)}\n{text(estimate.high)}[/dim]"


def markdown(evaluation: Evaluation) -> str:
    """All figures as Markdown, one column per harmonizer, Bach first."""
    names, models = ([in_markdown(name) for name in given] for given in (evaluation.names(), evaluation.models))
    lines = [*map(in_markdown, evaluation.summary()), "", f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for section, figures in evaluation.sections():
        lines.append(f"| **{section}** |{' |' * len(names)}")
        for figure, line in figures:
            cells = ["{} ({} to {})".format(*map(figure.text, one)) if one else "" for one in line]
            lines.append(f"| {figure.label} | {' | '.join(cells)} |")
    lines.append(f"| seconds | {' | '.join(f'{row.seconds:.0f}' if row.seconds else '' for row in evaluation.rows)} |")
    lines += ["", "Bach's own pieces, teacher-forced:", "", f"| | {' | '.join(models)} |"]
    lines.append(f"|---|{'---:|' * len(evaluation.models)}")
    for name in next(iter(evaluation.models.values())):
        lines.append(f"| {name} | {' | '.join(f'{values[name]:.3f}' for values in evaluation.models.values())} |")
    return "\n".join(lines) + "\n"


def predictions(evaluation: Evaluation) -> list[str]:
    """Sentences on how well each model predicts Bach's own pieces."""
    return [
        f"{model} predicts Bach's own pieces with {values['nats_per_frame']:.3f} nats per frame, "
        f"{values['nats_per_pitch_token']:.3f} per pitch token; {values['accuracy']:.1%} of tokens are its likeliest."
        for model, values in evaluation.models.items()
    ]


def to_json(evaluation: Evaluation, **more: Any) -> str:
    """Everything but the notes, and more parts, as JSON; unknown values are null."""
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
    content = {"about": evaluation.about, "models": evaluation.models, "rows": rows, **more}
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def to_csv(evaluation: Evaluation) -> str:
    """Pooled figures as CSV: one line per row and figure, and per model and likelihood figure."""
    lines: list[Sequence[Any]] = [("model", "decoder", "missing", "figure", "value", "low", "high")]
    for row, estimates in zip(evaluation.rows, evaluation.estimates, strict=True):
        lines += [(row.model, row.decoder, row.missing, name, *estimate) for name, estimate in estimates.items()]
    for model, values in evaluation.models.items():
        lines += [(model, "teacher-forced", "", name, value, "", "") for name, value in values.items()]
    return csv_text(lines)


def pieces_to_csv(evaluation: Evaluation) -> str:
    """Figures of each piece as CSV: one line per row and piece."""
    names = [name for name in FIGURES if name not in DISTRIBUTIONS]
    lines: list[Sequence[Any]] = [("model", "decoder", "missing", "piece", "title", "frames", *names)]
    for row in evaluation.rows:
        for piece in row.pieces:
            figures = [piece.value(name) if name in piece.figures else "" for name in names]
            about = (piece.chorale.name, piece.chorale.title, piece.chorale.num_frames)
            lines.append((row.model, row.decoder, row.missing, *about, *figures))
    return csv_text(lines)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
