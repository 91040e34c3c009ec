"""Read MusicXML, MXL, MIDI, ABC, kern and MEI; write MusicXML and MIDI."""

from pathlib import Path

from bachlit.errors import ScoreError
from bachlit.files.marks import seal
from bachlit.files.writing import write_whole
from bachlit.music.chorale import Chorale
from bachlit.scores.phrase_marks import line_ends, phrase_marks
from bachlit.scores.reading.abc.text import TuneText
from bachlit.scores.reading.chorales import read_chorale, read_melody, read_voices
from bachlit.scores.reading.contents import SUFFIXES, ScoreBytes
from bachlit.scores.reading.opening import ScoreWarning, refuse_missing, tunes_of
from bachlit.scores.source import given_chords, given_figures
from bachlit.scores.writing.marked import Mark, marked_musicxml
from bachlit.scores.writing.midi import to_midi
from bachlit.scores.writing.musicxml import to_musicxml

__all__ = [
    "SUFFIXES", "Mark", "ScoreBytes", "ScoreWarning", "TuneText", "given_chords", "given_figures", "line_ends",
    "marked_musicxml", "phrase_marks", "read_chorale", "read_melody", "read_voices", "refuse_missing", "to_midi",
    "to_musicxml", "tunes_of", "write_midi", "write_musicxml",
]  # fmt: skip


def write_musicxml(chorale: Chorale, path: str | Path) -> None:
    """Write a MusicXML file, whole or not at all.

    Args:
        chorale: The music; what was read from a score comes back as the score has it.
        path: The file; one that is there is replaced.

    Raises:
        ScoreError: If the file can't be written.
    """
    _write(seal(to_musicxml(chorale).encode(), ".musicxml"), Path(path))


def write_midi(chorale: Chorale, path: str | Path) -> None:
    """Write a standard MIDI file, whole or not at all.

    Args:
        chorale: The music.
        path: The file; one that is there is replaced.

    Raises:
        ScoreError: If the file can't be written.
    """
    _write(seal(to_midi(chorale), ".mid"), Path(path))


def _write(content: bytes, path: Path) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise ScoreError(f"{path} can't be written ({error.strerror}); choose another place with --output.") from error
