"""Seals in the files that bachlit writes, to recognise them until someone changes them.

A seal is a digest of all other bytes of the file, so any edit breaks it. It stands where the format allows comments, at
a place that follows from the file's length.
"""

import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

_NAME, _DIGITS = b"bachlit:", 16
_BLOCK = 2**20


class _Format(NamedTuple):
    """Seal of a file format.

    Attributes:
        wrap: Bytes that hold a seal.
        place: Their offset, given the length of the file without them.
        enlarge: Adds to the length stated in a file's header.
    """

    wrap: Callable[[bytes], bytes]
    place: Callable[[int], int]
    enlarge: Callable[[bytes, int], bytes] = lambda content, _: content


def digest(content: bytes) -> str:
    """Digest of contents, 16 hexadecimal digits.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return sha256(content).hexdigest()[:_DIGITS]


def seal(content: bytes, ending: str) -> bytes:
    r"""Seal the contents of a file.

    Args:
        content: Contents from one of bachlit's writers.
        ending: Suffix of the file: .musicxml, .xml, .svg, .mid, .midi, .png, .pdf, .wav or .json (an indented object).

    >>> seal(b"<svg></svg>\n", ".svg")
    b'<svg></svg>\n<!-- unchanged since it was written, bachlit:6d6ddf6160dbd068 -->\n'
    """
    form = _FORMATS[ending]
    content = form.enlarge(content, len(form.wrap(_text(b""))))
    at = form.place(len(content))
    return content[:at] + form.wrap(_text(content)) + content[at:]


def is_sealed(path: Path) -> bool:
    """Check whether bachlit wrote a file and nobody changed it; False for formats without seals.

    Raises:
        OSError: If it can't be read.
    """
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        return False
    width = len(form.wrap(_text(b"")))
    with path.open("rb") as file:
        length = file.seek(0, 2) - width
        at = form.place(length)
        if not 0 <= at <= length:
            return False
        file.seek(at)
        mark = file.read(width)
        rest = sha256()
        for start, end in ((0, at), (at + width, length + width)):
            file.seek(start)
            while block := file.read(min(_BLOCK, end - file.tell())):
                rest.update(block)
    return mark == form.wrap(_NAME + rest.hexdigest()[:_DIGITS].encode())


def _text(content: bytes) -> bytes:
    return _NAME + digest(content).encode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Chunk of a PNG."""
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _longer(start: int, order: Literal["big", "little"]) -> Callable[[bytes, int], bytes]:
    """Return a function that adds to the length stated at some byte."""
    end = start + 4

    def enlarge(content: bytes, num: int) -> bytes:
        length = int.from_bytes(content[start:end], order) + num
        return content[:start] + length.to_bytes(4, order) + content[end:]

    return enlarge


_WIDTH = len(_NAME) + _DIGITS
_TEXT_EVENT = b"\x00\xff\x01" + bytes([_WIDTH])  # delta time 0, text, length
_FIRST_EVENT = 22  # after the headers of the file (14 bytes) and of the first track (8)

_XML = _Format(lambda text: b"<!-- unchanged since it was written, " + text + b" -->\n", lambda length: length)
_MIDI = _Format(lambda text: _TEXT_EVENT + text, lambda _: _FIRST_EVENT, _longer(18, "big"))

_FORMATS = {
    ".musicxml": _XML,
    ".xml": _XML,
    ".svg": _XML,
    ".mid": _MIDI,
    ".midi": _MIDI,
    # Before the last chunk of a PNG, of 12 bytes.
    ".png": _Format(lambda text: _chunk(b"tEXt", b"Comment\0" + text), lambda length: length - 12),
    # A comment after the end: readers look for the end in the last kilobyte.
    ".pdf": _Format(lambda text: b"\n%" + text + b"\n", lambda length: length),
    # After the samples, which simple readers expect at byte 44. Chunks have an even length.
    ".wav": _Format(
        lambda text: b"LIST" + (_WIDTH + 14).to_bytes(4, "little")
        + b"INFOICMT" + (_WIDTH + 2).to_bytes(4, "little") + text + b"\0\0",
        lambda length: length,
        _longer(4, "little"),
    ),
    # Before the closing brace.
    ".json": _Format(lambda text: b',\n  "seal": "' + text + b'"', lambda length: length - 3),
}  # fmt: skip
