"""Measures of a score -> measures of a chorale's grid."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

from bachlit.music.measures import Measure, TimeSignature, frames_per_measure
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
        full, position = frames_per_measure(metre), 0
        following = measures[index + 1] if index + 1 < len(measures) else None
        if index == 0:
            metre, position = _first(measure, span, following)
        elif span.num_frames < full:
            before = bars[-1]
            goes_on = before.position + before.length
            halves = goes_on < before.full and goes_on + span.num_frames <= full
            if halves and not measure.signs.ending:
                position = goes_on
            elif measure.signs.opens and following is not None and following.length >= full:
                position = full - span.num_frames
        bars.append(Measure(measure.number, span.start, span.num_frames, position, metre))
    return tuple(bars)


def _first(first: WrittenMeasure, span: Span, following: WrittenMeasure | None) -> tuple[TimeSignature, int]:
    """Metre of the first measure, and its position in a full one: above 0 if it is a pickup."""
    metre = _metre(first)
    if following is None:
        pickup = first.number == "0" and span.num_frames < frames_per_measure(metre)
        return metre, frames_per_measure(metre) - span.num_frames if pickup else 0
    own, full = frames_per_measure(metre), frames_per_measure(_metre(following))
    if span.num_frames == own < full and (first.number == "0" or 2 * own < full):  # 1/4 before 3/4
        return _metre(following), full - own
    return metre, own - span.num_frames if span.num_frames < own else 0


def _metre(measure: WrittenMeasure) -> TimeSignature:
    """Time signature on the grid; one in thirty-seconds is rounded to sixteenths."""
    beats, unit = measure.metre
    if 16 * beats > MAX_MEASURE * unit:
        raise ValueError(f"it is in {beats}/{unit}, and a measure may be {MAX_MEASURE // 16} semibreves long")
    return (beats, unit) if unit in (1, 2, 4, 8, 16) else (max(1, round(Fraction(16 * beats, unit))), 16)
