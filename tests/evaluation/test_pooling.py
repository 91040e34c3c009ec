"""Pooling over pieces, and what another choice of pieces would give."""

import math
from collections import Counter
from collections.abc import Hashable

import numpy as np
import pytest

from bachlit.evaluation import COLUMNS, Judge, pool
from bachlit.evaluation.figures import Histograms
from bachlit.metrics import texture
from bachlit.music.chorale import Chorale

DISTRIBUTIONS = [name for name, column in COLUMNS.items() if column.pool == "elsewhere"]
histograms = Judge([]).histograms


def test_pooled_figures_are_ratios_of_sums_not_means_of_ratios(bach: list[Chorale]) -> None:
    judge = Judge([])
    estimates = pool([judge(piece) for piece in bach[:10]])
    assert estimates["changing"].value == pytest.approx(texture(*bach[:10]).changing)
    assert pool([{"fer": (0, 1)}, {"fer": (9, 9)}])["fer"].value == 0.9


def test_intervals_hold_the_value_and_cover_the_truth_nineteen_times_in_twenty() -> None:
    """Pieces of equal length with a known error rate; with 200 trials, 0.95 within 0.05 (99.9 % by the binomial)."""
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        wrong = random.binomial(50, random.beta(6, 14, size=40))  # rates with mean 0.3
        estimate = pool([{"fer": (count, 50)} for count in wrong.tolist()])["fer"]
        assert estimate.low <= estimate.value <= estimate.high
        covered += estimate.low <= 0.3 <= estimate.high
    assert 0.9 <= covered / 200 <= 1


def test_the_same_pieces_have_no_spread_and_one_piece_neither() -> None:
    assert pool([{"fer": (3, 10)}] * 5)["fer"] == (0.3, 0.3, 0.3)
    assert pool([{"fer": (3, 10)}])["fer"] == (0.3, 0.3, 0.3)


def test_long_pieces_weigh_more_in_every_resample() -> None:
    """Of a long piece without errors and a short one with nothing else, half of the draws take both: 1 in 11."""
    estimate = pool([{"fer": (0, 100)}, {"fer": (10, 10)}])["fer"]
    assert (estimate.low, estimate.high) == (0, 1)
    assert estimate.value == 1 / 11
    many = pool([{"fer": (0, 100)}, {"fer": (10, 10)}] * 50)["fer"]
    assert 0.05 < many.low < 1 / 11 < many.high < 0.14


def test_medians_are_of_pieces() -> None:
    estimate = pool([{"copied": (frames, 1)} for frames in (8, 16, 200)])["copied"]
    assert estimate.value == 16
    assert estimate.low == 8
    assert estimate.high == 200


def test_a_figure_that_some_piece_has_not_is_left_out_and_nothing_over_nothing_is_no_number() -> None:
    assert "ter" not in pool([{"ter": (1, 2)}, {}])
    assert math.isnan(pool([{"triads_at_fermatas": (0, 0)}])["triads_at_fermatas"].value)


def test_distributions_are_compared_whole(bach: list[Chorale]) -> None:
    reference = Judge(bach[:20]).reference
    same = pool([{}] * 20, [histograms(piece) for piece in bach[:20]], reference)
    assert [same[name].value for name in DISTRIBUTIONS] == [pytest.approx(0)] * len(DISTRIBUTIONS)
    assert all(same[name].low == 0 < same[name].high for name in DISTRIBUTIONS)
    other = pool([{}] * 5, [histograms(piece) for piece in bach[20:25]], reference)
    assert all(0 <= other[name].low <= other[name].value <= other[name].high < 1 for name in DISTRIBUTIONS)


def test_histograms_without_a_common_category_lie_wholly_elsewhere() -> None:
    empty: Histograms = {name: Counter() for name in DISTRIBUTIONS}
    halves = empty | {"lengths": Counter({8: 5})}
    quarters = empty | {"lengths": Counter({4: 7})}
    mixed = empty | {"lengths": Counter({4: 1, 8: 3})}
    assert pool([{}], [halves], quarters)["lengths"].value == 1
    assert pool([{}], [mixed], quarters)["lengths"].value == pytest.approx(0.75)
    assert "degrees" not in pool([{}], [halves], quarters)
    assert math.isnan(pool([{}], [empty], quarters)["lengths"].value)


class Salted(str):
    """Text that another process hashes otherwise."""

    salt = 0

    def __hash__(self) -> int:
        return hash((Salted.salt, str(self)))


def test_every_process_adds_up_distributions_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last digits of evaluation.csv once went by the order of a set."""
    found = []
    for salt in range(9):
        monkeypatch.setattr(Salted, "salt", salt)
        counts: Counter[Hashable] = Counter({Salted(letter): 1 + index**2 for index, letter in enumerate("abcdefghij")})
        whole: Histograms = dict.fromkeys(DISTRIBUTIONS, counts)
        half: Histograms = {name: Counter(dict(list(counts.items())[::2])) for name in DISTRIBUTIONS}
        found.append(pool([{"fer": (1, 10)}], [half], whole)["degrees"])
    assert len(set(found)) == 1
