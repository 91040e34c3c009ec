"""Scores in and out: MusicXML, MXL, MIDI, ABC and kern are read, MusicXML and MIDI are written."""

import tempfile
from pathlib import Path

from bachlit.chorale import Chorale
from bachlit.errors import ScoreError
from bachlit.scores.files import SUFFIXES, ScoreWarning
from bachlit.scores.midi import to_midi
from bachlit.scores.musicxml import to_musicxml
from bachlit.scores.reading import read_chorale, read_melody

__all__ = [
    "SUFFIXES",
    "ScoreWarning",
    "read_chorale",
    "read_melody",
    "to_midi",
    "to_musicxml",
    "write_midi",
    "write_musicxml",
]


def write_musicxml(chorale: Chorale, path: str | Path) -> None:
    """Write MusicXML: the whole file or, if that fails, nothing.

    Raises:
        ScoreError: If the file can't be written.
    """
    _write(to_musicxml(chorale).encode(), Path(path))


def write_midi(chorale: Chorale, path: str | Path) -> None:
    """Write a standard MIDI file: the whole file or, if that fails, nothing.

    Raises:
        ScoreError: If the file can't be written.
    """
    _write(to_midi(chorale), Path(path))


def _write(content: bytes, path: Path) -> None:
    part = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as file:
            part = Path(file.name)
            file.write(content)
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise ScoreError(f"{path} can't be written ({error.strerror}); choose another place with --output.") from error
