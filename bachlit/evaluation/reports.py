"""Reports of an evaluation: terminal table, Markdown, JSON and CSV."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from bachlit.evaluation.describing import decoder_in_words, rules_in_words
from bachlit.evaluation.evaluating import DAGGER, Evaluation
from bachlit.evaluation.figures import Column
from bachlit.evaluation.pooling import FEW, Estimate
from bachlit.evaluation.showing import main_heads
from bachlit.rendering.escaping import csv_text, in_markdown

_ABREAST = 10  # columns of a table: 132 characters hold them and three names
_BELOW = "Below each value its 95 % interval."
_FRAME = "A frame is a sixteenth."


def tables(evaluation: Evaluation) -> list[Table]:
    """Tables of the main columns with their intervals, those of one's own last; a row per harmonizer, Bach on top."""
    heads = main_heads(evaluation)
    names = list(heads)
    parts = [names[first : first + _ABREAST] for first in range(0, len(names), _ABREAST)]
    return [_table(evaluation, {name: heads[name] for name in part}, first=part is parts[0]) for part in parts]


def _table(evaluation: Evaluation, heads: Mapping[str, str], *, first: bool) -> Table:
    """Table of some columns with these headings; the first has the title and the time."""
    columns = [evaluation.columns[name] for name in heads]
    meanings = [f"{head}: {column.label}" for head, column in zip(heads.values(), columns, strict=True)]
    below = [_BELOW] if any(len(row.pieces) > 1 for row in evaluation.rows) else []
    sentences = [f"{'; '.join(meanings)}.", *below, _FRAME]
    shown = Table(title=evaluation.subject() if first else None, caption=escape(" ".join(sentences)))
    shown.add_column("", no_wrap=True)
    for head in (*heads.values(), *(["seconds"] if first else ())):
        shown.add_column(escape(head), justify="right")
    marks = [f" {DAGGER}" if few else "" for few in evaluation.few()]
    for name, mark, row, estimates in zip(
        evaluation.names(), marks, evaluation.rows, evaluation.estimates, strict=True
    ):
        cells = [
            _with_interval(column, estimates.get(one), len(row.pieces))
            for one, column in zip(heads, columns, strict=True)
        ]
        seconds = [f"{row.seconds:.0f}" if row.seconds else ""] if first else []
        shown.add_row(escape(f"{name}{mark}"), *cells, *seconds, end_section=row.decoder == "Bach")
    return shown


def _with_interval(column: Column, estimate: Estimate | None, num_pieces: int) -> str:
    """Cell of a column with its interval; one piece has none."""
    if estimate is None or not estimate.known:
        return ""
    text = column.text
    if num_pieces == 1:
        return f"[bold]{text(estimate.value)}[/bold]"
    return f"[bold]{text(estimate.value)}[/bold]\n[dim]{text(estimate.low)}\n{text(estimate.high)}[/dim]"


def markdown(evaluation: Evaluation) -> str:
    """All figures as Markdown, one column per harmonizer, Bach first."""
    names, models = ([in_markdown(name) for name in given] for given in (evaluation.names(), evaluation.models))
    lines = [*map(in_markdown, evaluation.summary()), "", f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for section, columns in evaluation.sections():
        lines.append(f"| **{in_markdown(section)}** |{' |' * len(names)}")
        for column, line in columns:
            cells = [_in_a_cell(column, one, len(row.pieces)) for one, row in zip(line, evaluation.rows, strict=True)]
            lines.append(f"| {in_markdown(column.label)} | {' | '.join(cells)} |")
    lines.append(f"| seconds | {' | '.join(f'{row.seconds:.0f}' if row.seconds else '' for row in evaluation.rows)} |")
    lines += ["", "Decoders:", "", *(f"- {line}" for line in _decoders(evaluation))]
    lines += ["", "Bach's own pieces, teacher-forced:", "", f"| | {' | '.join(models)} |"]
    lines.append(f"|---|{'---:|' * len(evaluation.models)}")
    for name in next(iter(evaluation.models.values())):
        lines.append(f"| {name} | {' | '.join(f'{values[name]:.3f}' for values in evaluation.models.values())} |")
    return "\n".join(lines) + "\n"


def _in_a_cell(column: Column, estimate: Estimate | None, num_pieces: int) -> str:
    """Cell of a Markdown table, with a dagger at an interval of few pieces; one piece has none."""
    if estimate is None or not estimate.known:
        return ""
    value, low, high = map(column.text, estimate)
    if num_pieces == 1:
        return value
    return f"{value} ({low} to {high}){DAGGER if num_pieces < FEW else ''}"


def _decoders(evaluation: Evaluation) -> Iterator[str]:
    """Markdown list of the decoders with their rules."""
    for name, described in evaluation.about["decoders"].items():
        rules = [f"{kind} {names}" for kind, names in rules_in_words(described).items()]
        yield in_markdown(f"{name}: {decoder_in_words(described)}; {'; '.join(rules) or 'no rules'}.")


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
    names = [name for name, column in evaluation.columns.items() if column.pool != "elsewhere"]
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
