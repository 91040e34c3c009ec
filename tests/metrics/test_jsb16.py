"""Bach's own values on JSB-16th, to the digits in which they were published; its folder is told by BACHLIT_JSB16."""

import os
from pathlib import Path

import pytest

from bachlit.corpus import Fold, Jsb16Corpus
from bachlit.metrics import rule_counts, texture, total

FOLDER = os.environ.get("BACHLIT_JSB16")
COUNTS = ("parallel_fifths", "parallel_octaves", "hidden_fifths", "hidden_octaves", "similar_fifths", "similar_octaves")
# A piece, in the order of COUNTS; then crossings and wide spacings in 1,000 frames. The folds that were at hand.
BACH: dict[Fold, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "train": ((0.323, 0.201, 0.314, 0.114, 0.140, 0.127), (23.7, 4.7, 8.5)),
    "valid": ((0.329, 0.132, 0.276, 0.145, 0.158, 0.079), (29.5, 3.5, 7.7)),
}


@pytest.mark.skipif(FOLDER is None, reason="BACHLIT_JSB16 names no folder")
@pytest.mark.parametrize("fold", BACH)
def test_bach_breaks_the_rules_as_often_as_was_published(fold: Fold) -> None:
    pieces = Jsb16Corpus(Path(FOLDER or "")).folds()[fold]
    sums = total([rule_counts(piece) for piece in pieces])
    a_piece = tuple(round(getattr(sums, name) / len(pieces), 3) for name in COUNTS)
    wide = (sums.crossings, sums.wide_soprano_alto, sums.wide_alto_tenor)
    in_1000 = tuple(round(1000 * count / sums.frames, 1) for count in wide)
    assert (a_piece, in_1000) == BACH[fold]
    assert 0.35 < texture(*pieces).changing < 0.38
