"""Score files opened: path -> a score of music21 and its parts. The only module that imports music21."""

import re
import warnings
from pathlib import Path
from typing import Any

from bachlit.errors import ScoreError

MIDI_SUFFIXES = (".mid", ".midi")
SUFFIXES = (".musicxml", ".xml", ".mxl", *MIDI_SUFFIXES, ".abc", ".krn")

# In a line of ABC: what isn't music (group 1), else a fermata as a letter before a note.
_ABC_FERMATA = re.compile(
    r'("[^"]*"|!(?!fermata!)[^!]*!|\[[A-Za-z]:[^]]*]|%.*)|H(?=[.~^_=LMOPSTuv]*[A-Ga-gz])|!fermata!'
)


class ScoreWarning(UserWarning):
    """Something in a score that a chorale has no room for, and what was done about it."""


def open_score(path: Path) -> tuple[Any, list[Any]]:
    """The music21 score of a file, and its parts that hold notes, from the top down, as they sound.

    Raises:
        ScoreError: If the file isn't there, isn't a score, or holds no notes or several pieces.
    """
    if not _is_file(path):
        raise ScoreError(f"There is no file {path}; expected a score in one of {', '.join(SUFFIXES)}.")
    if path.suffix.lower() not in SUFFIXES:
        raise ScoreError(f"{path} doesn't end like a score; expected one of {', '.join(SUFFIXES)}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 warns about its own reading
            pieces = _parse(path)
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise ScoreError(
            f"{path} can't be read as a score ({type(error).__name__}: {reason}); expected {_format(path)}; open it "
            "in a notation program and export it as MusicXML."
        ) from error
    if path.suffix.lower() == ".abc" and _abc(path)[1]:
        warn(f"{path}: the fermatas are left out, as ABC's aren't read; MusicXML keeps them.")
    if len(pieces) > 1:
        raise ScoreError(f"{path} holds {len(pieces)} pieces; expected one; keep each in a file of its own.")
    parts = [_sounding(part) for part in pieces[0].parts if _has_notes(part)] if pieces else []
    if not parts:
        raise ScoreError(f"{path} holds no notes; expected a melody or four voices; see that it isn't empty.")
    return pieces[0], parts


def warn(message: str) -> None:
    """Tell the reader of a score what it lost."""
    warnings.warn(message, ScoreWarning, stacklevel=2)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the system
        return False


def _format(path: Path) -> str:
    formats = {".abc": "ABC", ".krn": "kern", **dict.fromkeys(MIDI_SUFFIXES, "MIDI")}
    return formats.get(path.suffix.lower(), "MusicXML with a score-partwise")


def _parse(path: Path) -> list[Any]:
    """The pieces of a file: one in all formats but ABC, a book of tunes."""
    from music21 import converter, stream  # noqa: PLC0415  # heavy, and only needed here

    suffix = path.suffix.lower()
    if suffix == ".abc":
        score = converter.parseData(_abc(path)[0], format="abc")
    else:
        options = {"quantizePost": False} if suffix in MIDI_SUFFIXES else {}
        score = converter.parse(path, forceSource=True, storePickle=False, **options)
    if isinstance(score, stream.Opus):
        return list(score.scores)
    return [score] if isinstance(score, stream.Score) else []


def _abc(path: Path) -> tuple[str, int]:
    """The text of an ABC file without fermatas, and how many it had: music21 leaves a note out that has an H."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    removed = 0
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if not re.match(r"[A-Za-z]:|%", line):
            lines[index] = _ABC_FERMATA.sub(lambda match: match.group(1) or "", line)
            removed += lines[index] != line
    return "\n".join(lines) + "\n", removed


def _has_notes(part: Any) -> bool:
    """Whether a part holds more than rests, chord symbols and drums."""
    return any(note.pitches and "Harmony" not in note.classes for note in part.recurse().notes)


def _sounding(part: Any) -> Any:
    """A part at the pitch that sounds, its key with it: a trumpet in B-flat is written a tone higher."""
    return part.toSoundingPitch() if part.atSoundingPitch is False else part
