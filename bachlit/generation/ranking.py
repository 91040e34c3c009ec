"""Pieces under one prompt, ranked: a table for the terminal, figures and options for a file."""

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bachlit.decoding import Decoder, Rule, Rules
from bachlit.generation.written import Written
from bachlit.metrics import RuleCounts, rule_counts, texture

_CAPTION = "Log-probability in nats. Merit ranks them: {}. Then how often rules break."

_HEADS = ("rank", "file", "log-prob", "a frame", "merit",
          "5ths", "8ves", "hidden", "crossed", "overlaps", "wide", "range", "leaps")  # fmt: skip


def table(pieces: Sequence[Written], names: Sequence[str]) -> str:
    """Tabulate the rank, name, nats and broken rules of each piece.

    Args:
        pieces: The best first.
        names: One per piece.
    """
    rows = [_HEADS]
    for rank, (piece, name) in enumerate(zip(pieces, names, strict=True), start=1):
        nats = (f"{piece.log_prob:.1f}", f"{piece.log_prob / piece.chorale.num_frames:.3f}", f"{piece.merit:.2f}")
        rows.append((str(rank), name, *nats, *map(str, _broken(rule_counts(piece.chorale)))))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if head == "file" else cell.rjust(width)
            for head, cell, width in zip(_HEADS, row, widths, strict=True)
        )
        for row in rows
    )


def caption(pieces: Sequence[Written]) -> str:
    """Explain the table's columns."""
    if any(piece.figures for piece in pieces):
        return _CAPTION.format("the log odds, by a teacher's figures, that Bach wrote it")
    return _CAPTION.format("log-probability less what the rules cost")


def _broken(counts: RuleCounts) -> tuple[int, ...]:
    """Count the breaches in the table's last eight columns."""
    return (
        counts.parallel_fifths,
        counts.parallel_octaves,
        counts.hidden_fifths + counts.hidden_octaves,
        counts.crossings,
        counts.overlaps,
        counts.wide_soprano_alto + counts.wide_alto_tenor,
        counts.out_of_range,
        counts.wide_leaps,
    )


def figures(piece: Written) -> dict[str, Any]:
    """Give a piece's figures as plain data: nats, counts of broken rules, texture."""
    return {
        "log_prob": piece.log_prob,
        "cost": piece.cost,
        "merit": piece.merit,
        "figures": dict(piece.figures),
        "rule_counts": rule_counts(piece.chorale)._asdict(),
        "texture": texture(piece.chorale)._asdict(),
    }


def plain(value: Any) -> Any:
    """Turn options into plain data; decoders and rules by class and options.

    A number without a form in JSON, such as an infinite weight, becomes text.

    >>> from bachlit.decoding import Greedy, Spacing
    >>> plain({"decoder": Greedy(), "rules": Rules() & Spacing()})
    {'decoder': {'class': 'Greedy'}, 'rules': [{'class': 'Spacing', 'weight': 'inf', 'widest': 12}]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | Rules):
        return [plain(part) for part in value]
    if isinstance(value, Decoder | Rule):
        kind = type(value)
        name = kind.__name__ if kind.__module__.startswith("bachlit.") else f"{kind.__module__}.{kind.__name__}"
        options = [option for option in inspect.signature(kind).parameters if hasattr(value, option)]
        return {"class": name} | {option: plain(getattr(value, option)) for option in options}
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
