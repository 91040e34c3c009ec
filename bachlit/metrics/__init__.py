"""Metrics: pure functions, and thin torchmetrics shells over them."""

from bachlit.metrics.likelihood import Likelihood, Tally, figures, tally

__all__ = ["Likelihood", "Tally", "figures", "tally"]
