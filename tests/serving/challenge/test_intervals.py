"""Intervals hold the truth as often as they say, however alike the answers of one listener are."""

import numpy as np
import numpy.typing as npt
import pytest
from sizes import LARGE

from bachlit.errors import OptionError
from bachlit.serving.challenge.intervals import interval, intervals

RUNS = 1000
Counts = npt.NDArray[np.float64]


def beta(share: float, likeness: float, size: tuple[int, int], random: np.random.Generator) -> Counts:
    """Listeners' own shares, beta-distributed; the answers of one correlate by `likeness`."""
    spread = (1 - likeness) / likeness
    return random.beta(share * spread, (1 - share) * spread, size)


def logit(share: float, likeness: float, size: tuple[int, int], random: np.random.Generator) -> Counts:
    """Listeners' own shares, normal on the scale of log odds."""
    effects = 4 * likeness * random.normal(size=size)
    middles = np.linspace(-4, 8, 4001)
    drawn = np.quantile(effects, np.linspace(0.001, 0.999, 500))
    means = np.array([(1 / (1 + np.exp(-middle - drawn))).mean() for middle in middles])
    return 1 / (1 + np.exp(-middles[np.searchsorted(means, share)] - effects))


def coverage(own: Counts, share: float, num: Counts, random: np.random.Generator) -> float:
    """Share of simulated tests whose interval holds the true share of right answers."""
    low, high, _ = intervals(random.binomial(num.astype(int), own).astype(np.float64), num)
    return float(((low <= share) & (share <= high)).mean())


@pytest.mark.parametrize("listeners", [10, 20, 50, 100])
def test_intervals_hold_the_truth_in_95_of_100_tests(listeners: int) -> None:
    """In 1,000 simulated tests of 10 answers each, or 1 to 10, with the spread of listeners that tests have."""
    random = np.random.default_rng(listeners)
    size = (RUNS, listeners)
    cases = [(beta, 0.59, 0.05), (logit, 0.67, 0.15), (beta, 0.75, 0.2)]
    if LARGE:
        cases += [
            (audience, share, like) for audience in (beta, logit) for share in (0.55, 0.8) for like in (0.02, 0.3)
        ]
    for audience, share, likeness in cases:
        own = audience(share, likeness, size, random)
        for num in (np.full(size, 10.0), random.integers(1, 11, size).astype(np.float64))[: 2 if LARGE else 1]:
            assert 0.93 <= coverage(own, share, num, random) <= 0.97, (audience.__name__, share, likeness)


@pytest.mark.parametrize("share", [0.03, 0.97])
def test_near_certainty_intervals_rather_are_too_wide(share: float) -> None:
    """Of few answers all may be right: a bootstrap would then be as sure as it is wrong."""
    random = np.random.default_rng(1)
    for listeners in (10, 30):
        own = beta(share, 0.05, (RUNS, listeners), random)
        assert 0.93 <= coverage(own, share, np.full(own.shape, 10.0), random) <= 0.999


def test_one_answer_each_gives_wilsons_interval() -> None:
    """Newcombe (Statistics in Medicine 17, 1998), table I: 81 of 263, 15 of 148, 0 of 20."""
    for right, num, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        found = interval([1] * right + [0] * (num - right), [1] * num)
        assert found[:2] == pytest.approx((low, high), abs=5e-5)
        assert found.method == "Wilson"


def test_alike_answers_widen_the_interval_and_say_how() -> None:
    mixed = interval([6] * 10 + [7] * 10, [10] * 20)
    alike = interval([10] * 13 + [0] * 7, [10] * 20)
    assert mixed.method == alike.method == "bootstrap"
    assert alike.high - alike.low > 3 * (mixed.high - mixed.low)
    few = interval([10, 10, 3], [10, 10, 10])
    assert few.method == "small-sample Wilson"
    assert interval([10], [10])[:2] == interval([1], [1])[:2]  # one listener is one answer
    assert interval([10] * 5, [10] * 5).high == 1.0


def test_counts_that_fit_no_listeners_are_refused() -> None:
    for right, num in (([], []), ([1], [0]), ([3], [2]), ([1, 2], [3])):
        with pytest.raises(OptionError, match="expected some"):
            interval(right, num)
