"""Weights of figures, by which Bach's parts come out on top: pairwise logistic regression."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.calibrate.candidates import Piece, Rivals
from bachlit.generation.merit import AIMED, distance
from bachlit.models.calibration import Weighed

Floats = npt.NDArray[np.float64]

_SPREAD = 0.01  # least standard deviation: of shares that Bach never has
_STEPS = 2000
_FAULT = 0.15  # weight of a fault as long as no pair speaks for or against it, since rules keep most out of sight


Shares = list[tuple[Rivals, float]]
"""Share of the candidates that each Bach is above."""


class Result(NamedTuple):
    """How well rivals are told apart, over tunes.

    Attributes:
        first: Share of tunes whose Bach is above all candidates.
        pairs: Share of candidates that Bach is above, each tune counting once.
        number: Of rivals.
    """

    first: float
    pairs: float
    number: int


def standards(pieces: Sequence[Piece]) -> dict[str, Weighed]:
    """Measure means and standard deviations of Bach's figures; weights are 0."""
    values = np.array([[*piece.figures.values()] for piece in pieces])
    spreads = np.maximum(values.std(axis=0), _SPREAD)
    names = pieces[0].figures
    return {
        name: Weighed(0.0, round(float(mean), 5), round(float(spread), 5))
        for name, mean, spread in zip(names, values.mean(axis=0), spreads, strict=True)
    }


def fit(rivals: Sequence[Rivals], standard: dict[str, Weighed], ridge: float) -> dict[str, Weighed]:
    """Fit weights, none below 0: no fault is a merit.

    Args:
        rivals: Bach's pieces with candidates; each tune counts once.
        standard: From `standards`.
        ridge: Penalty of the squared distance from usual weights: a little for each fault, else 0.
    """
    pairs = [_distances(one.candidates, standard) - _distances([one.bach], standard) for one in rivals]
    counts = [1 / len(some) / len(rivals) for some in pairs for _ in some]
    usual = np.array([0.0 if name in AIMED or name == "nats" else _FAULT for name in standard])
    weights = _regression(np.concatenate(pairs), np.array(counts), ridge, usual)
    return {
        name: one._replace(weight=round(float(weight), 4))
        for (name, one), weight in zip(standard.items(), weights, strict=True)
    }


def merits(pieces: Sequence[Piece], weights: dict[str, Weighed]) -> Floats:
    """Give the merit of pieces, (N,)."""
    merit: Floats = -_distances(pieces, weights) @ np.array([one.weight for one in weights.values()])
    return merit


def folds(rivals: Sequence[Rivals], num: int = 5) -> Iterator[tuple[list[Rivals], list[Rivals]]]:
    """Divide rivals by tune, `num` times into those to learn from and those to judge."""
    tunes = list(dict.fromkeys(one.tune for one in rivals))
    for fold in range(min(num, len(tunes))):
        held = set(tunes[fold::num])
        yield [one for one in rivals if one.tune not in held], [one for one in rivals if one.tune in held]


def judged(rivals: Sequence[Rivals], merit: Callable[[Sequence[Piece]], Floats]) -> Shares:
    """Give the share of candidates that each Bach is above; 1 if he is first."""
    found = []
    for one in rivals:
        values = merit([one.bach, *one.candidates])
        found.append((one, float((values[0] > values[1:]).mean())))
    return found


def result(shares: Shares) -> Result:
    """Pool shares over rivals."""
    return Result(
        float(np.mean([share == 1 for _, share in shares])), float(np.mean([share for _, share in shares])), len(shares)
    )


def _distances(pieces: Sequence[Piece], standard: dict[str, Weighed]) -> Floats:
    """Distances (N, F) of figures from Bach's means."""
    return np.array([[distance(name, piece.figures[name], one) for name, one in standard.items()] for piece in pieces])


def _regression(differences: Floats, counts: Floats, ridge: float, usual: Floats) -> Floats:
    """Minimise the logistic loss of differences (N, F) over weights (F,) of at least 0, by accelerated gradients."""
    weighed = differences * counts[:, None]
    step = 1 / (np.linalg.norm(differences.T @ weighed, 2) / 4 + ridge)
    weights = ahead = usual
    momentum = 1.0
    for _ in range(_STEPS):
        slope = ridge * (ahead - usual) - weighed.T @ (1 / (1 + np.exp(differences @ ahead)))
        before, weights = weights, np.maximum(0.0, ahead - step * slope)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = weights + (momentum - 1) / following * (weights - before)
        momentum = following
    return weights
