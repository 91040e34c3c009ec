"""Measures of a score -> measures of a chorale's grid."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

from bachlit.music.chorale import Measure, TimeSignature
from bachlit.scores.reading.limits import MAX_MEASURE
from bachlit.scores.reading.notes import Span
from bachlit.scores.reading.score import WrittenMeasure


def spans_of(lengths: Sequence[Fraction]) -> list[Span]:
    """Place measures on the grid, each with a whole number of frames.

    >>> [span.start for span in spans_of([Fraction(4, 3), Fraction(12)])]
    [0, 1]
    """
    frames = [max(1, int(length + Fraction(1, 2))) for length in lengths]
    starts = accumulate(frames, initial=0)
    return [Span(start, num, length) for start, num, length in zip(starts, frames, lengths, strict=False)]


def bars_of(measures: Sequence[WrittenMeasure], spans: Sequence[Span]) -> tuple[Measure, ...]:
    """Find the measures of a grid, with the place of each in a full measure.

    An incomplete measure at the beginning is a pickup, also if its own time signature says that it is full, and so is
    one that begins a repeated passage. One that completes the incomplete measure before it is its second half.

    Raises:
        ValueError: If a measure is longer than sixteen semibreves.
    """
    bars: list[Measure] = []
    for index, (measure, span) in enumerate(zip(measures, spans, strict=True)):
        metre = _metre(measure)
        full, position = _full(metre), 0
        following = measures[index + 1] if index + 1 < len(measures) else None
        if index == 0:
            position = _pickup(measure, span, following)
        elif span.num_frames < full:
            before = bars[-1]
            goes_on = before.position + before.length
            halves = goes_on < _full(before.time_signature) and goes_on + span.num_frames <= full
            if halves and not measure.signs.ending:
                position = goes_on
            elif measure.signs.opens and following is not None and following.length >= full:
                position = full - span.num_frames
        bars.append(Measure(measure.number, span.start, span.num_frames, position, metre))
    return tuple(bars)


def _pickup(first: WrittenMeasure, span: Span, following: WrittenMeasure | None) -> int:
    """Position of the first measure in a full one."""
    if following is None and first.number != "0":
        return 0
    own = _full(_metre(first))
    full = max(own, _full(_metre(following)) if following is not None else own)
    written_full = span.num_frames == own < full  # a metre of its own, such as 1/4 before 3/4
    if span.num_frames >= full or (written_full and first.number != "0" and 2 * own >= full):
        return 0
    return full - span.num_frames


def _metre(measure: WrittenMeasure) -> TimeSignature:
    """Time signature on the grid; one in thirty-seconds is rounded to sixteenths."""
    beats, unit = measure.metre
    if 16 * beats > MAX_MEASURE * unit:
        raise ValueError(f"it is in {beats}/{unit}, and a measure may be {MAX_MEASURE // 16} semibreves long")
    return (beats, unit) if unit in (1, 2, 4, 8, 16) else (max(1, round(Fraction(16 * beats, unit))), 16)


def _full(metre: TimeSignature) -> int:
    return 16 * metre[0] // metre[1]
