"""The decoder's division is the best of all divisions."""

import itertools

import numpy as np
import pytest

from bachlit import Chorale
from bachlit.phrases.decoding import PhraseLengths, best_division
from bachlit.phrases.line import line_of


@pytest.mark.parametrize("seed", range(5))
def test_no_other_division_scores_more(seed: int) -> None:
    generator = np.random.default_rng(seed)
    num_notes = 7
    scores, logits = generator.normal(size=(3, num_notes + 1, num_notes + 1)), generator.normal(size=num_notes)

    def score(inner: tuple[bool, ...]) -> float:
        bounds = [0, *(note + 1 for note, ends in enumerate(inner) if ends), num_notes]
        phrases = sum(scores[:, begin, end] for begin, end in itertools.pairwise(bounds))
        return float((phrases + logits[:-1][list(inner)].sum()).max())

    best = max(itertools.product([False, True], repeat=num_notes - 1), key=score)
    assert best_division(scores, logits).tolist() == [*best, True]


def test_even_odds_are_divided_into_whole_bars() -> None:
    line = line_of(Chorale.from_pitches([[60 + beat % 4, 0, 0, 0] for beat in range(32) for _ in range(4)]))
    ends = PhraseLengths().divide(line, np.zeros(line.num_notes))
    assert np.flatnonzero(ends).tolist() == [7, 15, 23, 31]


def test_sure_ends_are_kept() -> None:
    line = line_of(Chorale.from_pitches([[60 + beat % 4, 0, 0, 0] for beat in range(16) for _ in range(4)]))
    logits = np.full(line.num_notes, -50.0)
    logits[[4, 10]] = 50
    assert np.flatnonzero(PhraseLengths().divide(line, logits)).tolist() == [4, 10, 15]


def test_a_lower_bias_finds_fewer_phrases(bach: list[Chorale]) -> None:
    line = line_of(bach[0])
    logits = np.random.default_rng(0).normal(size=line.num_notes)
    few, many = (PhraseLengths(bias=bias).divide(line, logits).sum() for bias in (-4, 0))
    assert few < many
