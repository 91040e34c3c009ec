"""Spans of any fineness -> note values: 64ths, triplets, and sixteenths as `durations.split` has them.

Times are units, 48 a quarter: that holds 64ths (3) and triplets of 32nds (4).
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from bachlit.music.chorale import FRAMES_PER_QUARTER, TimeSignature
from bachlit.scores.writing.durations import beat_length, split
from bachlit.scores.writing.notation import Tuplet

UNITS = 48
"""Units of a quarter."""

UNITS_PER_FRAME = UNITS // FRAMES_PER_QUARTER

_BINARY = 3  # a 64th: what isn't a multiple of it belongs to a tuplet
_SPANS = (192, 96, 48, 24, 12, 6, 3)
_FINE_METRES: dict[int, TimeSignature] = {6: (3, 8), 8: (2, 4), 12: (3, 4), 16: (4, 4), 24: (3, 2), 48: (3, 1)}


class Group(NamedTuple):
    """Span of a measure that a triplet bracket holds, in units from the bar line."""

    start: int
    length: int


class Piece(NamedTuple):
    """One note value: its length in units, and its place in a tuplet."""

    length: int
    tuplet: Tuplet | None = None


def triplets(edges: Iterable[int], time_signature: TimeSignature) -> tuple[Group, ...]:
    """Find the triplets of one voice in a measure.

    A triplet is the largest part of a beat whose middle is no edge and that holds an edge off the binary grid; larger
    than a beat if it holds thirds alone.

    Args:
        edges: Where its notes begin or end, in units from the bar line.
        time_signature: Of the measure.

    >>> triplets([0, 16, 32, 48, 72, 80, 88, 96], (4, 4))
    (Group(start=0, length=48), Group(start=72, length=24))
    >>> triplets([0, 32, 64, 96], (4, 4))
    (Group(start=0, length=96),)
    """
    inside = sorted(set(edges))
    beat = beat_length(time_signature) * UNITS_PER_FRAME
    measure = 16 * time_signature[0] // time_signature[1] * UNITS_PER_FRAME
    found: list[Group] = []
    for edge in inside:
        if edge % _BINARY and (not found or edge >= sum(found[-1])):
            spans = [span for span in _SPANS if beat % span == 0 or (beat == UNITS and span > beat)]
            groups = [Group(edge - edge % span, span) for span in spans]
            found.append(next(group for group in groups if _holds(group, inside, measure) or group == groups[-1]))
    return tuple(found)


def _holds(group: Group, edges: Sequence[int], measure: int) -> bool:
    inner = [edge - group.start for edge in edges if group.start < edge < group.start + group.length]
    if group.start + group.length > measure or group.length // 2 in inner:
        return False
    return group.length <= UNITS or all(edge % (group.length // 3) == 0 for edge in inner)


@cache
def divide(
    position: int, length: int, time_signature: TimeSignature, groups: tuple[Group, ...] = (), *, rest: bool = False
) -> tuple[Piece, ...]:
    """Divide a note or rest within a measure into values.

    Args:
        position: Units from the bar line.
        length: Its length in units.
        time_signature: Of the measure.
        groups: The triplets of its voice.
        rest: Whether it is a rest.

    >>> [piece.length for piece in divide(0, 120, (4, 4))], [piece.length for piece in divide(0, 18, (4, 4))]
    ([96, 24], [18])
    >>> divide(32, 64, (4, 4), (Group(0, 48),))
    (Piece(length=16, tuplet=Tuplet(actual=3, normal=2, begins=False, ends=True)), Piece(length=48, tuplet=None))
    """
    pieces: list[Piece] = []
    begin, end = position, position + length
    while begin < end:
        group = next((group for group in groups if group.start <= begin < group.start + group.length), None)
        if group is None:
            stop = min([end, *(group.start for group in groups if group.start > begin)])
            pieces += map(Piece, _plain(begin, stop, time_signature, rest))
        else:
            stop = min(end, group.start + group.length)
            pieces += _in_triplet(begin, stop, group, rest)
        begin = stop
    return tuple(pieces)


def _plain(begin: int, end: int, time_signature: TimeSignature, rest: bool) -> list[int]:
    """Values outside triplets: whole sixteenths as ever, finer ones within their beat."""
    beat = beat_length(time_signature) * UNITS_PER_FRAME
    if begin % UNITS_PER_FRAME == end % UNITS_PER_FRAME == 0:
        whole = split(begin // UNITS_PER_FRAME, (end - begin) // UNITS_PER_FRAME, time_signature, rest=rest)
        return [value * UNITS_PER_FRAME for value in whole]
    start = begin // beat * beat
    if end <= start + beat:
        return _fine(begin - start, end - start, beat, rest)
    middle = start + beat if begin % UNITS_PER_FRAME else begin
    last = end // beat * beat if end % UNITS_PER_FRAME else end
    values = _fine(begin - start, beat, beat, rest) if begin < middle else []
    values += _plain(middle, last, time_signature, rest) if middle < last else []
    return values + (_fine(0, end - last, beat, rest) if last < end else [])


def _fine(begin: int, end: int, beat: int, rest: bool) -> list[int]:
    """Values within a beat: split as if they were two or four times as long."""
    sixteenth = 6 if begin % 6 == end % 6 == 0 else _BINARY
    values = split(begin // sixteenth, (end - begin) // sixteenth, _FINE_METRES[beat // sixteenth], rest=rest)
    return [value * sixteenth for value in values]


def _in_triplet(begin: int, end: int, group: Group, rest: bool) -> list[Piece]:
    """Values within a triplet: split as in 3/4, a third as a quarter; in 3/2 or 3/1 if they are finer."""
    begin, end = begin - group.start, end - group.start
    sixteenths = next(
        count for count in (12, 24, 48) if begin * count % group.length == end * count % group.length == 0
    )
    scale = Fraction(group.length, sixteenths)
    values = split(int(begin / scale), int((end - begin) / scale), _FINE_METRES[sixteenths], rest=rest)
    lengths = [int(value * scale) for value in values]
    places = [begin + sum(lengths[:index]) for index in range(len(lengths))]
    return [
        Piece(length, Tuplet(begins=place == 0, ends=place + length == group.length))
        for place, length in zip(places, lengths, strict=True)
    ]
