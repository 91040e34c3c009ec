"""HTML page of an evaluation: tables, engraved scores and an organ, in one file without network."""

import base64
import gzip
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bachlit.evaluation.describing import decoder_in_words, rules_in_words, what_it_does
from bachlit.evaluation.evaluating import DAGGER, Evaluation, counted
from bachlit.evaluation.figures import Column
from bachlit.evaluation.pooling import FEW, Estimate
from bachlit.evaluation.rows import Judged, extremes, ranked_by
from bachlit.files.writing import file_stem
from bachlit.rendering import PARTIALS, PLAYED_TEMPO, MissingPackageError, played, player, svg
from bachlit.scores import to_midi, to_musicxml

_SHORT = {
    "nats_per_frame": Column("nats per frame", 3),
    "pitch_error": Column("pitches other than Bach's", 3),
    "parallel_fifths": Column("parallel fifths", 0),
    "parallel_octaves": Column("parallel octaves", 0),
    "copied": Column("frames copied", 0),
    "grade": Column("grade", 2),
}
_OF_MODELS = {
    "nats_per_frame": Column("nats per frame", 3),
    "accuracy": Column("likeliest, %", 1, 100),
    "accuracy_top3": Column("in the likeliest 3, %", 1, 100),
}

_RANKED = {"grade": "grade", "nats_per_frame": "model's nats per frame"}
_PARTS = {"": "all", "mark": "marks: fermatas and the end", "onset": "when notes begin", "pitch": "which notes"}


def page(evaluation: Evaluation, *, progress: Callable[[int], object] = lambda _: None) -> str:
    """Make the page.

    Without verovio (the extra `bachlit[render]`) it has no scores, and says so.

    Args:
        evaluation: What to show.
        progress: Called with the number of pieces just drawn.
    """
    engraved = True
    try:
        svg(evaluation.rows[0].pieces[0].chorale)
    except MissingPackageError:
        engraved = False
    first = 1 if evaluation.tunes else 0  # Bach wrote other pieces
    data = {
        "hands": evaluation.names()[first:],
        "partials": PARTIALS,
        "pieces": list(_pieces(evaluation, engraved, progress)),
        "best": [
            (number, *extremes(row.pieces))
            for number, row in enumerate(evaluation.rows[first:])
            if row.decoder != "Bach"
        ],
    }
    about = evaluation.about
    intro = "Open a piece to see and hear each version."
    if not engraved:
        intro += " Scores are drawn by verovio, which wasn't installed: pip install 'bachlit[render]'."
    parts = {
        "title": escape(evaluation.subject("chorale")),
        "about": "\n".join(f"<p>{escape(line)}</p>" for line in evaluation.summary()),
        "tables": _decoders(evaluation) + _figures(evaluation) + _models(evaluation),
        "num_scores": counted(len(evaluation.rows[first].pieces), "piece"),
        "pieces_about": escape(
            f"{intro} A frame is a sixteenth. Best and worst go by the {_RANKED[ranked_by(evaluation.rows[1].pieces)]}."
        ),
        "player": player(),
        "footer": escape(": ".join([f"Made by bachlit {about['bachlit']}", *filter(None, [about.get("command")])])),
        # "</script>" in a title must not end the script.
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
    }
    text = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], text)


def _pieces(evaluation: Evaluation, engraved: bool, progress: Callable[[int], object]) -> Iterator[dict[str, Any]]:
    rows = evaluation.rows[1:] if evaluation.tunes else evaluation.rows
    for number, original in enumerate(rows[0].pieces):
        chorale = original.chorale
        scores = []
        for hand, row in enumerate(rows):
            piece = row.pieces[number]
            label = "-".join(part for part in (chorale.name, row.model, row.decoder, row.missing) if part)
            scores.append({"hand": hand, "file": file_stem(label), **_score(piece, engraved)})
        yield {
            "title": chorale.title or chorale.name,
            "about": f"{chorale.name}, {chorale.key}, {chorale.num_frames} sixteenths",
            "scores": scores,
        }
        progress(1)


def _score(piece: Judged, engraved: bool) -> dict[str, Any]:
    """Data with which the page shows and plays a piece."""
    chorale = piece.chorale
    figures = [f"{one.label} {one.text(piece.value(name))}" for name, one in _SHORT.items() if name in piece.figures]
    return {
        "figures": ", ".join(figures),
        **played(chorale),
        "svg": _zipped(svg(chorale, title=False)) if engraved else "",
        "musicxml": _zipped(to_musicxml(chorale)),
        "midi": base64.b64encode(to_midi(chorale, quarters_per_minute=PLAYED_TEMPO)).decode(),
    }


