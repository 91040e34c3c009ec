"""The order of playing: which frame is heard after which, and where a piece ends."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import Chorale

Frames = npt.NDArray[np.int64]


def played_frames(chorale: Chorale) -> Frames:
    """Frames in order of playing, (P,).

    >>> chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 3)
    >>> played_frames(chorale).tolist()
    [0, 1, 2]
    """
    measures = chorale.measures
    return np.concatenate([np.arange(measures[index].start, measures[index].end) for index in _played(chorale)])


def transitions(chorale: Chorale) -> Frames:
    """Pairs of frames that are heard one after the other, (N, 2), each pair once.

    Measures that are never played are heard as written.
    """
    if not chorale.order:
        return np.arange(chorale.num_frames - 1)[:, None] + np.arange(2)
    broken = set(interruptions(chorale))
    written = [(frame - 1, frame) for frame in range(1, chorale.num_frames) if frame not in broken]
    return np.array([*written, *jumps(chorale)], np.int64).reshape(-1, 2)


def jumps(chorale: Chorale) -> list[tuple[int, int]]:
    """Pairs of frames heard one after the other that aren't written so, in order of playing, each once.

    >>> from dataclasses import replace
    >>> jumps(replace(Chorale.from_pitches([[67, 64, 60, 48]] * 32), order=(0, 0, 1)))
    [(15, 0)]
    """
    measures = chorale.measures
    return [
        (measures[one].end - 1, measures[other].start)
        for one, other in dict.fromkeys(pairwise(chorale.order))
        if other != one + 1
    ]


def interruptions(chorale: Chorale) -> list[int]:
    """Frames that are never heard after the frame written before them, such as a second ending's first."""
    heard, played = set(pairwise(chorale.order)), set(chorale.order)
    return [
        measure.start
        for index, measure in enumerate(chorale.measures)
        if index and {index - 1, index} <= played and (index - 1, index) not in heard
    ]


def last_played(chorale: Chorale) -> tuple[int, int]:
    """First frame and end of the passage that is played last, as far as it is written without a break."""
    measures, played = chorale.measures, _played(chorale)
    first = last = played[-1]
    for index in reversed(played[:-1]):
        if index != first - 1:
            break
        first = index
    return measures[first].start, measures[last].end


def _played(chorale: Chorale) -> tuple[int, ...]:
    """Indices of the measures in order of playing."""
    return chorale.order or tuple(range(len(chorale.measures)))
