"""Files: scores and sounds as answers, byte for byte those of the command line."""

from pathlib import Path

from bachlit.files.marks import seal
from bachlit.music.chorale import Chorale
from bachlit.rendering import frame_times, svg_of
from bachlit.rendering.look import Look
from bachlit.rendering.output import contents, engraved
from bachlit.serving.asks import Ask
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_SECONDS


def look_of(ask: Ask) -> Look:
    """Return the layout, labels and paper of an answer's scores."""
    return Look(ask.options.get("layout", "open"), ask.options.get("label"), ask.options.get("paper", "a4"))


def file_of(chorale: Chorale, ask: Ask) -> bytes:
    """Make the command line's file of a chorale."""
    look = look_of(ask)
    if ask.form == "wav":
        refuse_long_sound(chorale)
    if ask.form == "svg" and "width" in ask.options:
        return score_of(look.music(chorale), chorale.title, ask)
    [(path, content)] = contents(chorale, [Path(f"piece.{ask.form}")], look=look)
    return seal(content, path.suffix)


def refuse_long_sound(chorale: Chorale, tempo: float | None = None) -> None:
    """Refuse a sound that takes too much memory.

    Args:
        chorale: What is played.
        tempo: Quarters per minute; if None the tempos of its source.

    Raises:
        RefusedError: If it lasts longer than `MOST_SECONDS`.
    """
    seconds = frame_times(chorale, tempo)[-1]
    if seconds > MOST_SECONDS:
        raise RefusedError(
            "invalid",
            f"The sound would last {seconds / 60:.0f} minutes; expected at most {MOST_SECONDS // 60}; send a faster "
            "tempo, or a part of the score.",
        )


def score_of(music: str, title: str, ask: Ask) -> bytes:
    """Make the file of a score: MusicXML, or its picture or print.

    Args:
        music: A MusicXML document.
        title: Drawn above a picture.
        ask: What is asked for.
    """
    if ask.form == "svg" and "width" in ask.options:
        content = svg_of(music, title=title, width=ask.options["width"]).encode()
    else:
        content = engraved(music.encode(), f".{ask.form}", title=title, paper=look_of(ask).paper)
    return seal(content, f".{ask.form}")
