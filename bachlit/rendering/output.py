"""Paths of a command's scores, pictures and sounds, and writing them."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bachlit.errors import ScoreError
from bachlit.files.marks import seal
from bachlit.files.writing import write_together
from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.rendering import Paper, pdf_of, png_of, require, require_engraver, svg_of, wav
from bachlit.rendering.look import Look
from bachlit.scores import to_midi

SCORES = (".musicxml", ".xml", ".svg", ".png", ".pdf")
"""Endings of scores and their pictures."""

_FORMATS = (*SCORES, ".mid", ".midi", ".wav")
_USUAL = (".musicxml", ".mid")
_USUAL_LOOK = Look()
# Formats that people may expect; other dots in a name, as in "Nr.v2", begin no ending.
_OTHERS = (
    *(".mxl", ".abc", ".krn", ".ly", ".mei", ".mscz", ".mscx", ".sib", ".gp5"),
    *(".ps", ".eps", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp"),
    *(".mp3", ".ogg", ".opus", ".flac", ".m4a", ".aac", ".aiff"),
    *(".txt", ".json", ".csv", ".html"),
)
TRACKS = tuple(f"-{voice}.wav" for voice in VOICES)
"""Endings of practice tracks beside a sound of the whole: one voice loud, the others soft."""


def places_for(
    output: Path | str | None,
    name: str,
    also: Sequence[str] = (),
    number: int | None = None,
    *,
    sounds: bool = True,
) -> list[Path]:
    """List the files to write: `output` itself, both endings beside it, or `name` in it if it is a folder.

    Called before the work, so that nobody waits for files that can't be written. Folders that don't exist yet are made
    by `write`. A string that ends in a slash names a folder, whether it exists or not; a path can't say so.

    Args:
        output: The typed output, if any.
        name: Name of a file in a folder, without an ending.
        also: Endings of files beside them, such as .png, and `TRACKS`.
        number: Number of the piece, if there are several.
        sounds: Whether files that sound may be written, MIDI and WAV; else one score is the usual output.

    Raises:
        ScoreError: If the ending is another format's, or the folder can't be made or written to.
        MissingPackageError: If a picture needs a package that isn't installed.

    >>> [path.as_posix() for path in places_for("new/tune.pdf", "song", also=[".wav"])]
    ['new/tune.pdf', 'new/tune.wav']
    """
    if output is not None and not str(output).strip():
        raise ScoreError("--output names nothing; expected a file, a folder or a name; correct it, or leave it out.")
    path, ending = _split(output, name)
    if ending and ending.lower() not in (_FORMATS if sounds else SCORES):
        expected = (
            ".musicxml, .mid, .svg, .png, .pdf or .wav, or to have no ending for a score and its MIDI file"
            if sounds
            else ".musicxml, .svg, .png or .pdf, or to have no ending for .musicxml"
        )
        raise ScoreError(f"A score can't be written as {ending}; expected --output to end in {expected}.")
    usual = _USUAL if sounds else SCORES[:1]
    endings = [ending, *(other for other in also if other != ending.lower())] if ending else [*usual, *also]
    for picture in {".svg", ".png", ".pdf"}.intersection(map(str.lower, endings)):
        require_engraver(picture)
    numbered = path.name if number is None else f"{path.name}-{number}"
    return [_checked(path.parent / f"{numbered}{one}") for one in endings]


def plot_places(name: str, output: Path | str | None) -> tuple[Path, Path]:
    """Name the files of a piano roll and of hidden units.

    Args:
        name: Name of the files, if no output was typed or it is a folder.
        output: The typed output: a name without an ending or with .png, or a folder.

    Raises:
        ScoreError: If the ending is another format's, or the folder can't be made or written to.
        MissingPackageError: If Matplotlib isn't installed.
    """
    require("matplotlib", "A plot")
    path, ending = _split(output, name)
    if ending.lower() not in ("", ".png"):
        raise ScoreError(f"A plot can't be written as {ending}; expected --output to be a name, or to end in .png.")
    return _checked(path.parent / f"{path.name}-roll.png"), _checked(path.parent / f"{path.name}-units.png")


def _split(output: Path | str | None, name: str) -> tuple[Path, str]:
    """Split an output into a path and a format's ending; a folder, or no output, gets the name."""
    folder = isinstance(output, str) and output.endswith(("/", os.sep))
    # Where a name is too long, Path.is_dir fails.
    if output is None or folder or os.path.isdir(output):  # noqa: PTH112
        return Path(output or "") / name, ""
    path = Path(output)
    ending = path.suffix if path.suffix.lower() in (*_FORMATS, *_OTHERS) else ""
    return path.parent / path.name.removesuffix(ending), ending


