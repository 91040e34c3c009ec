"""Metrics: pure functions, with thin torchmetrics wrappers."""

from bachlit.metrics.cadences import Cadences, cadences
from bachlit.metrics.chords import QUALITIES, Chord, chord_of
from bachlit.metrics.error_rates import ErrorRates, error_rates
from bachlit.metrics.grade import Grade, GradeReference
from bachlit.metrics.histograms import (
    Histogram,
    cadence_chords,
    degrees,
    intervals,
    length_distance,
    lengths,
    parallels,
    qualities,
    rank_distance,
    repeats,
)
from bachlit.metrics.likelihood import PARTS, Likelihood, Tally, figures, tally
from bachlit.metrics.memorisation import Copied, Passages
from bachlit.metrics.rules import RuleCounts, rule_counts
from bachlit.metrics.texture import LENGTHS, Texture, TextureCounts, texture, texture_counts
from bachlit.metrics.totals import Totals, WeightedMean, total

__all__ = [
    "Cadences", "Chord", "Copied", "ErrorRates", "Grade", "GradeReference", "Histogram", "LENGTHS", "Likelihood",
    "PARTS", "Passages", "QUALITIES", "RuleCounts", "Tally", "Texture", "TextureCounts", "Totals",
    "WeightedMean", "cadence_chords", "cadences", "chord_of", "degrees", "error_rates", "figures", "intervals",
    "length_distance", "lengths", "parallels", "qualities", "rank_distance", "repeats", "rule_counts", "tally",
    "texture", "texture_counts", "total",
]  # fmt: skip
