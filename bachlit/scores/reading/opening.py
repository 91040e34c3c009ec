"""Open score files: path -> score, or one clear error."""

import warnings
from pathlib import Path
from xml.etree.ElementTree import Element

from bachlit.errors import ScoreError
from bachlit.scores.reading.abc.text import TuneText, abc_tunes
from bachlit.scores.reading.contents import (
    SUFFIXES,
    Content,
    ScoreBytes,
    ScoreFile,
    format_by_name,
    read_content,
)
from bachlit.scores.reading.musicxml import musicxml_document, read_tree
from bachlit.scores.reading.score import Part, Score


class ScoreWarning(UserWarning):
    """Choice, rounding or change in a score that was read."""


def open_score(path: ScoreFile, tune: str | None = None) -> tuple[Score, list[Part]]:
    """Read the score of a file, and its parts that have notes, from the top down, at sounding pitch.

    Args:
        path: The file, or its contents.
        tune: Number or title of one of its tunes, if it has several.

    Raises:
        ScoreError: If the file doesn't exist, isn't a score, holds no notes, or several tunes of which none is named.
    """
    content = _content(path)
    text = _one_tune(path, content, tune)
    try:
        document, changed = _document(content, text)
        score = read_tree(document)
    except Exception as error:  # music21 and converter21 have many
        raise _unreadable(path, content, error) from error
    for sentence in changed:
        warn(f"{path}: {sentence}")
    parts = [part for part in score.parts if part.sounds]
    if not parts:
        raise ScoreError(f"{path} has no pitched notes; expected a melody or four voices.")
    return score, parts


def tunes_of(path: ScoreFile) -> list[TuneText]:
    """List the tunes of a file; one without number and title if it holds a single piece.

    Args:
        path: A file in any format that bachlit reads.

    Raises:
        ScoreError: If the file doesn't exist or isn't a score.
    """
    content = _content(path)
    if content.format != "ABC" or isinstance(content.data, bytes):
        return [TuneText("", "", "")]
    return _tunes(path, content) or [TuneText("", "", content.data)]


def refuse_missing(path: Path) -> None:
    """Refuse a path at which there is no file.

    Raises:
        ScoreError: If there is none.
    """
    if not _is_file(path):
        raise ScoreError(f"There is no file {path}; expected a score in one of {', '.join(SUFFIXES)}.")


def warn(message: str) -> None:
    """Warn the reader of a score."""
    warnings.warn(message, ScoreWarning, stacklevel=2)


def _content(path: ScoreFile) -> Content:
    """Read a file and tell its format."""
    if not isinstance(path, ScoreBytes):
        refuse_missing(path)
    try:
        content = read_content(path)
    except OSError as error:
        raise ScoreError(f"{path} can't be opened ({error.strerror}); expected a file that you may read.") from error
    except ValueError as error:
        raise _unreadable(path, None, error) from error
    if content is None:
        raise ScoreError(f"{path} isn't a score, by name or content; expected one of {', '.join(SUFFIXES)}.")
    return content


def _one_tune(path: ScoreFile, content: Content, wanted: str | None) -> str:
    """Text of the tune that is wanted; empty for MIDI."""
    if isinstance(content.data, bytes):
        return ""
    tunes = _tunes(path, content)
    if not tunes and wanted is not None:
        raise ScoreError(f"{path} holds a single piece; expected a book of tunes in ABC for --tune; leave it out.")
    if not tunes or (len(tunes) == 1 and wanted is None):
        return tunes[0][2] if tunes else content.data
    if wanted is None:
        raise ScoreError(
            f"{path} holds {len(tunes)} pieces; expected one; choose it by its number or title with --tune."
        )
    name = wanted.strip().lower()
    for found in (
        [text for number, _, text in tunes if number == name],
        [text for _, title, text in tunes if title.lower() == name],
        [text for _, title, text in tunes if name and name in title.lower()],
    ):
        if found:
            return found[0]
    listed = "; ".join(f"{number} {title}".strip()[:40] for number, title, _ in tunes[:5])
    raise ScoreError(
        f"{path} has no tune {wanted[:40]!r}; expected a number or a title of its {len(tunes)}: {listed}"
        f"{' and others' if len(tunes) > 5 else ''}; correct --tune."
    )


def _tunes(path: ScoreFile, content: Content) -> list[TuneText]:
    """Tunes of a book in ABC; none in other formats."""
    if content.format != "ABC" or isinstance(content.data, bytes):
        return []
    try:
        return abc_tunes(content.data)
    except ValueError as error:
        raise _unreadable(path, content, error) from error


def _document(content: Content, text: str) -> tuple[Element, list[str]]:
    """Make a MusicXML tree of a file's contents, with sentences on what was changed.

    Only the format's reader is imported: they are many modules.
    """
    if content.format == "MusicXML":
        return musicxml_document(text), []
    if isinstance(content.data, bytes):
        from bachlit.scores.reading.midi.document import midi_document  # noqa: PLC0415

        return midi_document(content.data)
    if content.format == "ABC":
        from bachlit.scores.reading.abc.document import abc_document  # noqa: PLC0415

        return abc_document(text), []
    from bachlit.scores.reading.converted import kern_document, mei_document  # noqa: PLC0415

    return kern_document(text) if content.format == "kern" else (mei_document(text), [])


def _unreadable(path: ScoreFile, content: Content | None, error: Exception) -> ScoreError:
    reason = " ".join(str(error).split())[:120]
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    expected = (format_by_name(path) if content is None else content.format) or "a score"
    partwise = " with a score-partwise" * (expected == "MusicXML")
    return ScoreError(
        f"{path} can't be read as a score ({kind}{reason}); expected {expected}{partwise}; open it in a notation "
        "program and export it as MusicXML."
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the system, or one with a null character
        return False
