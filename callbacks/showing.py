"""Showing: decoded pieces as files and for W&B."""

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from bachlit.evaluation import COLUMNS, Judged
from bachlit.files.writing import file_stem
from bachlit.music.chorale import Chorale
from bachlit.rendering import MissingPackageError, png, wav
from bachlit.scores import to_musicxml, write_midi, write_musicxml

_COLUMNS = ("epoch", "decoder", "which", "piece", "score", "audio", "download", "log-probability, nats")
_PIECE = ("nats_per_frame", "pitch_error", "parallel_fifths", "parallel_octaves", "hidden_fifths", "hidden_octaves",
          "crossings", "grade", "copied")  # fmt: skip


class Shown(NamedTuple):
    """Piece worth showing.

    Attributes:
        decoder: Its harmonizer's name.
        why: best, worst, or its place among the first.
        piece: The piece.
    """

    decoder: str
    why: str
    piece: Judged


def write_shown(folder: Path, shown: Sequence[Shown]) -> None:
    """Write pieces as MusicXML and MIDI, in a folder per decoder.

    Raises:
        ScoreError: If a file can't be written.
        OSError: If a folder can't be made.
    """
    for decoder, why, piece in shown:
        (folder / decoder).mkdir(parents=True, exist_ok=True)
        path = folder / decoder / file_stem(f"{why.replace(' ', '-')}-{piece.chorale.name}")
        write_musicxml(piece.chorale, f"{path}.musicxml")
        write_midi(piece.chorale, f"{path}.mid")


def media(shown: Sequence[Shown], epoch: int) -> Callable[[Any], dict[str, Any]]:
    """Prepare media for W&B: a table of pieces, and each decoder's best and worst.

    Args:
        shown: The pieces.
        epoch: Finished epochs.

    Returns:
        A function from the module `wandb` to what is logged, by name.
    """

    def make(wandb: Any) -> dict[str, Any]:
        table = wandb.Table(columns=[*_COLUMNS, *(COLUMNS[name].label for name in _PIECE)])
        media: dict[str, Any] = {"decoding/pieces": table}
        for decoder, why, piece in shown:
            chorale = piece.chorale
            picture, image = _picture(wandb, chorale)
            score = _uri("application/xml", to_musicxml(chorale).encode())
            link = f'<a download="{escape(chorale.name)}.musicxml" href="{score}">MusicXML</a>'
            # Such a sound is enough to judge a piece by, and a tenth of what a CD would take.
            sound = _uri("audio/wav", wav(chorale, rate=11_025, stereo=False))
            player = f'<audio controls src="{sound}"></audio>'
            if why in ("best", "worst"):
                page = f"<p>{escape(chorale.title or chorale.name)}</p>{player} {link}{picture}"
                media[f"decoding/{decoder}/{why}"] = wandb.Html(page, inject=False)
            table.add_data(
                epoch,
                decoder,
                why,
                chorale.name,
                image,
                wandb.Html(player, inject=False),
                wandb.Html(link, inject=False),
                -piece.figures["nats_per_frame"][0],
                *(piece.value(name) if name in piece.figures else None for name in _PIECE),
            )
        return media

    return make


def _picture(wandb: Any, chorale: Chorale) -> tuple[str, Any]:
    """Draw the score for a page and for W&B's table, if the packages are there."""
    try:
        picture = png(chorale, zoom=1.5)
    except MissingPackageError:
        return "", None
    from PIL import Image  # noqa: PLC0415  # it comes with matplotlib, by which the picture was drawn

    page = f'<img style="max-width: 100%" src="{_uri("image/png", picture)}">'
    return page, wandb.Image(Image.open(io.BytesIO(picture)))


def _uri(kind: str, content: bytes) -> str:
    """Embed a file in a page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
