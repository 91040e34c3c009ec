"""The cache of parsed chorales: one file for a whole corpus, no pickles, of which a piece is read when it is wanted.

The file has a first line, a record a chorale, a table of the records' places, and a sum over all of that. A record is
compressed: its metadata as a line of JSON, a byte a pitch, a bit an onset or fermata.
"""

import json
import struct
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bachlit.chorale import VOICES, Chorale
from bachlit.corpus.pieces import Pieces
from bachlit.errors import CorpusError
from bachlit.files import FileBytes, clear_parts, write_whole
from bachlit.keys import Key

_MAGIC = b"bachlit's chorales, 3\n"
_END = struct.Struct("<QQ")  # chorales, where the table stands
_SUM = struct.Struct("<I")  # of all before it
_CHUNK = 2**20


class CachedChorales(Pieces):
    """The chorales of a cache, each read when it is asked for.

    Args:
        content: A file's, or what couldn't become a file.

    Attributes:
        skipped: The pieces that couldn't be read when the cache was made, and why.

    Raises:
        ValueError: If it is no cache, or a damaged one.
    """

    def __init__(self, content: bytes | FileBytes) -> None:
        self._content = content
        if content[: len(_MAGIC)] != _MAGIC:
            raise ValueError("no cache of chorales")
        end = len(content) - _SUM.size
        if content[end:] != _SUM.pack(_sum(content, end)):
            raise ValueError("damaged")
        num, table = _END.unpack(content[end - _END.size : end])
        self._places = np.frombuffer(content[table : table + 8 * (num + 2)], "<i8")  # (P + 2,) the last is the table's
        self.skipped: dict[str, str] = json.loads(self._record(num))

    def __len__(self) -> int:
        return len(self._places) - 2

    def at(self, index: int) -> Chorale:
        """See `Pieces.at`."""
        line, _, arrays = self._record(index).partition(b"\n")
        about: dict[str, Any] = json.loads(line)
        shape = about.pop("num_frames"), len(VOICES)
        size = shape[0] * shape[1]
        flags = np.unpackbits(np.frombuffer(arrays, np.uint8, offset=size), count=size + shape[0]).astype(np.bool_)
        return Chorale(
            pitches=np.frombuffer(arrays, np.int8, count=size).reshape(shape).astype(np.int16),
            onsets=flags[:size].reshape(shape),
            fermatas=flags[size:],
            time_signature=tuple(about.pop("time_signature")),
            key=Key(*about.pop("key")),
            **about,
        )

    def _record(self, index: int) -> bytes:
        try:
            return zlib.decompress(self._content[self._places[index] : self._places[index + 1]])
        except (OSError, zlib.error) as error:
            place = self._content.path if isinstance(self._content, FileBytes) else "memory"
            raise CorpusError(
                f"The cached chorales in {place} were changed while they were in use ({error}); expected them as they "
                "were; run the command again, and they are read anew."
            ) from error


def pack(results: Iterable[tuple[str, Chorale | str]]) -> bytes:
    """The content of a cache, of chorales or of why there is none, by their names; one at a time is in memory."""
    records = [_MAGIC]
    skipped: dict[str, str] = {}
    for name, result in results:
        if isinstance(result, str):
            skipped[name] = result
        else:
            records.append(_packed(result))
    records.append(zlib.compress(json.dumps(skipped).encode()))
    places = np.cumsum([len(record) for record in records], dtype="<i8")
    content = b"".join([*records, places.tobytes(), _END.pack(len(records) - 2, places[-1])])
    return content + _SUM.pack(zlib.crc32(content))


def _packed(chorale: Chorale) -> bytes:
    about = {
        "num_frames": chorale.num_frames,
        "time_signature": chorale.time_signature,
        "pickup": chorale.pickup,
        "key": chorale.key,
        "title": chorale.title,
        "name": chorale.name,
    }
    flags = np.packbits(np.concatenate([chorale.onsets.ravel(), chorale.fermatas]))
    arrays = chorale.pitches.astype(np.int8).tobytes() + flags.tobytes()
    return zlib.compress(json.dumps(about).encode() + b"\n" + arrays)


def load_chorales(path: Path) -> CachedChorales | None:
    """The chorales of a cache, or None if there is none or it is damaged."""
    try:
        return CachedChorales(FileBytes(path))
    except (OSError, ValueError):
        return None


def save_chorales(path: Path, content: bytes) -> None:
    """Write a cache whole or not at all. One that can't be written costs time, not the work at hand."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        clear_parts(path)
    except OSError as error:
        warnings.warn(
            f"The chorales could not be cached in {path.parent} ({error.strerror}), and will be read anew next time.",
            stacklevel=2,
        )


def _sum(content: bytes | FileBytes, end: int) -> int:
    total = 0
    for start in range(0, end, _CHUNK):
        total = zlib.crc32(content[start : min(start + _CHUNK, end)], total)
    return total
