"""Measures: where they begin and what is printed over them, regular or not."""

from collections.abc import Iterable
from typing import NamedTuple

from bachlit.errors import ChoraleError

TimeSignature = tuple[int, int]
"""Numerator and denominator."""


class Measure(NamedTuple):
    """Measure of a chorale.

    Attributes:
        number: As printed.
        start: Its first frame.
        length: In frames; less than a full measure in a pickup, a split bar or at an early end.
        position: Where it begins in a full measure; above 0 in a pickup and in the second half of a split bar.
        time_signature: Numerator and denominator.

    >>> second_half = Measure("4", start=56, length=4, position=8, time_signature=(3, 4))
    >>> second_half.full, second_half.end
    (12, 60)
    """

    number: str
    start: int
    length: int
    position: int
    time_signature: TimeSignature

    @property
    def full(self) -> int:
        """Frames in a full measure of its metre."""
        return frames_per_measure(self.time_signature)

    @property
    def end(self) -> int:
        """The frame after its last."""
        return self.start + self.length


def frames_per_measure(time_signature: TimeSignature) -> int:
    """Sixteenths in a full measure.

    >>> frames_per_measure((6, 8))
    12
    """
    numerator, denominator = time_signature
    return 16 * numerator // denominator


def beats_in(time_signature: TimeSignature) -> int:
    """Count the beats of a bar; three eighths are one in 6/8.

    >>> beats_in((4, 4)), beats_in((6, 8)), beats_in((3, 4)), beats_in((3, 8))
    (4, 2, 3, 1)
    """
    numerator, denominator = time_signature
    return numerator // 3 if denominator >= 8 and numerator % 3 == 0 else numerator


def regular_measures(num_frames: int, time_signature: TimeSignature, pickup: int) -> tuple[Measure, ...]:
    """Measures of one metre after a pickup, which is number 0; the last may be incomplete.

    >>> for measure in regular_measures(24, (4, 4), pickup=4):
    ...     print(*measure[:4])
    0 0 4 12
    1 4 16 0
    2 20 4 0
    """
    full = frames_per_measure(time_signature)
    measures = [Measure("0", 0, min(pickup, num_frames), full - pickup, time_signature)] if pickup else []
    for number, start in enumerate(range(pickup, num_frames, full), start=1):
        measures.append(Measure(str(number), start, min(full, num_frames - start), 0, time_signature))
    return tuple(measures)


def check_metre(time_signature: TimeSignature, pickup: int = 0) -> None:
    """Check that a grid of sixteenths has room for a metre, and a full measure for its pickup.

    Raises:
        ChoraleError: If not.
    """
    numerator, denominator = time_signature
    if numerator < 1 or denominator not in (1, 2, 4, 8, 16):
        raise ChoraleError(
            f"The time signature {numerator}/{denominator} doesn't fit a grid of sixteenths; "
            "expected a denominator of 1, 2, 4, 8 or 16."
        )
    if not 0 <= pickup < frames_per_measure(time_signature):
        raise ChoraleError(
            f"A pickup of {pickup} sixteenths doesn't fit {numerator}/{denominator}; expected less than a measure."
        )


def checked_measures(measures: Iterable[Measure], num_frames: int) -> tuple[Measure, ...]:
    """Check that measures fill a piece, one after another.

    Raises:
        ChoraleError: If they leave a gap, overlap, or end elsewhere; if one is empty, or its metre or place in a full
            measure isn't possible.
    """
    checked = tuple(
        Measure(str(number), start, length, position, (metre[0], metre[1]))
        for number, start, length, position, metre in measures
    )
    expected = 0
    for measure in checked:
        check_metre(measure.time_signature)
        if measure.start != expected or measure.length < 1 or not 0 <= measure.position < measure.full:
            raise ChoraleError(
                f"Measure {measure.number} begins at frame {measure.start}, is {measure.length} long and begins at "
                f"{measure.position} of {measure.full} sixteenths; expected it to begin at frame {expected}, with at "
                "least one frame, within a full measure."
            )
        expected = measure.end
    if expected != num_frames:
        raise ChoraleError(
            f"The measures fill {expected} frames, but the piece has {num_frames}; shorten it with cut, or give it "
            "other bars."
        )
    return checked


def checked_order(order: tuple[int, ...], num_measures: int) -> tuple[int, ...]:
    """Check an order of playing; empty if it is the written one.

    Raises:
        ChoraleError: If there is no such measure.
    """
    outside = [index for index in order if not 0 <= index < num_measures]
    if outside:
        raise ChoraleError(f"There is no measure {outside[0]} to play; expected indices 0 to {num_measures - 1}.")
    return () if tuple(order) == tuple(range(num_measures)) else tuple(order)


def whole_bars(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """Join the halves of split bars; each bar has the number of its first half.

    >>> halves = Measure("3", 0, 8, 0, (3, 4)), Measure("X1", 8, 4, 8, (3, 4)), Measure("4", 12, 12, 0, (3, 4))
    >>> for bar in whole_bars(halves):
    ...     print(*bar[:4])
    3 0 12 0
    4 12 12 0
    """
    bars: list[Measure] = []
    for measure in measures:
        if bars and measure.position and measure.position == bars[-1].position + bars[-1].length:
            bars[-1] = bars[-1]._replace(length=bars[-1].length + measure.length)
        else:
            bars.append(measure)
    return tuple(bars)


def cut_measures(measures: Iterable[Measure], first: int, last: int) -> tuple[Measure, ...]:
    """Measures of the frames from the first to before the last; they keep their numbers.

    >>> for measure in cut_measures(regular_measures(48, (4, 4), pickup=0), 20, 36):
    ...     print(*measure[:4])
    2 0 12 4
    3 12 4 0
    """
    return tuple(
        measure._replace(
            start=max(measure.start, first) - first,
            length=min(measure.end, last) - max(measure.start, first),
            position=(measure.position + max(0, first - measure.start)) % measure.full,
        )
        for measure in measures
        if measure.start < last and measure.end > first
    )


class Place(NamedTuple):
    """Place in a piece, as musicians name it.

    Attributes:
        bar: Its printed number; a pickup is 0.
        beat: From 1; 2.5 is the second half of beat 2.
    """

    bar: str
    beat: float

    def __str__(self) -> str:
        return f"{self.bar}.{self.beat:g}"


def place_of(measures: Iterable[Measure], frame: int) -> Place:
    """Name the bar and beat of a frame.

    >>> upbeat = regular_measures(24, (4, 4), pickup=4)
    >>> [str(place_of(upbeat, frame)) for frame in (2, 10)], str(place_of(regular_measures(24, (6, 8), 0), 18))
    (['0.4.5', '1.2.5'], '2.2')
    """
    bars = whole_bars(measures)
    bar = next(one for one in bars if frame < one.end)
    number = "0" if bar is bars[0] and bar.position else bar.number
    beat = bar.full / beats_in(bar.time_signature)
    return Place(number, round((frame - bar.start + bar.position) / beat + 1, 3))
