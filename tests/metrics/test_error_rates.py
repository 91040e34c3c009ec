"""Error rates on cases that can be counted on one's fingers, and their laws."""

import dataclasses

import numpy as np
import pytest
from chorales import random_chorale

from bachlit.errors import ComparisonError
from bachlit.metrics import ErrorRates, error_rates, total
from bachlit.music.chorale import Chorale

BACH = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 60, 53]] * 4)
ALL = np.ones((8, 4), np.bool_)


def changed(**fields: object) -> Chorale:
    return dataclasses.replace(BACH, **fields)  # type: ignore[arg-type]


def test_bach_himself_makes_no_error() -> None:
    rates = error_rates(BACH, BACH, ALL)
    assert rates == ErrorRates(cells=32, frames=8, moving_cells=7)
    assert (rates.ter, rates.fer) == (0, 0)


def test_a_repeated_note_where_bach_holds_is_a_wrong_cell_with_the_right_pitch() -> None:
    onsets = BACH.onsets.copy()
    onsets[[1, 4], 2] = True  # in frame 4, Bach's other voices move
    assert error_rates(changed(onsets=onsets), BACH, ALL) == ErrorRates(
        cells=32, wrong_cells=2, frames=8, wrong_frames=2, moving_cells=7
    )


def test_a_held_note_where_bach_repeats_is_a_wrong_moving_cell_with_the_right_pitch() -> None:
    onsets = BACH.onsets.copy()
    onsets[[1, 4], 2] = True
    rates = error_rates(BACH, changed(onsets=onsets), ALL)
    assert (rates.wrong_cells, rates.wrong_pitches) == (2, 0)
    assert (rates.moving_cells, rates.wrong_moving_cells) == (9, 2)


def test_a_wrong_chord_is_one_wrong_frame_and_a_wrong_cell_a_voice() -> None:
    pitches = BACH.pitches.copy()
    pitches[4:, [1, 3]] = 62, 50
    rates = error_rates(changed(pitches=pitches), BACH, ALL)
    assert (rates.ter, rates.fer, rates.wrong_pitches) == (8 / 32, 4 / 8, 8)
    assert rates.wrong_moving_cells == 2


def test_given_cells_count_for_nothing() -> None:
    free = ~ALL
    free[6:, 3] = True
    pitches = BACH.pitches + 1  # all cells are wrong
    assert error_rates(changed(pitches=pitches), BACH, free) == ErrorRates(
        cells=2, wrong_cells=2, wrong_pitches=2, frames=2, wrong_frames=2
    )
    assert error_rates(changed(pitches=pitches), BACH, ~ALL) == ErrorRates()
    assert ErrorRates().ter == ErrorRates().fer == 0


def test_a_rest_that_begins_is_no_movement() -> None:
    resting = BACH.only("soprano", "alto", "tenor")
    assert error_rates(BACH, resting, ALL).moving_cells == 5
    assert error_rates(BACH, resting, ALL).wrong_pitches == 8


@pytest.mark.parametrize("seed", range(5))
def test_voices_cells_add_up_and_frames_do_not(seed: int) -> None:
    original, written = random_chorale(seed, num_frames=100), random_chorale(seed + 50, num_frames=100)
    masks = [np.eye(4, dtype=np.bool_)[[voice] * 100] for voice in range(4)]
    one_by_one = total([error_rates(written, original, mask) for mask in masks])
    together = error_rates(written, original, np.ones((100, 4), np.bool_))
    cells = [name for name in ErrorRates._fields if "frames" not in name]
    assert [getattr(one_by_one, name) for name in cells] == [getattr(together, name) for name in cells]
    assert together.frames == 100 < one_by_one.frames == one_by_one.cells
    for rates in (together, *(error_rates(written, original, mask) for mask in masks)):
        assert rates.wrong_pitches <= rates.wrong_cells <= rates.cells
        assert rates.wrong_moving_cells <= rates.moving_cells
        assert rates.wrong_frames <= rates.frames
        assert all(type(count) is int for count in rates)  # NumPy's numbers can't be written as JSON
    one_voice = error_rates(written, original, masks[0])
    assert one_voice.ter == one_voice.fer


def test_pieces_of_other_lengths_are_refused() -> None:
    short = Chorale.from_pitches(BACH.pitches[:6])
    with pytest.raises(ComparisonError, match="has 8 frames, the composed piece 6"):
        error_rates(short, BACH, ALL)
    with pytest.raises(ComparisonError, match=r"the mask the shape \(8,\); expected .* \(T, 4\)"):
        error_rates(BACH, BACH, ALL[:, 0])
