"""The laws of splitting by tune."""

import dataclasses

import numpy as np
import pytest

from bachlit.chorale import Chorale
from bachlit.corpus import FOLDS
from bachlit.splits import split_by_tune
from bachlit.tunes import group_by_tune


@pytest.fixture(scope="module")
def groups(bach: list[Chorale]) -> dict[str, int]:
    return dict(zip([piece.name for piece in bach], group_by_tune(bach), strict=True))


def test_settings_of_one_tune_are_one_group(groups: dict[str, int]) -> None:
    """Hymn tunes that Bach set often, by their numbers in the catalogue of his works."""
    passion = ("bwv135.6", "bwv153.5", "bwv161.6", "bwv244.15", "bwv244.54", "bwv248.5", "bwv270", "bwv271")
    innsbruck = ("bwv13.6", "bwv44.7", "bwv97.9", "bwv244.10", "bwv244.37", "bwv245.11", "bwv392", "bwv393", "bwv394")
    assert len({groups[name] for name in passion}) == 1
    assert len({groups[name] for name in innsbruck}) == 1
    assert groups[passion[0]] != groups[innsbruck[0]]


def test_another_verse_or_half_of_a_tune_is_of_its_group(groups: dict[str, int]) -> None:
    """Pieces that begin elsewhere in the tune once stood on both sides of the split."""
    assert groups["bwv79.6"] == groups["bwv194.12"] == groups["bwv165.6"]
    assert groups["bwv66.6"] == groups["bwv276"]


def test_transposing_a_piece_does_not_change_its_group(bach: list[Chorale]) -> None:
    pieces = bach[:60]
    moved = [
        piece.transpose(int(move))
        for piece, move in zip(pieces, np.random.default_rng(0).integers(-6, 7, 60), strict=True)
    ]
    assert group_by_tune(pieces) == group_by_tune(moved)


@pytest.mark.parametrize("seed", range(3))
def test_folds_share_no_tune_and_lose_no_piece(seed: int, bach: list[Chorale], groups: dict[str, int]) -> None:
    folds = split_by_tune(bach, seed=seed)
    names = {fold: {piece.name for piece in folds[fold]} for fold in FOLDS}
    assert sum(len(pieces) for pieces in names.values()) == len(bach)
    assert set.union(*names.values()) == {piece.name for piece in bach}
    tunes = [{groups[name] for name in names[fold]} for fold in FOLDS]
    assert not tunes[0] & tunes[1]
    assert not tunes[0] & tunes[2]
    assert not tunes[1] & tunes[2]
    for fold, share in zip(FOLDS, (0.8, 0.1, 0.1), strict=True):
        assert abs(len(folds[fold]) / len(bach) - share) < 0.03


def test_the_seed_decides(bach: list[Chorale]) -> None:
    first, again, other = (split_by_tune(bach, seed=seed) for seed in (0, 0, 1))
    assert first["valid"] == again["valid"]
    assert [piece.name for piece in first["valid"]] != [piece.name for piece in other["valid"]]


def test_the_other_voices_do_not_decide(bach: list[Chorale]) -> None:
    pieces = bach[:60]
    melodies = [dataclasses.replace(piece.only("soprano"), name=piece.name) for piece in pieces]
    assert group_by_tune(pieces) == group_by_tune(melodies)
