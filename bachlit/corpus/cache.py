"""Cache of parsed chorales: one file per corpus, no pickles, pieces read on demand.

The file has a first line, a record per chorale, a table of the records' offsets, and a checksum. A record is
compressed: a line of JSON with the metadata, a byte per pitch, a bit per onset and fermata.

The checksum detects damage, not a malicious writer, so a cache is used only if each record is a chorale that a score
could have. NumPy's own formats would need a memory map to read single pieces, and a mapped file that is cut short ends
the process by a signal.
"""

import json
import struct
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bachlit.corpus.pieces import Pieces
from bachlit.errors import CorpusError
from bachlit.files.writing import FileBytes, clear_parts, write_whole
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.keys import Key
from bachlit.scores.reading.limits import MAX_MEASURE

_MAGIC = b"bachlit's chorales, 3\n"
_END = struct.Struct("<QQ")  # number of chorales, offset of the table
_SUM = struct.Struct("<I")  # checksum of all before it
_CHUNK = 2**20
_MAX_RECORD, _MAX_ABOUT, _MAX_SKIPPED = 2**26, 2**20, 2**24  # bytes, unpacked: objects take 30 times as much as JSON


class CachedChorales(Pieces):
    """Chorales of a cache, each read on demand.

    Args:
        content: Contents of the cache, in a file or in memory.

    Attributes:
        skipped: Pieces that couldn't be read when the cache was made, with reasons.

    Raises:
        ValueError: If it isn't a cache, or is damaged.
    """

    def __init__(self, content: bytes | FileBytes) -> None:
        self._content = content
        if content[: len(_MAGIC)] != _MAGIC:
            raise ValueError("no cache of chorales")
        end = len(content) - _SUM.size
        if content[end:] != _SUM.pack(_sum(content, end)):
            raise ValueError("damaged")
        end -= _END.size
        num, table = _END.unpack(content[end : end + _END.size])
        if not len(_MAGIC) <= table <= end or end - table != 8 * (num + 2):
            raise ValueError("damaged")
        self._places = np.frombuffer(content[table:end], "<i8")  # (P + 2,) the last is the table's offset
        if self._places[0] != len(_MAGIC) or self._places[-1] != table or (self._places[1:] < self._places[:-1]).any():
            raise ValueError("damaged")
        self.skipped = _skipped(self._record(num))

    def __len__(self) -> int:
        return len(self._places) - 2

    def at(self, index: int) -> Chorale:
        """Read one chorale from the cache."""
        try:
            return _unpacked(self._record(index))
        except (OSError, ValueError) as error:
            place = self._content.path if isinstance(self._content, FileBytes) else "memory"
            raise CorpusError(
                f"The cache in {place} was changed while in use ({error}); run the command again."
            ) from error

    def _record(self, index: int) -> bytes:
        """Unpack a record.

        Raises:
            ValueError: If it is damaged, or too large.
        """
        start, stop = self._places[index : index + 2].tolist()
        if stop - start > _MAX_RECORD:
            raise ValueError("a record is too large")
        unpacking = zlib.decompressobj()
        try:
            record = unpacking.decompress(self._content[start:stop], _MAX_RECORD)
        except zlib.error as error:
            raise ValueError(error) from error
        if not unpacking.eof or unpacking.unused_data:
            raise ValueError("a record doesn't end where it is to")
        return record


def pack(results: Iterable[tuple[str, Chorale | str]]) -> bytes:
    """Make the contents of a cache from chorales, or reasons for their absence, by name."""
    records = [_MAGIC]
    skipped: dict[str, str] = {}
    for name, result in results:
        if isinstance(result, str):
            skipped[name] = result
        elif (record := _packed(result)) is None:
            skipped[name] = f"{name} has more sixteenths or a longer title than the cache holds."
        else:
            records.append(record)
    longest = _MAX_SKIPPED // (24 * max(1, len(skipped)))  # up to 12 bytes per letter; half is for names
    reasons = {name: reason[:longest] for name, reason in skipped.items()}
    records.append(zlib.compress(json.dumps(reasons).encode()))
    places = np.cumsum([len(record) for record in records], dtype="<i8")
    content = b"".join([*records, places.tobytes(), _END.pack(len(records) - 2, places[-1])])
    return content + _SUM.pack(zlib.crc32(content))


def _unpacked(record: bytes) -> Chorale:
    """Parse a record.

    Raises:
        ValueError: If it isn't a chorale.
    """
    line, _, arrays = record.partition(b"\n")
    match _mapping(line, _MAX_ABOUT):
        case {
            "num_frames": int(num_frames),
            "time_signature": [int(beats), int(beat_type)],
            "pickup": int(pickup),
            "key": [int(fifths), "major" | "minor" as mode],
            "title": str(title),
            "name": str(name),
            **others,
        } if not others and 16 * beats <= MAX_MEASURE * beat_type and -7 <= fifths <= 7:
            shape, size = (num_frames, len(VOICES)), num_frames * len(VOICES)
        case _:
            raise ValueError("a record doesn't describe a chorale that a score could have")
    if num_frames < 1 or len(arrays) != size + -(-(size + num_frames) // 8):
        raise ValueError("a record is too long or too short")
    flags = np.unpackbits(np.frombuffer(arrays, np.uint8, offset=size), count=size + num_frames).astype(np.bool_)
    return Chorale(
        pitches=np.frombuffer(arrays, np.int8, count=size).reshape(shape).astype(np.int16),
        onsets=flags[:size].reshape(shape),
        fermatas=flags[size:],
        time_signature=(beats, beat_type),
        pickup=pickup,
        key=Key(fifths, mode),
        title=title,
        name=name,
    )


def _skipped(record: bytes) -> dict[str, str]:
    """Reasons for skipped pieces, by name."""
    skipped = _mapping(record, _MAX_SKIPPED)
    if not all(isinstance(reason, str) for reason in skipped.values()):
        raise ValueError("what was skipped isn't named")
    return skipped


def _mapping(text: bytes, longest: int) -> dict[str, Any]:
    """Parse a JSON mapping of bounded size."""
    if len(text) > longest:
        raise ValueError("a record says too much")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("a record is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("a record describes nothing")
    return value


def _packed(chorale: Chorale) -> bytes | None:
    """Make the record of a chorale; None if it is too large."""
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
    line = json.dumps(about).encode()
    if len(line) > _MAX_ABOUT or len(line) + len(arrays) >= _MAX_RECORD:
        return None
    return zlib.compress(line + b"\n" + arrays)


def load_chorales(path: Path, names: Iterable[str]) -> CachedChorales | None:
    """Open a cache; None if it is missing or damaged.

    Args:
        path: The file.
        names: Names of all pieces in order, read or skipped.
    """
    try:
        chorales = CachedChorales(FileBytes(path))
        read = [name for name in names if name not in chorales.skipped]
        whole = read == [chorale.name for chorale in chorales]
    except (OSError, ValueError, CorpusError):
        return None
    return chorales if whole else None


def save_chorales(path: Path, content: bytes) -> None:
    """Write a cache, whole or not at all; warn if that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        clear_parts(path)
    except OSError as error:
        warnings.warn(
            f"The chorales can't be cached in {path.parent} ({error.strerror}); they will be read again next time.",
            stacklevel=2,
        )


def _sum(content: bytes | FileBytes, end: int) -> int:
    total = 0
    for start in range(0, end, _CHUNK):
        total = zlib.crc32(content[start : min(start + _CHUNK, end)], total)
    return total
