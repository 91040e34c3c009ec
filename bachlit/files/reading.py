"""Read small files of others within bounds of memory."""

from pathlib import Path

_MOST_BYTES = 2**24


def read_bounded(path: Path, most: int = _MOST_BYTES) -> bytes:
    """Read a regular file of bounded size: no pipe that never ends, no file of holes that fills the memory.

    Args:
        path: The file, or a link to one.
        most: Bytes.

    Raises:
        OSError: If there is none, or it can't be read.
        ValueError: If it is larger.
    """
    if not path.is_file():  # opening a pipe would wait
        raise FileNotFoundError(path)
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most // 2**20} MB")
    return content
