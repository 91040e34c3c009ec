"""Confidence intervals of a share of right answers, where each listener gives several."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.errors import OptionError

Method = Literal["Wilson", "bootstrap", "small-sample Wilson"]
"""Ways to an interval of 95 %; see `interval`."""

_Z = 1.959964  # quantile 0.975 of the normal distribution
_T = (12.706, 4.303, 3.182)  # of Student's t with 1, 2 and 3 degrees of freedom
_FEWEST_LISTENERS, _FEWEST_ANSWERS = 10, 10  # for a bootstrap: listeners; right and wrong answers
_RESAMPLES, _TOGETHER = 2000, 200
# A quarter of a right and of a wrong answer more, so that the scale ends nowhere.
_MORE = 0.25

_Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """Interval that holds the true share in 95 of 100 tests."""

    low: float
    high: float
    method: Method


def interval(right: npt.ArrayLike, answers: npt.ArrayLike) -> Interval:
    """Compute the interval of a share, of listeners who each gave at least one answer.

    Wilson's where each gave one. Else listeners are resampled, since answers of one are alike: a studentised bootstrap
    on the arcsine scale (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapters 12 and 14), as plain
    percentiles hold the truth too seldom: in 90 of 100 tests with ten listeners. A bootstrap of fewer than ten
    listeners, or of fewer than ten right or wrong answers, has too little to draw from: there it is Wilson's with as
    many independent answers as these are worth, by the variance between listeners, and Student's t (Dean and Pagano,
    Journal of Survey Statistics and Methodology 3, 2015).

    Args:
        right: (L,) right answers of each listener.
        answers: (L,) their answers.

    Raises:
        OptionError: If there is no listener, or one without an answer or with more right answers.

    >>> low, high, method = interval([1] * 30 + [0] * 10, [1] * 40)
    >>> f"{low:.3f} to {high:.3f} by {method}"
    '0.598 to 0.858 by Wilson'
    """
    counts, totals = np.atleast_2d(np.asarray(right, np.float64)), np.atleast_2d(np.asarray(answers, np.float64))
    if counts.shape != totals.shape or not counts.size or (totals < 1).any() or (counts > totals).any():
        raise OptionError("The counts fit no listeners; expected some, each with answers and no more right ones.")
    low, high, methods = intervals(counts, totals)
    return Interval(float(low[0]), float(high[0]), methods[0])


def intervals(right: _Floats, answers: _Floats, *, seed: int = 0) -> tuple[_Floats, _Floats, list[Method]]:
    """Compute the intervals of R tests with L listeners each, as `interval` does.

    Args:
        right: (R, L) right answers of each listener.
        answers: (R, L) their answers.
        seed: Draws the resamples, the same for all tests.

    Returns:
        (R,) lower ends, (R,) upper ends, and the method of each.
    """
    num, total = answers.sum(axis=1), right.sum(axis=1)
    num_listeners = right.shape[1]
    single = (answers == 1).all(axis=1)
    few = (num_listeners < _FEWEST_LISTENERS) | (np.minimum(total, num - total) < _FEWEST_ANSWERS)
    worth = np.where(single, num, _worth(right, answers))
    quantile = np.where(single, _Z, _student(num_listeners - 1))
    low, high = _wilson(total / num, worth, quantile)
    drawn = ~single & ~few
    if drawn.any():
        low[drawn], high[drawn] = _bootstrap(right[drawn], answers[drawn], np.random.default_rng(seed))
    methods: list[Method] = [
        "Wilson" if alone else "bootstrap" if by_drawing else "small-sample Wilson"
        for alone, by_drawing in zip(single, drawn, strict=True)
    ]
    return low, high, methods


def _wilson(share: _Floats, num: _Floats, quantile: _Floats) -> tuple[_Floats, _Floats]:
    """Compute Wilson's score interval (Journal of the American Statistical Association 22, 1927)."""
    scaled = quantile**2 / num
    middle = (share + scaled / 2) / (1 + scaled)
    half = np.sqrt(scaled * (share * (1 - share) + scaled / 4)) / (1 + scaled)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _worth(right: _Floats, answers: _Floats) -> _Floats:
    """Estimate the effective number (R,) of independent answers, from the variance between listeners."""
    num, num_listeners = answers.sum(axis=1), right.shape[1]
    if num_listeners == 1:  # nothing is known of the variance: the listener's answers may all be one
        return np.ones(len(right))
    share = right.sum(axis=1) / num
    between = ((right - share[:, None] * answers) ** 2).sum(axis=1) * num_listeners / (num_listeners - 1) / num**2
    binomial = share * (1 - share) / num
    times = np.divide(between, binomial, out=np.ones_like(num), where=binomial > 0)
    worth: _Floats = num / np.maximum(1.0, times)
    return worth


def _student(freedom: int) -> float:
    """Compute the quantile 0.975 of Student's t by Cornish and Fisher's series; the normal one without freedom."""
    if freedom < 1:
        return _Z
    if freedom <= len(_T):
        return _T[freedom - 1]
    z = _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return float(z + sum(term / freedom**power for power, term in enumerate(terms, start=1)))


def _bootstrap(right: _Floats, answers: _Floats, generator: np.random.Generator) -> tuple[_Floats, _Floats]:
    """Compute a studentised bootstrap over listeners on the arcsine scale."""
    num_listeners = right.shape[1]
    sums = np.stack([right, answers, right**2, right * answers, answers**2])  # (5, R, L)
    place, error = _estimate(sums.sum(axis=2), num_listeners)
    studentised = []
    for _ in range(_RESAMPLES // _TOGETHER):
        times = generator.multinomial(num_listeners, np.full(num_listeners, 1 / num_listeners), size=_TOGETHER)
        drawn, drawn_error = _estimate(sums @ times.T.astype(np.float64), num_listeners)  # (R, B)
        studentised.append((drawn - place[:, None]) / drawn_error)
    lower, upper = np.quantile(np.concatenate(studentised, axis=1), (0.025, 0.975), axis=1)
    ends = np.clip([place - upper * error, place - lower * error], 0, np.pi / 2)
    low, high = np.sin(ends) ** 2
    return low, high


def _estimate(sums: _Floats, num_listeners: int) -> tuple[_Floats, _Floats]:
    """Estimate the share and its standard error on the arcsine scale, from sums (5, ...) over listeners."""
    right, answers, right_2, both, answers_2 = sums
    share = (right + _MORE) / (answers + 2 * _MORE)
    squares = right_2 - 2 * share * both + share**2 * answers_2
    variance = np.maximum(squares, 1e-9) * num_listeners / (num_listeners - 1) / answers**2
    return np.arcsin(np.sqrt(share)), np.sqrt(variance / (share * (1 - share))) / 2
