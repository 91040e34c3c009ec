"""Returning bars on cases that can be counted on one's fingers, and on Bach."""

from dataclasses import replace

import numpy as np

from bachlit.metrics import return_counts, total
from bachlit.music.chorale import Chorale


def bars(*chords: list[int]) -> Chorale:
    """A chord in 16 sixteenths, begun anew."""
    chorale = Chorale.from_pitches([chord for chord in chords for _ in range(16)])
    onsets = np.repeat(np.arange(chorale.num_frames) % 16 == 0, 4).reshape(-1, 4)
    return replace(chorale, onsets=onsets)


ONE, OTHER, FIVE = [72, 67, 64, 48], [72, 64, 60, 57], [71, 67, 62, 43]


def test_copies_are_told_from_variants() -> None:
    assert return_counts(bars(ONE, FIVE, ONE)) == (1, 1)
    assert return_counts(bars(ONE, FIVE, OTHER)) == (1, 0)
    assert return_counts(bars(ONE, OTHER, ONE, OTHER)) == (3, 2)  # of any bar before
    assert return_counts(bars(ONE, FIVE)) == (0, 0)


def test_silent_and_incomplete_bars_do_not_return() -> None:
    assert return_counts(bars([0] * 4, [0] * 4)) == (0, 0)
    split = Chorale.from_pitches([ONE] * 4 + [FIVE] * 16 + [ONE] * 4, pickup=4)
    assert [bar.length for bar in split.measures] == [4, 16, 4]
    assert return_counts(split) == (0, 0)


def test_other_rhythms_are_other_bars() -> None:
    chorale = bars(ONE, ONE)
    for column, counted in ((0, (0, 0)), (2, (1, 0))):
        onsets = chorale.onsets.copy()
        onsets[24, column] = True
        assert return_counts(replace(chorale, onsets=onsets)) == counted


def test_bach_varies_three_bars_in_four_that_return(bach: list[Chorale]) -> None:
    assert total([return_counts(chorale) for chorale in bach]) == (794, 202)
