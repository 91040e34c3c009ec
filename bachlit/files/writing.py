"""Write files whole or not at all, and read parts of files."""

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
_LONGEST = 60  # characters of the name kept in a temporary name, which has at most 255 bytes


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file atomically, by a temporary file beside it.

    Args:
        path: The file.
        content: Its contents.
        durable: Wait until it is on the disk, so that it survives a crash of the machine.

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
    """Write several files, all or none.

    Args:
        contents: Paths and contents; may be a generator, to hold one at a time in memory.
        durable: Wait until they are on the disk, so that they survive a crash of the machine.
        check: Called with the paths before they are replaced; may raise.

    Returns:
        The paths.

    Raises:
        OSError: If one can't be written; nothing is left behind, and earlier files are restored.
    """
    parts: dict[Path, Path] = {}
    earlier: dict[Path, Path | None] = {}
    try:
        for path, content in contents:
            parts[path] = _part(path)  # random: process ids may coincide on a shared disk
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
            error.filename = str(path)  # the file itself, not the temporary one
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
    """Unique temporary path beside a file."""
    return path.with_name(f".{path.name[:_LONGEST]}.{token_hex(4)}.part")


def _second_name(path: Path) -> Path | None:
    """Link (or copy) of an existing file; None if there is none."""
    if not os.path.lexists(path):
        return None
    kept = _part(path)
    try:
        os.link(path, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, kept, follow_symlinks=False)
    return kept


def _sync_names(folder: Path) -> None:
    """Wait until a folder's names are on the disk, where folders can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def clear_parts(path: Path) -> None:
    """Remove temporary files of killed processes; younger ones may be in use."""
    for part in path.parent.glob(f".{escape(path.name[:_LONGEST])}.*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time() - _HOUR:
                part.unlink()


class FileBytes:
    """Bytes of a file, with slices read on demand; safe for threads, forks and pickling.

    It isn't memory-mapped, since a mapped file that is cut short ends the process by a signal.

    Args:
        path: The file. It stays open, so that it can be read even after it is removed.

    Raises:
        OSError: If it can't be read.
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
    """Make a file name of a piece's name: no folders or control characters, bounded length.

    >>> file_stem("sub/bwv 269"), len(file_stem("a" * 300))
    ('sub-bwv 269', 100)
    """
    return re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]', "-", name)[:100].strip(" .") or "piece"
