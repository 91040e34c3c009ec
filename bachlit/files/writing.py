"""Files that are whole or not there, and files that are read bit by bit."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from threading import Lock
from time import time
from typing import Any

_HOUR = 3600
_LONGEST = 60  # characters of a name in that of its part, which has 255 bytes at most, up to four a character


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file beside its place, then rename it: whoever looks sees the old file, the new one or none.

    Args:
        path: Its place.
        content: Of it.
        durable: Wait until the disk has it, so that this holds when the machine fails, too.

    Raises:
        OSError: If it can't be written; nothing is left behind.
    """
    write_together([(path, content)], durable=durable)


def write_together(
    contents: Iterable[tuple[Path, bytes]],
    *,
    durable: bool = False,
    check: Callable[[Collection[Path]], None] = lambda _: None,
) -> list[Path]:
    """Write several files beside their places, then rename them: if that fails at the last, none is there.

    Args:
        contents: Each with its place. They may be made as they are wanted: one at a time is in memory.
        durable: See `write_whole`.
        check: Looks at the places when all contents are made, and raises where a file mustn't be replaced.

    Returns:
        The places.

    Raises:
        OSError: If one can't be written; nothing is left behind, and what stood there before stands there again.
    """
    parts: dict[Path, Path] = {}
    earlier: dict[Path, Path | None] = {}
    try:
        for path, content in contents:
            # Threads, and machines that share a disk, may have the same number of a process.
            parts[path] = _part(path)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            _write(parts[path], content, durable)
        check(parts)
        for path, part in parts.items():
            if len(parts) > 1:
                earlier[path] = _second_name(path)
            part.replace(path)
        if durable:
            for folder in {path.parent for path in parts}:
                _sync_names(folder)
    except BaseException as error:  # Ctrl-C too
        for place, kept in earlier.items():
            with suppress(OSError):
                place.unlink() if kept is None else kept.replace(place)
        for part in parts.values():
            with suppress(OSError):
                part.unlink()
        if isinstance(error, OSError) and parts:
            error.filename = str(path)  # of the file that was wanted, and not its part
        raise
    finally:
        for kept in filter(None, earlier.values()):
            with suppress(OSError):
                kept.unlink()
    return list(parts)


def _write(part: Path, content: bytes, durable: bool) -> None:
    with part.open("xb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def _part(path: Path) -> Path:
    """A name beside a file that no other has."""
    return path.with_name(f".{path.name[:_LONGEST]}.{token_hex(4)}.part")


def _second_name(path: Path) -> Path | None:
    """Another name for the file at a place, or a copy of it where files have but one name; None if there is none."""
    if not os.path.lexists(path):
        return None
    kept = _part(path)
    try:
        os.link(path, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, kept, follow_symlinks=False)
    return kept


def _sync_names(folder: Path) -> None:
    """Wait until the disk has a folder's names, where a system opens folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def clear_parts(path: Path) -> None:
    """Remove what processes left that were killed while they wrote a file; a younger part may be in work."""
    for part in path.parent.glob(f".{escape(path.name[:_LONGEST])}.*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time() - _HOUR:
                part.unlink()


class FileBytes:
    """A file's bytes, of which a slice is read when it is asked for; threads, forks and pickles may share it.

    It isn't mapped into memory, where a file that someone cuts short ends the process by a signal.

    Args:
        path: The file. It stays open, so that it can be read even after it was removed.

    Raises:
        OSError: If there is none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size
        self._lock = Lock()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(self._size)
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), max(0, stop - start), start)
        with self._lock:
            self._file.seek(start)
            return self._file.read(max(0, stop - start))

    def __reduce__(self) -> tuple[Any, ...]:
        return FileBytes, (self.path,)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def file_stem(name: str) -> str:
    """A piece's name as that of a file: without folders and control characters, and not too long for any system.

    >>> file_stem("sub/bwv 269"), len(file_stem("a" * 300))
    ('sub-bwv 269', 100)
    """
    return re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]', "-", name)[:100].strip(" .") or "piece"
