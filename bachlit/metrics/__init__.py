"""Metrics: pure functions, and thin torchmetrics shells over them."""

from bachlit.metrics.cadences import Cadences, cadences
from bachlit.metrics.likelihood import Likelihood, Tally, figures, tally
from bachlit.metrics.rules import RuleCounts, rule_counts, total
from bachlit.metrics.texture import Texture, texture

__all__ = [
    "Cadences",
    "Likelihood",
    "RuleCounts",
    "Tally",
    "Texture",
    "cadences",
    "figures",
    "rule_counts",
    "tally",
    "texture",
    "total",
]
