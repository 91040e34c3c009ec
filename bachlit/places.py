"""Places: where the scores of a command go, and writing them there."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from bachlit.chorale import Chorale
from bachlit.errors import ScoreError
from bachlit.scores import write_midi, write_musicxml

_WRITERS: dict[str, Callable[[Chorale, Path], None]] = {
    ".musicxml": write_musicxml,
    ".xml": write_musicxml,
    ".mid": write_midi,
    ".midi": write_midi,
}


def harmonized_places(name: str, num: int, output: Path | None) -> list[list[Path]]:
    """The files of each harmonisation; several are numbered from 1."""
    if num == 1:
        # A tune's own dots are no ending.
        return [_both(name) if output is None else places_for(output, name)]
    names = [f"{name}-{number}" for number in range(1, num + 1)]
    if output is None:
        return [_both(its) for its in names]
    return [places_for(numbered(output, number), its) for number, its in enumerate(names, start=1)]


def _both(name: str) -> list[Path]:
    return [Path(f"{name}{ending}") for ending in (".musicxml", ".mid")]


def numbered(output: Path, number: int) -> Path:
    """The same place for one of several pieces; a folder is that of all."""
    ending = _ending(output)
    return output if output.is_dir() else output.parent / f"{output.name.removesuffix(ending)}-{number}{ending}"


def places_for(output: Path, name: str) -> list[Path]:
    """The files to write: `output` itself, or beside it with both endings; in it, by `name`, if it is a folder.

    It is asked before the work, so that nobody waits for what can't be written.

    Raises:
        ScoreError: If the ending stands for no format, or the folder isn't there.
    """
    if output.is_dir():
        output = output / name
    elif output.suffix.lower() in _WRITERS:
        return [_in_folder(output)]
    elif _ending(output):
        raise ScoreError(
            f"A score can't be written as {output.suffix}; expected --output to end in .musicxml or .mid, or to have "
            "no ending for both."
        )
    return [_in_folder(output.parent / f"{output.name}{ending}") for ending in (".musicxml", ".mid")]


def _ending(path: Path) -> str:
    """A format's ending, one of ours or not; a name's other dots, as in `v1.2`, begin none."""
    return path.suffix if re.fullmatch(r"\.[A-Za-z]\w{1,7}", path.suffix) else ""


def _in_folder(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        raise ScoreError(
            f"There is no folder {path.absolute().parent} to write to; make it, or choose another --output."
        )
    return path


def write(chorale: Chorale, places: Sequence[Path]) -> None:
    """Write a chorale to each of its places, and say where."""
    for path in places:
        _WRITERS[path.suffix.lower()](chorale, path)
        print(path)
