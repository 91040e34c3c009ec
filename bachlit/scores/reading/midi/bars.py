"""Bars and beats of MIDI: where its time signatures put them. Times are units, 48 a quarter."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from bachlit.music.chorale import TimeSignature
from bachlit.scores.reading.limits import MAX_MEASURE
from bachlit.scores.reading.score import COMMON_TIME
from bachlit.scores.writing.durations import beat_length
from bachlit.scores.writing.tuplets import UNITS, UNITS_PER_FRAME


class Bar(NamedTuple):
    """Bar: its beginning, its length (shorter if another metre begins within it), and its time signature."""

    start: int
    length: int
    metre: TimeSignature


class Beat(NamedTuple):
    """Beat, or the rest of a bar that is less than a beat."""

    start: int
    length: int


def bars_of(metres: Sequence[tuple[float, TimeSignature]], end: float) -> list[Bar]:
    """Draw bar lines by the time signatures, 4/4 before the first one, up to the end of the music.

    A time signature takes effect at the nearest sixteenth; one that changes nothing doesn't interrupt a bar.

    Raises:
        ValueError: If a metre doesn't fit sixteenths.

    >>> bars_of([(0, (1, 4)), (48, (3, 4))], 100)
    [Bar(start=0, length=48, metre=(1, 4)), Bar(start=48, length=144, metre=(3, 4))]
    """
    changes = [(round(time / UNITS_PER_FRAME) * UNITS_PER_FRAME, metre) for time, metre in metres]
    changes = [after for before, after in pairwise([(0, COMMON_TIME), *changes]) if after[1] != before[1]]
    changes.append((round(end) + 1, COMMON_TIME))
    bars: list[Bar] = []
    now, metre, place = 0, COMMON_TIME, 0
    while now < end or not bars:
        while changes[place][0] <= now and place + 1 < len(changes):
            metre = changes[place][1]
            place += 1
        length = min(_full(metre), changes[place][0] - now) if changes[place][0] <= end else _full(metre)
        bars.append(Bar(now, length, metre))
        now += length
    return bars


def _full(metre: TimeSignature) -> int:
    numerator, denominator = metre
    if denominator > 16 or 16 * numerator > MAX_MEASURE * denominator:
        raise ValueError(
            f"it is in {numerator}/{denominator}; expected a denominator up to 16 and at most {MAX_MEASURE // 16} "
            "semibreves per measure"
        )
    return 4 * UNITS * numerator // denominator


def beats_of(bars: Sequence[Bar]) -> list[Beat]:
    """List the beats of bars.

    >>> beats_of([Bar(0, 120, (5, 8))])
    [Beat(start=0, length=48), Beat(start=48, length=48), Beat(start=96, length=24)]
    """
    beats = []
    for bar in bars:
        beat = beat_length(bar.metre) * UNITS_PER_FRAME
        end = bar.start + bar.length
        beats += [Beat(start, min(beat, end - start)) for start in range(bar.start, end, beat)]
    return beats
