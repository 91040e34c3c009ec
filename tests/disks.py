"""A disk that fills up under what is written in a folder. Import it as `disks`."""

import errno
import os
from pathlib import Path
from typing import IO, Any

import pytest


def fill(monkeypatch: pytest.MonkeyPatch, folder: Path, room: int = 0) -> None:
    """Let a folder, and those in it, take so many bytes more before the disk is full."""
    opened = Path.open
    left = [room]

    class Full:
        """A file that takes what there is room for."""

        def __init__(self, file: IO[Any]) -> None:
            self.file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> int:
            taken = self.file.write(content[: left[0]])
            left[0] -= taken
            if taken < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return taken

    def open_on_it(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        file = opened(self, mode, *args, **options)
        within = folder.absolute() in self.absolute().parents
        return Full(file) if within and {*mode} & {*"wxa"} and "b" in mode else file

    monkeypatch.setattr(Path, "open", open_on_it)
