"""Lengths in sixteenths -> note values, tied if one isn't enough.

Positions are sixteenths from the bar line.
"""

from fractions import Fraction
from functools import cache

from bachlit.music.chorale import TimeSignature

# Length: name and dots. Other lengths are written as several tied values.
VALUES: dict[int, tuple[str, int]] = {
    1: ("16th", 0),
    2: ("eighth", 0),
    3: ("eighth", 1),
    4: ("quarter", 0),
    6: ("quarter", 1),
    8: ("half", 0),
    12: ("half", 1),
    16: ("whole", 0),
    24: ("whole", 1),
    32: ("breve", 0),
}
FINER: dict[int | Fraction, tuple[str, int]] = {
    Fraction(3, 2): ("16th", 1),
    Fraction(3, 4): ("32nd", 1),
    Fraction(1, 2): ("32nd", 0),
    Fraction(3, 8): ("64th", 1),
    Fraction(1, 4): ("64th", 0),
    Fraction(1, 8): ("128th", 0),
}


def value_of(length: int | Fraction) -> tuple[str, int]:
    """Name and dots of a single value, from the breve to the 128th.

    >>> value_of(6), value_of(Fraction(1, 2)), value_of(Fraction(3, 8))
    (('quarter', 1), ('32nd', 0), ('64th', 1))
    """
    return VALUES[int(length)] if length in VALUES else FINER[length]


def beat_length(time_signature: TimeSignature) -> int:
    """Length of a beat: a quarter, or three eighths or sixteenths in compound metres.

    >>> [beat_length(metre) for metre in ((4, 4), (3, 2), (6, 8), (3, 8), (5, 8))]
    [4, 4, 6, 6, 4]
    """
    numerator, denominator = time_signature
    return 48 // denominator if denominator >= 8 and numerator % 3 == 0 else 4


@cache
def split(position: int, length: int, time_signature: TimeSignature, *, rest: bool = False) -> tuple[int, ...]:
    """Split a note or rest within a measure into values.

    Into as few as the metre allows, then where the metre is strongest, then as evenly as possible.

    >>> split(0, 10, (4, 4)), split(4, 12, (4, 4)), split(6, 4, (4, 4)), split(2, 4, (4, 4)), split(0, 8, (6, 8))
    ((8, 2), (12,), (2, 2), (4,), (6, 2))
    >>> split(4, 12, (4, 4), rest=True)
    (4, 8)
    """
    return _cheapest(position, position, position + length, time_signature, rest)[1]


@cache
def _cheapest(
    first: int, position: int, end: int, time_signature: TimeSignature, rest: bool
) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Cost (number of values, weakness of the splits, unevenness) and values of the best split."""
    if position == end:
        return (0, 0, 0), ()
    fits = _rest_fits if rest else _note_fits
    weakness = 0 if position == first else _weakness(position, beat_length(time_signature))
    ways = []
    for value in VALUES:
        if value <= end - position and fits(position, value, time_signature):
            (count, weak, uneven), values = _cheapest(first, position + value, end, time_signature, rest)
            ways.append(((count + 1, weak + weakness, uneven + value * value), (value, *values)))
    return min(ways)


def _weakness(position: int, beat: int) -> int:
    return next(rank for rank, unit in enumerate((2 * beat, beat, 2, 1)) if position % unit == 0)


def _note_fits(position: int, value: int, time_signature: TimeSignature) -> bool:
    """Check whether a note may have this value here, bar lines aside."""
    numerator, denominator = time_signature
    measure, beat = 16 * numerator // denominator, beat_length(time_signature)
    within = position % beat
    if within == 0:
        return beat == 4 or value <= beat or value % beat == 0
    if within + value <= beat:
        return value in ((1, 2, 3) if within % 2 else (1, 2, 4))
    # A quarter off the beat may cross a beat, but not the half measure or the half notes of 3/2.
    hides_half = measure > 8 and measure % 8 == 0 and position % 8 == 6
    return (beat, within, value) == (4, 2, 4) and not hides_half


def _rest_fits(position: int, value: int, time_signature: TimeSignature) -> bool:
    """Check whether a rest may have this value here: at multiples of itself, undotted."""
    numerator, denominator = time_signature
    measure, beat = 16 * numerator // denominator, beat_length(time_signature)
    if value == beat:
        return position % beat == 0
    if value > beat:
        return value in (2 * beat, 4 * beat) and position % value == 0 and measure % value == 0
    within = position % beat
    return value in (1, 2, 4) and within % value == 0 and within + value <= beat
