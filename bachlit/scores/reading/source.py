"""Open score files: path -> score, or one clear error."""

import warnings
from pathlib import Path

from bachlit.errors import ScoreError
from bachlit.scores.reading.abc_document import read_abc
from bachlit.scores.reading.abc_text import num_tunes
from bachlit.scores.reading.contents import SUFFIXES, Content, format_by_name, read_content
from bachlit.scores.reading.kern import read_kern
from bachlit.scores.reading.midi import read_midi
from bachlit.scores.reading.musicxml import read_musicxml
from bachlit.scores.reading.score import Part, Score


class ScoreWarning(UserWarning):
    """Something in a score that a chorale can't hold, and how it was handled."""


def open_score(path: Path) -> tuple[Score, list[Part]]:
    """Read the score of a file, and its parts that have notes, from the top down, at sounding pitch.

    Raises:
        ScoreError: If the file doesn't exist, isn't a score, or holds no notes or several pieces.
    """
    if not _is_file(path):
        raise ScoreError(f"There is no file {path}; expected a score in one of {', '.join(SUFFIXES)}.")
    content = None
    try:
        content = read_content(path)
        score = None if content is None else _read(path, content)
    except ScoreError:
        raise
    except OSError as error:
        raise ScoreError(f"{path} can't be opened ({error.strerror}); expected a file that you may read.") from error
    except Exception as error:  # music21 has many
        reason = " ".join(str(error).split())[:120]
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        expected = (format_by_name(path) if content is None else content.format) or "a score"
        partwise = " with a score-partwise" * (expected == "MusicXML")
        raise ScoreError(
            f"{path} can't be read as a score ({kind}{reason}); expected {expected}{partwise}; open it in a notation "
            "program and export it as MusicXML."
        ) from error
    if score is None:
        raise ScoreError(f"{path} isn't a score, by name or content; expected one of {', '.join(SUFFIXES)}.")
    if score.lost:
        warn(f"{path}: {score.lost}")
    parts = [part for part in score.parts if part.sounds]
    if not parts:
        raise ScoreError(f"{path} has no pitched notes; expected a melody or four voices.")
    return score, parts


def warn(message: str) -> None:
    """Warn the reader of a score."""
    warnings.warn(message, ScoreWarning, stacklevel=2)


def _read(path: Path, content: Content) -> Score:
    if isinstance(content.data, bytes):
        return read_midi(content.data)
    if content.format == "MusicXML":
        return read_musicxml(content.data)
    if content.format == "kern":
        return read_kern(content.data)
    if (pieces := num_tunes(content.data)) > 1:
        raise ScoreError(f"{path} holds {pieces} pieces; expected one; keep each in a file of its own.")
    return read_abc(content.data)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the system, or one with a null character
        return False
