"""Beats: where a listener taps, and the notes that a voice sings."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import REST, BoolArray, Chorale
from bachlit.music.measures import TimeSignature

Frames = npt.NDArray[np.int64]


def beat_length(time_signature: TimeSignature) -> int:
    """Sixteenths in a heard beat: a quarter in x/4, a half in x/2, three eighths in compound metres.

    >>> [beat_length(metre) for metre in [(4, 4), (3, 2), (6, 8), (3, 8), (4, 8), (5, 8), (6, 16)]]
    [4, 8, 6, 6, 2, 2, 3]
    """
    numerator, denominator = time_signature
    compound = denominator >= 8 and numerator % 3 == 0
    return 16 // denominator * (3 if compound else 1)


def is_compound(time_signature: TimeSignature) -> bool:
    """Check whether a bar has two or more beats of three eighths (or sixteenths).

    >>> is_compound((6, 8)), is_compound((3, 8)), is_compound((3, 4))
    (True, False, False)
    """
    numerator, denominator = time_signature
    return denominator >= 8 and numerator % 3 == 0 and numerator > 3


def beats(chorale: Chorale) -> Frames:
    """First frame and end of each heard beat, (N, 2); a bar's incomplete beats count.

    >>> upbeat = Chorale.from_pitches([[67, 64, 60, 48]] * 10, pickup=2)
    >>> beats(upbeat).tolist()
    [[0, 2], [2, 6], [6, 10]]
    """
    spans: list[tuple[int, int]] = []
    for measure in chorale.measures:
        length = beat_length(measure.time_signature)
        first = measure.start + -measure.position % length
        starts = [measure.start, *range(first, measure.end, length)]
        edges = sorted({*starts, measure.end})
        spans += pairwise(edges)
    return np.array(spans, np.int64).reshape(-1, 2)


def sung(chorale: Chorale, column: int) -> Frames:
    """Pitch, first frame and end of the notes and rests of a voice, (N, 3).

    >>> sung(Chorale.from_pitches([[67, 60, 0, 0]] * 3 + [[69, 60, 0, 0]]), 0).tolist()
    [[67, 0, 3], [69, 3, 4]]
    """
    starts = np.flatnonzero(chorale.onsets[:, column])
    ends = np.append(starts[1:], chorale.num_frames)
    return np.stack([chorale.pitches[starts, column].astype(np.int64), starts, ends], axis=1)


def attacks(chorale: Chorale) -> BoolArray:
    """Mask (T, 4) of the frames in which notes begin, not rests."""
    begins: BoolArray = chorale.onsets & (chorale.pitches != REST)
    return begins
