"""Metrics: pure functions, and thin torchmetrics shells over them."""

from bachlit.metrics.cadences import Cadences, cadences
from bachlit.metrics.likelihood import Likelihood, Tally, figures, tally
from bachlit.metrics.rules import RuleCounts, rule_counts, total
from bachlit.metrics.texture import Texture, TextureCounts, texture, texture_counts

__all__ = [
    "Cadences",
    "Likelihood",
    "RuleCounts",
    "Tally",
    "Texture",
    "TextureCounts",
    "cadences",
    "figures",
    "rule_counts",
    "tally",
    "texture",
    "texture_counts",
    "total",
]
