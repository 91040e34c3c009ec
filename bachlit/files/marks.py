"""Marks: a seal in each file that a command writes, by which bachlit knows its own until someone changes them.

A seal is the digest of all other bytes of its file, so an editor that saves the file anew, or a change by hand, breaks
it. Each format holds it where its readers look for remarks, at a place that its length alone tells.
"""

import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

_NAME, _DIGITS = b"bachlit:", 16
_BLOCK = 2**20


class _Format(NamedTuple):
    """How files of a format hold a seal.

    Attributes:
        wrap: From the seal to the bytes that hold it.
        place: From the length of a file without them to where they stand.
        enlarge: Corrects the lengths that a file says of itself, by so many bytes.
    """

    wrap: Callable[[bytes], bytes]
    place: Callable[[int], int]
    enlarge: Callable[[bytes, int], bytes] = lambda content, _: content


def digest(content: bytes) -> str:
    """A content as 16 hexadecimal digits.

    >>> digest(b"")
    'e3b0c44298fc1c14'
    """
    return sha256(content).hexdigest()[:_DIGITS]


def seal(content: bytes, ending: str) -> bytes:
    r"""A file's content with a seal in it.

    Args:
        content: What one of bachlit's writers made.
        ending: Of the file's name: .musicxml, .xml, .svg, .mid, .midi, .png, .wav or .json, an indented object.

    >>> seal(b"<svg></svg>\n", ".svg")
    b'<svg></svg>\n<!-- unchanged since it was written, bachlit:6d6ddf6160dbd068 -->\n'
    """
    form = _FORMATS[ending]
    content = form.enlarge(content, len(form.wrap(_text(b""))))
    at = form.place(len(content))
    return content[:at] + form.wrap(_text(content)) + content[at:]


def is_sealed(path: Path) -> bool:
    """Whether bachlit wrote a file and nobody changed it since; False for formats without seals.

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
    """A chunk of PNG."""
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _longer(start: int, order: Literal["big", "little"]) -> Callable[[bytes, int], bytes]:
    """Correct the length that stands at some byte."""
    end = start + 4

    def enlarge(content: bytes, num: int) -> bytes:
        length = int.from_bytes(content[start:end], order) + num
        return content[:start] + length.to_bytes(4, order) + content[end:]

    return enlarge


_WIDTH = len(_NAME) + _DIGITS
_TEXT_EVENT = b"\x00\xff\x01" + bytes([_WIDTH])  # at once, of so many letters
_FIRST_EVENT = 22  # MIDI's header has 14 bytes, and that of its first track 8

_XML = _Format(lambda text: b"<!-- unchanged since it was written, " + text + b" -->\n", lambda length: length)
_MIDI = _Format(lambda text: _TEXT_EVENT + text, lambda _: _FIRST_EVENT, _longer(18, "big"))

_FORMATS = {
    ".musicxml": _XML,
    ".xml": _XML,
    ".svg": _XML,
    ".mid": _MIDI,
    ".midi": _MIDI,
    # Before the chunk that ends a PNG, which has 12 bytes.
    ".png": _Format(lambda text: _chunk(b"tEXt", b"Comment\0" + text), lambda length: length - 12),
    # After the sound: a reader that expects that at byte 44 finds it there. Chunks have an even length.
    ".wav": _Format(
        lambda text: b"LIST" + (_WIDTH + 14).to_bytes(4, "little")
        + b"INFOICMT" + (_WIDTH + 2).to_bytes(4, "little") + text + b"\0\0",
        lambda length: length,
        _longer(4, "little"),
    ),
    # Before the brace that ends the object.
    ".json": _Format(lambda text: b',\n  "seal": "' + text + b'"', lambda length: length - 3),
}  # fmt: skip
