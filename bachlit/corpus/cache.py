"""Cache of parsed chorales: one file per corpus, no pickles, pieces read on demand.

The file has a first line, the number of its records, a table of their ends and checksums, and the records: one per
chorale, and one of the pieces that were skipped. A chorale is nine numbers, a byte per pitch, a bit per onset and
fermata, more numbers for irregular measures, changes of key and an order of playing, its name, the numbers printed over
these measures, and its title.

Checksums detect damage, not a malicious writer, so a cache is used only if each record is a chorale that a score could
have. NumPy's own formats would need a memory map to read single pieces, and a mapped file that is cut short ends the
process by a signal.
"""

import warnings
import zlib
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

import numpy as np

from bachlit.corpus.pieces import Pieces
from bachlit.errors import CorpusError
from bachlit.files.writing import FileBytes, clear_parts, write_whole
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.keys import MODES, Key
from bachlit.music.measures import Measure, TimeSignature
from bachlit.scores.reading.limits import MAX_MEASURE

_MAGIC = b"bachlit's chorales, 5\n"
_COUNT = 8  # bytes of the number of records
_BETWEEN = "\0"  # texts
_NUMBERS, _BAR, _KEY = 9, 4, 3  # numbers at the beginning, per measure, per change of key


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
        begin = len(_MAGIC) + _COUNT
        num = int.from_bytes(content[len(_MAGIC) : begin], "little")
        if content[: len(_MAGIC)] != _MAGIC or not 0 < 16 * num <= len(content) - begin:
            raise ValueError("no cache of chorales")
        ends, self._sums = np.frombuffer(content[begin : begin + 16 * num], "<i8").reshape(num, 2).T
        self._places = np.array([begin + 16 * num, *ends])  # (P + 2,)
        if self._places[-1] != len(content) or (self._places[1:] < self._places[:-1]).any():
            raise ValueError("damaged")
        texts = self._record(num - 1).decode(errors="surrogatepass").split(_BETWEEN)
        self.skipped = dict(zip(texts[:-1:2], texts[1::2], strict=True))

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
        """Read a record.

        Raises:
            ValueError: If it is damaged.
        """
        start, stop = self._places[index : index + 2].tolist()
        record = self._content[start:stop]
        if zlib.crc32(record) != self._sums[index]:
            raise ValueError("damaged")
        return record


def pack(results: Iterable[tuple[str, Chorale | str]]) -> bytes:
    """Make the contents of a cache from chorales, or reasons for their absence, by name."""
    records: list[bytes] = []
    skipped = ""
    for name, result in results:
        if isinstance(result, str):
            skipped += name + _BETWEEN + result.replace(_BETWEEN, " ") + _BETWEEN
        else:
            records.append(_packed(result))
    records.append(skipped.encode(errors="surrogatepass"))
    begin = len(_MAGIC) + _COUNT + 16 * len(records)
    ends = begin + np.cumsum([len(record) for record in records])
    table = np.column_stack([ends, [zlib.crc32(record) for record in records]]).astype("<i8")
    return b"".join([_MAGIC, len(records).to_bytes(_COUNT, "little"), table.tobytes(), *records])


def _packed(chorale: Chorale) -> bytes:
    """Make the record of a chorale, without its source."""
    counts = len(chorale.bars), len(chorale.keys), len(chorale.order)
    numbers = [chorale.num_frames, *chorale.time_signature, chorale.pickup, *_key_numbers(chorale.key), *counts]
    more = [number for bar in chorale.bars for number in (bar.length, bar.position, *bar.time_signature)]
    more += [number for frame, key in chorale.keys for number in (frame, *_key_numbers(key))]
    flags = np.packbits(np.concatenate([chorale.onsets.ravel(), chorale.fermatas]))
    printed = [bar.number.replace(_BETWEEN, " ") for bar in chorale.bars]
    texts = _BETWEEN.join([chorale.name, *printed, chorale.title]).encode(errors="surrogatepass")
    return b"".join(
        [
            np.array(numbers, "<i4").tobytes(),
            chorale.pitches.astype(np.int8).tobytes(),
            flags.tobytes(),
            np.array([*more, *chorale.order], "<i4").tobytes(),
            texts,
        ]
    )


def _key_numbers(key: Key) -> tuple[int, int]:
    return key.fifths, MODES.index(key.mode)


def _unpacked(record: bytes) -> Chorale:
    """Parse a record.

    Raises:
        ValueError: If it isn't a chorale that a score could have.
    """
    numbers = np.frombuffer(record, "<i4", count=_NUMBERS).tolist()
    num_frames, beats, beat_type, pickup, fifths, mode, *counts = numbers
    num_cells = num_frames * len(VOICES)
    flags_from = 4 * _NUMBERS + num_cells
    more_from = flags_from + -(-(num_cells + num_frames) // 8)
    sizes = [size * count for size, count in zip((_BAR, _KEY, 1), counts, strict=True)]
    texts_from = more_from + 4 * sum(sizes)
    if num_frames < 1 or min(counts) < 0 or texts_from > len(record):
        raise ValueError("a record doesn't describe a chorale that a score could have")
    bits = np.frombuffer(record[flags_from:more_from], np.uint8)
    flags = np.unpackbits(bits, count=num_cells + num_frames).astype(np.bool_)
    more = np.frombuffer(record[more_from:texts_from], "<i4")
    bars, keys, order = np.split(more, np.cumsum(sizes)[:-1])
    name, *printed, title = record[texts_from:].decode(errors="surrogatepass").split(_BETWEEN, 1 + counts[0])
    pitches = np.frombuffer(record, np.int8, count=num_cells, offset=4 * _NUMBERS)
    return Chorale(
        pitches=pitches.reshape(-1, len(VOICES)).astype(np.int16),
        onsets=flags[:num_cells].reshape(-1, len(VOICES)),
        fermatas=flags[num_cells:],
        time_signature=_metre(beats, beat_type),
        pickup=pickup,
        key=_key(fifths, mode),
        title=title,
        name=name,
        bars=_bars(bars.reshape(-1, _BAR).tolist(), printed),
        keys=tuple((frame, _key(fifths, mode)) for frame, fifths, mode in keys.reshape(-1, _KEY).tolist()),
        order=tuple(order.tolist()),
    )


def _metre(beats: int, beat_type: int) -> TimeSignature:
    """Check a metre by the limits of scores."""
    if 16 * beats > MAX_MEASURE * beat_type:
        raise ValueError(f"a record has the metre {beats}/{beat_type}, which no score could have")
    return beats, beat_type


def _key(fifths: int, mode: int) -> Key:
    """Check a key by the limits of scores."""
    if not -7 <= fifths <= 7 or not 0 <= mode < len(MODES):
        raise ValueError(f"a record has {fifths} sharps and mode {mode}, which no score could have")
    return Key(fifths, MODES[mode])


def _bars(numbers: list[list[int]], printed: list[str]) -> tuple[Measure, ...]:
    """Measures from length, position and metre of each."""
    starts = accumulate((length for length, *_ in numbers), initial=0)
    return tuple(
        Measure(text, start, length, position, _metre(beats, beat_type))
        for start, text, (length, position, beats, beat_type) in zip(starts, printed, numbers, strict=False)
    )


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