def _zipped(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _decoders(evaluation: Evaluation) -> str:
    """Table of the decoders; the rules of each unfold."""
    body = ""
    for name, described in evaluation.about["decoders"].items():
        listed = "".join(f"<p>{kind}: {escape(rules)}</p>" for kind, rules in rules_in_words(described).items())
        rules = f"<details><summary>{counted(len(described['rules']), 'rule')}</summary>{listed}</details>"
        body += (
            f"<tr><td>{escape(name)}</td><td>{escape(decoder_in_words(described))}"
            f"<small>{escape(what_it_does(described))}</small></td>"
            f"<td>{rules if listed else 'no rules'}</td></tr>"
        )
    return (
        '<h2 id="decoders">The decoders</h2><div class="wide"><table class="words"><thead><tr><th></th><th>decoder</th>'
        f"<th>rules</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _models(evaluation: Evaluation) -> str:
    """Table of the likelihoods of Bach's own pieces, three columns per model."""
    models = evaluation.models
    head = "".join(f'<th colspan="3" scope="colgroup">{escape(name)}</th>' for name in models)
    kinds = "".join(f"<th>{figure.label}</th>" for figure in _OF_MODELS.values()) * len(models)
    pitch_tokens = ", ".join(f"{values['nats_per_pitch_token']:.3f} ({name})" for name, values in models.items())
    body = ""
    names = [name.partition("/") for name in next(iter(models.values()))]
    for part in [f"{slash}{part}" for name, slash, part in names if name == "nats_per_frame"]:
        cells = "".join(
            f"<td>{figure.text(values.get(name + part, math.nan))}</td>"
            for values in models.values()
            for name, figure in _OF_MODELS.items()
        )
        body += f"<tr><td>{escape(_PARTS.get(part[1:], part[1:]))}</td>{cells}</tr>"
    return (
        '<h2 id="models">How well Bach\'s own pieces are predicted</h2>'
        "<p>Teacher-forced. Nats are natural logarithms, sums over all pieces; a frame is a sixteenth of four voices. "
        f"A quarter of the first line is the nats per pitch token: {escape(pitch_tokens)}. The voices and marks add up "
        "to it; so do the marks, when notes begin, and which notes.</p>"
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr><tr><th></th>{kinds}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _figures(evaluation: Evaluation) -> str:
    """Table of all figures, one column per harmonizer, Bach first."""
    names, num_pieces = evaluation.names(), [len(row.pieces) for row in evaluation.rows]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for section, columns in evaluation.sections():
        body += f'<tr><th colspan="{len(names) + 1}" scope="rowgroup">{escape(section)}</th></tr>'
        for column, line in columns:
            body += f"<tr><td>{escape(column.label)}</td>{_cells(column, line, num_pieces)}</tr>"
    return (
        '<h2 id="figures">What they write</h2>'
        "<p>Below each figure its 95 % bootstrap interval over pieces. Green marks a target "
        "reached: ≈ the interval contains Bach's figure, ≤ it begins at or below it, ↓ the figure is the lowest.</p>"
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cells(column: Column, line: Sequence[Estimate | None], num_pieces: Sequence[int]) -> str:
    """Cells of a figure, with its interval: a dagger marks one of few pieces, and one piece has none."""
    bach = line[0]
    written = [one.value for one in line[1:] if one is not None]
    cells = ""
    for number, (one, num) in enumerate(zip(line, num_pieces, strict=True)):
        if one is None or not one.known:
            cells += "<td></td>"
            continue
        kinds = ["bach"] if number == 0 else []
        if number and num > 1 and column.best == "bach" and bach is not None and one.low <= bach.value <= one.high:
            kinds.append("near")
        if number and num > 1 and column.best == "at most bach" and bach is not None and one.low <= bach.value:
            kinds.append("few")
        if number and column.best == "lowest" and one.value == min(written):
            kinds.append("lowest")
        mark = DAGGER if num < FEW else ""
        interval = f"<small>{column.text(one.low)} to {column.text(one.high)}{mark}</small>" if num > 1 else ""
        cells += f'<td class="{" ".join(kinds)}"><b>{column.text(one.value)}</b>{interval}</td>'
    return cells
