"""Breaches: where a rule is broken, and by which voices."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bachlit.music.chorale import BoolArray


class Breach(NamedTuple):
    """Place at which a rule is broken.

    Attributes:
        frame: Where it is heard; of a motion, the frame of the second chord.
        voices: Columns of the voices concerned, the highest first; empty if it concerns the whole chord.
        before: Of a motion, the frame of the first chord.
    """

    frame: int
    voices: tuple[int, ...] = ()
    before: int | None = None


def breaches_in(
    mask: BoolArray, frames: Sequence[int], voices: Sequence[tuple[int, ...]], before: Sequence[int] | None = None
) -> list[Breach]:
    """List the places that a mask (N, M) marks, by frame.

    Args:
        mask: True where a rule is broken.
        frames: The frame of each row (N).
        voices: The voices of each column (M).
        before: Of motions, the first frame of each row (N).

    >>> breaches_in(np.array([[True, False], [False, True]]), [4, 8], [(0, 1), (1, 2)])
    [Breach(frame=4, voices=(0, 1), before=None), Breach(frame=8, voices=(1, 2), before=None)]
    """
    return [
        Breach(int(frames[row]), voices[column], None if before is None else int(before[row]))
        for row, column in np.argwhere(mask).tolist()
    ]
