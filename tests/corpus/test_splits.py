"""The laws of splitting by tune."""

import pytest

from bachlit.corpus import FOLDS
from bachlit.corpus.splits import split_by_tune
from bachlit.corpus.tunes import group_by_tune
from bachlit.music.chorale import Chorale


@pytest.fixture(scope="module")
def groups(bach: list[Chorale]) -> dict[str, int]:
    return dict(zip([piece.name for piece in bach], group_by_tune(bach), strict=True))


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
