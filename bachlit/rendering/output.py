"""Paths of a command's scores, pictures and sounds, and writing them."""

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
# Formats that people may expect; other dots in a name, as in "Nr.v2", begin no ending.
_OTHERS = (
    *(".mxl", ".abc", ".krn", ".ly", ".mei", ".mscz", ".mscx", ".sib", ".gp5"),
    *(".pdf", ".ps", ".eps", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp"),
    *(".mp3", ".ogg", ".opus", ".flac", ".m4a", ".aac", ".aiff"),
    *(".txt", ".json", ".csv", ".html"),
)


def places_for(output: Path | None, name: str, also: Sequence[str] = (), number: int | None = None) -> list[Path]:
    """List the files to write: `output` itself, both endings beside it, or `name` in it if it is a folder.

    Called before the work, so that nobody waits for files that can't be written.

    Args:
        output: The typed output, if any.
        name: Name of a file in a folder, without an ending.
        also: Endings, such as .png, of files beside them.
        number: Number of the piece, if there are several.

    Raises:
        ScoreError: If the ending is another format's, or the folder doesn't exist or can't be written to.
        MissingPackageError: If a picture needs a package that isn't installed.
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
        name: Name of the files, if no output was typed or it is a folder.
        output: The typed output: a name without an ending or with .png, or a folder.

    Raises:
        ScoreError: If the ending is another format's, or the folder doesn't exist or can't be written to.
        MissingPackageError: If Matplotlib isn't installed.
    """
    require("matplotlib", "A plot")
    path, ending = _split(output, name)
    if ending.lower() not in ("", ".png"):
        raise ScoreError(f"A plot can't be written as {ending}; expected --output to be a name, or to end in .png.")
    return _checked(path.parent / f"{path.name}-roll.png"), _checked(path.parent / f"{path.name}-units.png")


def _split(output: Path | None, name: str) -> tuple[Path, str]:
    """Split an output into a path and a format's ending; a folder, or no output, gets the name."""
    if output is None or os.path.isdir(output):  # noqa: PTH112  # where a name is too long, Path.is_dir fails
        return (output or Path()) / name, ""
    ending = output.suffix if output.suffix.lower() in (*_FORMATS, *_OTHERS) else ""
    return output.parent / output.name.removesuffix(ending), ending


def _checked(path: Path) -> Path:
    """Refuse a path whose folder can't be written to."""
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ScoreError(f"There is no folder {folder} that can be written to; make it, or choose another --output.")
    return path


def contents(chorale: Chorale, places: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """Make the contents of a chorale's files, without seals."""
    for path in places:
        yield path, _FORMATS[path.suffix.lower()](chorale)


def save(files: Iterable[tuple[Path, bytes]], check: Callable[[Collection[Path]], None]) -> None:
    """Write a command's files as `write` does, and print their paths."""
    for path in write(files, check):
        print(path)


def write(files: Iterable[tuple[Path, bytes]], check: Callable[[Collection[Path]], None]) -> list[Path]:
    """Seal and write files, all or none.

    Args:
        files: Paths and contents.
        check: Such as `bachlit.files.overwriting.refuse_replacing`; called again when all contents are made.

    Returns:
        The paths.

    Raises:
        ScoreError: If one can't be written.
    """
    try:
        return write_together(((path, seal(content, path.suffix.lower())) for path, content in files), check=check)
    except OSError as error:
        raise ScoreError(
            f"{error.filename} can't be written ({error.strerror}); choose another place with --output."
        ) from error
