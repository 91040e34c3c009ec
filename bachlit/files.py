"""Files that are whole or not there."""

import os
import re
from pathlib import Path


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file beside its place, then rename it: whoever looks sees the old file, the new one or none.

    Args:
        path: Its place.
        content: Of it.
        durable: Wait until the disk has it, so that this holds when the machine fails, too.

    Raises:
        OSError: If it can't be written; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:  # Ctrl-C too
        part.unlink(missing_ok=True)
        raise


def file_stem(name: str) -> str:
    """A piece's name as that of a file: without folders and control characters, and not too long for any system.

    >>> file_stem("sub/bwv 269"), len(file_stem("a" * 300))
    ('sub-bwv 269', 100)
    """
    return re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]', "-", name)[:100].strip(" .") or "piece"
