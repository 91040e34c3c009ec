"""Pooling: figures of many pieces from those of each, with the spread that another choice of pieces would give."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.evaluation.figures import DISTRIBUTIONS, FIGURES, Histograms, Ratio

RESAMPLES = 1000
Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure over pieces.

    Attributes:
        value: Pooled over the pieces at hand.
        low: The 2.5th percentile over resampled pieces.
        high: The 97.5th.
    """

    value: float
    low: float
    high: float


def pool(
    pieces: Sequence[Mapping[str, Ratio]],
    histograms: Sequence[Histograms] = (),
    reference: Histograms | None = None,
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """Pool the figures of pieces.

    The interval is the percentile bootstrap's (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter
    13): pieces are drawn with replacement, as many as there are, always by the same random numbers, so that rows over
    the same pieces are resampled alike. For distributions the resampled values are moved by their bias first, and cut
    at 0.

    Args:
        pieces: Figures of each, as `Judge` gives them.
        histograms: Of each; none to leave distributions out.
        reference: What their sums are compared with.
        resamples: How often the pieces are drawn.

    Returns:
        Estimates of those figures that every piece has, by name.

    >>> pool([{"fer": (1, 10)}, {"fer": (3, 10)}])["fer"]
    Estimate(value=0.2, low=0.1, high=0.3)
    """
    drawn = np.random.default_rng(0).integers(len(pieces), size=(resamples, len(pieces)))  # (R, P)
    estimates = {}
    for name, figure in FIGURES.items():
        if not all(name in piece for piece in pieces):
            continue
        over, under = np.array([piece[name] for piece in pieces], np.float64).T  # (P,), (P,)
        if figure.pool == "median":
            with np.errstate(invalid="ignore", divide="ignore"):
                ratios = over / under
            value, resampled = float(np.median(ratios)), np.median(ratios[drawn], axis=1)
        else:
            value = float(_ratio(over.sum(), under.sum()))
            resampled = _ratio(over[drawn].sum(axis=1), under[drawn].sum(axis=1))
        estimates[name] = _estimate(value, resampled)
    for name in DISTRIBUTIONS if histograms and reference else ():
        assert reference is not None
        categories = list(set(reference[name]).union(*(piece[name] for piece in histograms)))
        counts = np.array([[piece[name][category] for category in categories] for piece in histograms], np.float64)
        usual = np.array([reference[name][category] for category in categories], np.float64)  # (C,)
        if usual.sum() > 0:
            weights = np.stack([np.bincount(draw, minlength=len(counts)) for draw in drawn])  # (R, P)
            value, *_ = _elsewhere(counts.sum(axis=0, keepdims=True), usual)
            resampled = _elsewhere(weights @ counts, usual)
            resampled = resampled[~np.isnan(resampled)]
            # Fewer different pieces make a rougher histogram, further from any other: that isn't the pieces' spread.
            bias = resampled.mean() - value if resampled.size else 0.0
            estimates[name] = _estimate(float(value), np.maximum(0, resampled - bias))
    return estimates


def _estimate(value: float, resampled: Floats) -> Estimate:
    told = resampled[~np.isnan(resampled)]
    low, high = np.percentile(told, [2.5, 97.5]) if told.size else (np.nan, np.nan)
    return Estimate(value, float(low), float(high))


def _elsewhere(counts: Floats, usual: Floats) -> Floats:
    """The total variation distances (R,) of histograms (R, C) from one (C,), NaN where there is nothing."""
    shares = _ratio(counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape))
    distances: Floats = np.abs(shares - usual / usual.sum()).sum(axis=1) / 2
    return distances


def _ratio(over: npt.ArrayLike, under: npt.ArrayLike) -> Floats:
    """Their quotient, NaN where the denominator is 0."""
    below = np.asarray(under, np.float64)
    quotient: Floats = np.divide(over, below, out=np.full(below.shape, np.nan), where=below != 0)
    return quotient
