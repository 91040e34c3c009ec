"""Replacing: what stands where a command is to write, and whether it may go."""

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from bachlit.errors import OptionError
from bachlit.files.marks import is_sealed


def refuse_replacing(
    paths: Iterable[Path],
    *,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    own: Callable[[Path], bool] = is_sealed,
) -> None:
    """Refuse to replace a file that bachlit didn't write.

    Never replaced are a file that the command reads, under whatever name, a link, a pipe, a device, and a file without
    permission to write: root may write all, so its mode is what counts.

    Args:
        paths: Where a command is to write.
        inputs: Files that it reads.
        overwrite: Whether the user asked to replace files of their own.
        own: Whether a file is as bachlit wrote it.

    Raises:
        OptionError: If a file has to stay.
    """
    read = set()
    for path in inputs:
        with suppress(OSError):
            read.add(_identity(path.stat()))
    for path in paths:
        try:
            standing = path.lstat()
            if stat.S_ISDIR(standing.st_mode):
                continue  # of which the writer speaks
            kept = _kept(standing, read)
            if kept is None and not (overwrite or own(path)):
                raise OptionError(
                    f"{path} is there already, and isn't as bachlit wrote it; expected a file of bachlit's that "
                    "nobody changed, or none; choose another --output, or add --overwrite to replace it."
                )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise OptionError(f"{path} can't be read ({error.strerror}); choose another --output.") from error
        if kept:
            raise OptionError(
                f"{path} {kept}; expected a place where it is safe to write, even with --overwrite; choose another "
                "--output."
            )


def _kept(standing: os.stat_result, read: set[tuple[int, int]]) -> str | None:
    """Why a file is never replaced, if so."""
    mode = standing.st_mode
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if not stat.S_ISREG(mode):
        return "is a pipe, a socket or a device"
    if _identity(standing) in read:
        return "is what the command reads"
    return None if mode & stat.S_IWUSR else "is read-only"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
