"""Pool figures over pieces, with bootstrap intervals."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.evaluation.figures import COLUMNS, Column, Histograms, Ratio

RESAMPLES = 1000
FEW = 10
"""Pieces that an interval should have: of fewer, a percentile bootstrap covers too little."""

_Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """Figure over several pieces.

    Attributes:
        value: Pooled value.
        low: The 2.5th percentile over bootstrap resamples.
        high: The 97.5th percentile.
    """

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Check that there was anything to count."""
        return not math.isnan(self.value)


def pool(
    pieces: Sequence[Mapping[str, Ratio]],
    histograms: Sequence[Histograms] = (),
    reference: Histograms | None = None,
    *,
    resamples: int = RESAMPLES,
    columns: Mapping[str, Column] = COLUMNS,
) -> dict[str, Estimate]:
    """Pool the figures of pieces.

    Intervals are percentile bootstraps (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13):
    pieces are resampled with replacement, always by the same random numbers, so that rows are comparable. For
    distributions the resampled values are corrected for bias and cut at 0.

    Args:
        pieces: Figures of each piece, from `Judge`.
        histograms: Histograms of each piece; empty to leave distributions out.
        reference: Histograms to compare with.
        resamples: Bootstrap resamples.
        columns: How to pool them, by name.

    Returns:
        Estimates by name, of the figures that every piece has.

    >>> pool([{"fer": (1, 10)}, {"fer": (3, 10)}])["fer"]
    Estimate(value=0.2, low=0.1, high=0.3)
    """
    drawn = np.random.default_rng(0).integers(len(pieces), size=(resamples, len(pieces)))  # (R, P)
    estimates = {}
    for name, column in columns.items():
        if not all(name in piece for piece in pieces):
            continue
        over, under = np.array([piece[name] for piece in pieces], np.float64).T  # (P,), (P,)
        if column.pool in ("median", "largest"):
            pooled = np.median if column.pool == "median" else np.max
            ratios = _ratio(over, under)
            value, resampled = float(pooled(ratios)), pooled(ratios[drawn], axis=1)
        else:
            value = float(_ratio(over.sum(), under.sum()))
            resampled = _ratio(over[drawn].sum(axis=1), under[drawn].sum(axis=1))
        estimates[name] = _estimate(value, resampled)
    distributions = [name for name, column in columns.items() if column.pool == "elsewhere"]
    for name in distributions if histograms and reference else ():
        assert reference is not None
        # In a fixed order, unlike a set's: sums are rounded by it.
        categories = list(dict.fromkeys(chain(reference[name], *(piece[name] for piece in histograms))))
        counts = np.array([[piece[name][category] for category in categories] for piece in histograms], np.float64)
        usual = np.array([reference[name][category] for category in categories], np.float64)  # (C,)
        if usual.sum() > 0:
            weights = np.stack([np.bincount(draw, minlength=len(counts)) for draw in drawn])  # (R, P)
            value, *_ = _elsewhere(counts.sum(axis=0, keepdims=True), usual)
            resampled = _elsewhere(weights @ counts, usual)
            resampled = resampled[~np.isnan(resampled)]
            # Resamples have fewer distinct pieces, so rougher histograms, further from any other: a bias, not a spread.
            bias = resampled.mean() - value if resampled.size else 0.0
            estimates[name] = _estimate(float(value), np.maximum(0, resampled - bias))
    return estimates


def _estimate(value: float, resampled: _Floats) -> Estimate:
    known = resampled[~np.isnan(resampled)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    return Estimate(value, float(low), float(high))


def _elsewhere(counts: _Floats, usual: _Floats) -> _Floats:
    """Total variation distance (R,) of histograms (R, C) from one (C,); NaN if empty."""
    shares = _ratio(counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape))
    distances: _Floats = np.abs(shares - usual / usual.sum()).sum(axis=1) / 2
    return distances


def _ratio(over: npt.ArrayLike, under: npt.ArrayLike) -> _Floats:
    """Quotient, NaN where the denominator is 0."""
    below = np.asarray(under, np.float64)
    quotient: _Floats = np.divide(over, below, out=np.full(below.shape, np.nan), where=below != 0)
    return quotient