def _checked(path: Path) -> Path:
    """Refuse a path whose folder can't be written to, or can't be made."""
    folder = path.absolute().parent
    there = next(above for above in (folder, *folder.parents) if os.path.lexists(above))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ScoreError(f"{there} is no folder that can be written to; choose another --output.")
    return path


def contents(chorale: Chorale, places: Sequence[Path], *, look: Look = _USUAL_LOOK) -> Iterator[tuple[Path, bytes]]:
    """Make the contents of a chorale's files, without seals.

    Args:
        chorale: The music.
        places: Files of `places_for`.
        look: How the score is written.
    """
    music = look.music(chorale).encode()
    for path in places:
        ending, voice = path.suffix.lower(), _practised(path, places)
        if ending in SCORES:
            yield path, engraved(music, ending, title=chorale.title, paper=look.paper)
        else:
            yield path, wav(chorale, loud=voice) if ending == ".wav" else to_midi(chorale)


def engraved(music: bytes, ending: str, *, title: str = "", paper: Paper = "a4") -> bytes:
    """Make the contents of a score's file, without a seal.

    Args:
        music: A MusicXML document in UTF-8.
        ending: One of `SCORES`.
        title: Drawn above a picture; a PDF prints the document's own.
        paper: Of a PDF.

    Raises:
        MissingPackageError: If a picture needs a package that isn't installed.
        ScoreError: If the ending is another.
    """
    text = music.decode()
    makers: dict[str, Callable[[], bytes]] = {
        ".musicxml": lambda: music,
        ".xml": lambda: music,
        ".svg": lambda: svg_of(text, title=title).encode(),
        ".png": lambda: png_of(text, title=title),
        ".pdf": lambda: pdf_of(text, paper=paper),
    }
    if ending not in makers:
        raise ScoreError(f"A score can't be engraved as {ending[:20]!r}; expected one of {', '.join(makers)}.")
    return makers[ending]()


def _practised(path: Path, places: Sequence[Path]) -> Voice | None:
    """Voice that a practice track is for; None for other files.

    Tracks stand beside the sound of the whole, so that a file that the user names x-alto.wav is none.
    """
    for voice, ending in zip(VOICES, TRACKS, strict=True):
        stem = path.name.removesuffix(ending)
        if stem != path.name and any(place.name.lower() == f"{stem}.wav".lower() for place in places):
            return voice
    return None


def save(files: Iterable[tuple[Path, bytes]], check: Callable[[Collection[Path]], None]) -> None:
    """Write a command's files as `write` does, and print their paths."""
    for path in write(files, check):
        print(path)


def write(files: Iterable[tuple[Path, bytes]], check: Callable[[Collection[Path]], None]) -> list[Path]:
    """Seal and write files, all or none, into folders that are made for them.

    Args:
        files: Paths and contents.
        check: Such as `bachlit.files.overwriting.refuse_replacing`; called again when all contents are made.

    Returns:
        The paths.

    Raises:
        ScoreError: If one can't be written.
    """
    made: list[Path] = []
    try:
        return write_together(_sealed(files, made), check=check)
    except BaseException as error:  # Ctrl-C too
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise ScoreError(
                f"{error.filename} can't be written ({error.strerror}); choose another place with --output."
            ) from error
        raise


def _sealed(files: Iterable[tuple[Path, bytes]], made: list[Path]) -> Iterator[tuple[Path, bytes]]:
    """Seal files one by one, and make and list the folders that they lack."""
    for path, content in files:
        lacking = [folder for folder in path.absolute().parents if not os.path.lexists(folder)]
        for folder in reversed(lacking):
            folder.mkdir()
            made.append(folder)
        yield path, seal(content, path.suffix.lower())
