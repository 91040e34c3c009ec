"""Cross-validate rankings, and report what a calibration found."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bachlit.calibrate.candidates import WAYS, Piece, Rivals
from bachlit.calibrate.critic import train_critic
from bachlit.calibrate.fitting import Floats, Shares, fit, folds, judged, merits, result, standards
from bachlit.calibrate.numbers import AIMS, Step
from bachlit.generation.merit import AIMED
from bachlit.models.calibration import Weighed

_RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0)


class Fitted(NamedTuple):
    """A ranking, and how well such rankings rank tunes that they weren't fitted on.

    Attributes:
        weights: Of figures.
        ridge: Penalty that was chosen.
        ranked: Shares by name of a ranking.
    """

    weights: dict[str, Weighed]
    ridge: float
    ranked: Mapping[str, Shares]


def fitted(rivals: Sequence[Rivals], seed: int) -> Fitted:
    """Fit the weights; judge them by tune, beside log-probability alone and a critic.

    Args:
        rivals: Bach's pieces with candidates.
        seed: Of the critic.
    """
    standard = standards([one.bach for one in rivals])
    shares = {ridge: _by_figures(rivals, standard, ridge) for ridge in _RIDGES}
    ridge = max(_RIDGES, key=lambda one: result(shares[one]).pairs)
    critic = [one for known, held in folds(rivals) for one in judged(held, train_critic(known, seed))]
    weights = {name: one for name, one in fit(rivals, standard, ridge).items() if one.weight > 0}
    ranked = {"log-probability": judged(rivals, _log_probs), "figures": shares[ridge], "critic": critic}
    return Fitted(weights, ridge, ranked)


def _by_figures(rivals: Sequence[Rivals], standard: dict[str, Weighed], ridge: float) -> Shares:
    """Judge each tune by weights that were fitted on the others."""
    shares: Shares = []
    for known, held in folds(rivals):
        weights = fit(known, standard, ridge)
        shares += judged(held, lambda pieces, weights=weights: merits(pieces, weights))  # type: ignore[misc]
    return shares


def _log_probs(pieces: Sequence[Piece]) -> Floats:
    return np.array([piece.log_prob for piece in pieces])


def report(steps: Sequence[Step], best: Step, bach: Mapping[str, float], found: Fitted) -> str:
    """Write the report in Markdown."""
    lines = ["# Calibration", "", "## Numbers of rules", ""]
    lines += ["| figure | rule | " + " | ".join(f"try {one}" for one in range(1, len(steps) + 1)) + " | aim | Bach |"]
    lines += ["|---" * (len(steps) + 4) + "|"]
    for name, aim in AIMS.items():
        tried = [f"{step.figures[name]:.4f} at {step.numbers[aim.rule][aim.place]:g}" for step in steps]
        lines.append(f"| {name} | {aim.rule} | {' | '.join(tried)} | {aim.share * bach[name]:.4f} | {bach[name]:.4f} |")
    lines += ["", f"Kept: {', '.join(f'{name} {numbers}' for name, numbers in best.numbers.items())}.", ""]
    lines += ["## Bach above the model", ""]
    lines += ["Weights and critic are judged on tunes other than those they were fitted on, five-fold.", ""]
    lines += ["| ranking | candidates | above all, % | above, % of pairs | harmonised |", "|---|---|---|---|---|"]
    for name, shares in found.ranked.items():
        for way in (*WAYS, ""):
            some = [share for share in shares if way in (share[0].way, "")]
            if some:
                first, pairs, number = result(some)
                lines.append(f"| {name} | {way or 'all'} | {100 * first:.0f} | {100 * pairs:.0f} | {number} |")
    lines += ["", f"## Weights (ridge {found.ridge:g})", ""]
    lines += ["| figure | weight | Bach's mean | deviation | counts |", "|---|---|---|---|---|"]
    for name, one in sorted(found.weights.items(), key=lambda item: -item[1].weight):
        counts = "distance" if name in AIMED else "excess"
        lines.append(f"| {name} | {one.weight:.2f} | {one.mean:.4f} | {one.deviation:.4f} | {counts} |")
    return "\n".join(lines) + "\n"
