"""Variants of tunes are tunes whose phrases are those that were."""

import numpy as np
import pytest

from bachlit import Chorale
from bachlit.phrases.augmenting import (
    Variant,
    in_other_bars,
    in_three,
    notes_divided,
    phrases_repeated,
    rests_after_phrases,
    varied,
    without_pickups,
)
from bachlit.phrases.line import line_of

VARIANTS = [phrases_repeated, without_pickups, rests_after_phrases, notes_divided, in_other_bars, in_three, varied]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_a_tune(variant: Variant, bach: list[Chorale]) -> None:
    for seed, piece in enumerate(bach[:40]):
        line = variant(line_of(piece), np.random.default_rng(seed))
        assert (line.gaps > 0).all()
        assert (line.lengths > 0).all()
        assert (line.lengths <= line.gaps + 1e-9).all()
        assert len(line.pitches) == len(line.frames) == len(line.ends) == len(line.places) - 1


@pytest.mark.parametrize("variant", [without_pickups, rests_after_phrases, notes_divided, in_other_bars, in_three])
def test_as_many_phrases_end(variant: Variant, bach: list[Chorale]) -> None:
    for seed, piece in enumerate(bach[:40]):
        line = line_of(piece)
        assert variant(line, np.random.default_rng(seed)).ends.sum() == line.ends.sum()


def test_phrases_without_pickups_begin_on_downbeats() -> None:
    notes = [67, 60, 62, 64, 67, 60, 62, 64]
    ends = np.zeros(32, np.bool_)
    ends[12:16] = ends[28:] = True
    piece = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in notes for _ in range(4)], pickup=4)
    line = without_pickups(line_of(_with_fermatas(piece, ends)), np.random.default_rng(0))
    assert line.pitches.tolist() == [60, 62, 64, 60, 62, 64]
    assert line.places[[0, 3]].tolist() == [0, 1]


def test_in_three_a_bar_of_four_has_long_strong_beats() -> None:
    line = line_of(Chorale.from_pitches([[60 + beat % 2, 0, 0, 0] for beat in range(8) for _ in range(4)]))
    gaps = {tuple(np.round(in_three(line, np.random.default_rng(seed)).gaps[:2], 3)) for seed in range(9)}
    assert gaps == {(0.667, 0.333), (0.5, 0.5)}


def _with_fermatas(piece: Chorale, fermatas: np.ndarray) -> Chorale:
    return Chorale(pitches=piece.pitches, onsets=piece.onsets, fermatas=fermatas, pickup=piece.pickup)
