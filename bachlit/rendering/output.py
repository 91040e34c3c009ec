"""Where a command's scores, pictures and sounds go, and writing them there."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from bachlit.errors import ScoreError
from bachlit.files.marks import seal
from bachlit.files.writing import write_together
from bachlit.music.chorale import Chorale
from bachlit.rendering import png, require, require_engraver, svg, wav
from bachlit.scores import to_midi, to_musicxml

_FORMATS: dict[str, Callable[[Chorale], bytes]] = {
    ".musicxml": lambda chorale: to_musicxml(chorale).encode(),
    ".xml": lambda chorale: to_musicxml(chorale).encode(),
    ".mid": to_midi,
    ".midi": to_midi,
    ".svg": lambda chorale: svg(chorale).encode(),
    ".png": png,
    ".wav": wav,
}
_USUAL = (".musicxml", ".mid")
# Formats of scores, pictures, sounds and texts that someone may ask for in vain.
_OTHERS = (
    *(".mxl", ".abc", ".krn", ".ly", ".mei", ".mscz", ".mscx", ".sib", ".gp5"),
    *(".pdf", ".ps", ".eps", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp"),
    *(".mp3", ".ogg", ".opus", ".flac", ".m4a", ".aac", ".aiff"),
    *(".txt", ".json", ".csv", ".html"),
)


def places_for(output: Path | None, name: str, also: Sequence[str] = (), number: int | None = None) -> list[Path]:
    """List the files to write: `output` itself, both endings beside it, or `name` in it if it is a folder.

    It is asked before the work, so that nobody waits for what can't be written.

    Args:
        output: What was typed, if anything.
        name: Of a file in a folder, without an ending.
        also: Endings, such as .png, of what is written beside them.
        number: Of one of several pieces.

    Raises:
        ScoreError: If the ending is another format's, or the folder isn't there or takes no files.
        MissingPackageError: If a picture needs what isn't installed.
    """
    path, ending = _split(output, name)
    if ending and ending.lower() not in _FORMATS:
        raise ScoreError(
            f"A score can't be written as {ending}; expected --output to end in .musicxml, .mid, .svg, .png or "
            ".wav, or to have no ending for a score and its MIDI file."
        )
    endings = [ending, *(other for other in also if other != ending.lower())] if ending else [*_USUAL, *also]
    for picture in {".svg", ".png"}.intersection(map(str.lower, endings)):
        require_engraver(picture)
    numbered = path.name if number is None else f"{path.name}-{number}"
    return [_checked(path.parent / f"{numbered}{one}") for one in endings]


def plot_places(name: str, output: Path | None) -> tuple[Path, Path]:
    """Name the files of a piano roll and of hidden units.

    Args:
        name: Of the files, where what was typed doesn't say.
        output: What was typed: a name without an ending or with .png, or a folder.

    Raises:
        ScoreError: If the ending is another format's, or the folder isn't there or takes no files.
        MissingPackageError: If there is nothing to draw them with.
    """
    require("matplotlib", "A plot")
    path, ending = _split(output, name)
    if ending.lower() not in ("", ".png"):
        raise ScoreError(f"A plot can't be written as {ending}; expected --output to be a name, or to end in .png.")
    return _checked(path.parent / f"{path.name}-roll.png"), _checked(path.parent / f"{path.name}-units.png")


def _split(output: Path | None, name: str) -> tuple[Path, str]:
    """Split an output into a path and a format's ending, ours or not; other dots, as in `v1.2` or `Nr.v2`, begin none.

    A folder, or no output, gets the name.
    """
    if output is None or _is_folder(output):
        return (output or Path()) / name, ""
    ending = output.suffix if output.suffix.lower() in (*_FORMATS, *_OTHERS) else ""
    return output.parent / output.name.removesuffix(ending), ending


def _checked(path: Path) -> Path:
    """Refuse a place that can't be written, as far as one can tell before."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ScoreError(f"There is no folder {folder} to write to; make it, or choose another --output.")
    if not os.access(folder, os.W_OK):
        raise ScoreError(f"The folder {folder} can't be written to; choose another with --output.")
    if _is_folder(path):
        raise ScoreError(f"{path} is a folder, where a file is to be written; choose another --output.")
    return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name that is too long
        raise ScoreError(f"{path} can't be written ({error.strerror}); choose another place with --output.") from error


def contents(chorale: Chorale, places: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """Make a chorale's file for each of its places, without a seal."""
    for path in places:
        yield path, _FORMATS[path.suffix.lower()](chorale)


def save(files: Iterable[tuple[Path, bytes]], check: Callable[[Collection[Path]], None]) -> None:
    """Write a command's files as `write` does, and print where they are."""
    for path in write(files, check):
        print(path)


def write(files: Iterable[tuple[Path, bytes]], check: Callable[[Collection[Path]], None]) -> list[Path]:
    """Seal and write files, all of them whole or none.

    Args:
        files: Each with its place.
        check: Such as `bachlit.files.overwriting.refuse_replacing`; called once more when all contents are made.

    Returns:
        Their places.

    Raises:
        ScoreError: If one can't be written.
    """
    try:
        return write_together(((path, seal(content, path.suffix.lower())) for path, content in files), check=check)
    except OSError as error:
        raise ScoreError(
            f"{error.filename} can't be written ({error.strerror}); choose another place with --output."
        ) from error
