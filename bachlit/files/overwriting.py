"""Check whether existing files may be replaced."""

import json
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from bachlit.errors import OptionError
from bachlit.files.marks import digest, is_sealed


def refuse_replacing(
    paths: Iterable[Path],
    *,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    own: Callable[[Path], bool] = is_sealed,
) -> None:
    """Refuse to replace files that bachlit didn't write.

    Even with `overwrite`, these are never replaced: inputs of the command (under any name), folders, links, pipes,
    devices, and read-only files (by mode, also for root).

    Args:
        paths: Files to write.
        inputs: Files that the command reads.
        overwrite: Replace the user's own files.
        own: Whether bachlit wrote a file and nobody changed it.

    Raises:
        OptionError: If a file may not be replaced.
    """
    read = set()
    for path in inputs:
        with suppress(OSError):
            read.add(_identity(path.stat()))
    for path in paths:
        try:
            standing = path.lstat()
            kept = _kept(standing, read)
            if kept is None and not (overwrite or own(path)):
                raise OptionError(
                    f"{path} exists and wasn't written by bachlit, or was changed since; choose another --output, or "
                    "add --overwrite to replace it."
                )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise OptionError(f"{path} can't be read ({error.strerror}); choose another --output.") from error
        if kept:
            raise OptionError(f"{path} {kept}, which isn't replaced even with --overwrite; choose another --output.")


def is_listed(path: Path, *, index: str) -> bool:
    """Check whether bachlit wrote a file of a folder and nobody changed it.

    Args:
        path: The file.
        index: Name of a sealed JSON file beside it, whose `files` are the others' digests by name.

    Raises:
        OSError: If it can't be read.
    """
    place = path.with_name(index)
    if not place.is_file() or not is_sealed(place):
        return False
    listed = json.loads(place.read_bytes()).get("files", {})
    return path.name == index or listed.get(path.name) == digest(path.read_bytes())


def _kept(standing: os.stat_result, read: set[tuple[int, int]]) -> str | None:
    """Why a file is never replaced; None if it may be."""
    mode = standing.st_mode
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if stat.S_ISDIR(mode):
        return "is a folder"
    if not stat.S_ISREG(mode):
        return "is a pipe, a socket or a device"
    if _identity(standing) in read:
        return "is what the command reads"
    return None if mode & stat.S_IWUSR else "is read-only"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
