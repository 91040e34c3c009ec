"""Metrics: pure functions, with thin torchmetrics wrappers, whose modules load when they are first asked for."""

import importlib
from typing import TYPE_CHECKING, Any

from bachlit.metrics.beats import beat_length, beats
from bachlit.metrics.breaches import Breach
from bachlit.metrics.cadences import Cadences, cadences
from bachlit.metrics.chords import QUALITIES, Chord, chord_of
from bachlit.metrics.colour import ColourCounts, colour_counts, scale
from bachlit.metrics.error_rates import ErrorRates, error_rates
from bachlit.metrics.finals import FinalCounts, begins_on_tonic, final_breaches, final_counts
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
from bachlit.metrics.memorisation import Copied, Passages
from bachlit.metrics.motion import MotionCounts, longest_alternation, motion_counts
from bachlit.metrics.phrase_ends import (
    CADENCE_KINDS,
    Arrival,
    CadenceKind,
    PhraseEndCounts,
    arrivals_at,
    cadence_kind,
    phrase_end_breaches,
    phrase_end_counts,
    with_phrase_ends,
)
from bachlit.metrics.returning import ReturnCounts, return_counts
from bachlit.metrics.rules import RuleCounts, rule_breaches, rule_counts
from bachlit.metrics.sonorities import SonorityCounts, sonority_breaches, sonority_counts
from bachlit.metrics.texture import LENGTHS, Texture, TextureCounts, texture, texture_counts
from bachlit.metrics.totals import total

if TYPE_CHECKING:
    from bachlit.metrics.confidence import CalibrationError, Entropy
    from bachlit.metrics.likelihood import PARTS, Likelihood, Tally, figures, tally
    from bachlit.metrics.reduced import Totals, WeightedMean

__all__ = [
    "Arrival", "Breach", "CADENCE_KINDS", "CadenceKind", "Cadences", "CalibrationError", "Chord", "ColourCounts",
    "Copied", "Entropy", "ErrorRates", "FinalCounts", "Grade", "GradeReference", "Histogram", "LENGTHS", "Likelihood",
    "MotionCounts", "PARTS", "Passages", "PhraseEndCounts", "QUALITIES", "ReturnCounts", "RuleCounts", "SonorityCounts",
    "Tally", "Texture", "TextureCounts", "Totals", "WeightedMean", "arrivals_at", "beat_length", "beats",
    "begins_on_tonic", "cadence_chords", "cadence_kind", "cadences", "chord_of", "colour_counts", "degrees",
    "error_rates", "figures", "final_breaches", "final_counts", "intervals", "length_distance", "lengths",
    "longest_alternation", "motion_counts", "parallels", "phrase_end_breaches", "phrase_end_counts", "qualities",
    "rank_distance", "repeats", "return_counts", "rule_breaches", "rule_counts", "scale", "sonority_breaches",
    "sonority_counts", "tally", "texture", "texture_counts", "total", "with_phrase_ends",
]  # fmt: skip

# `bachlit harmonize` ranks by counts alone: it doesn't wait for torchmetrics.
_WRAPPERS = {
    **dict.fromkeys(("CalibrationError", "Entropy"), "confidence"),
    **dict.fromkeys(("Likelihood", "PARTS", "Tally", "figures", "tally"), "likelihood"),
    **dict.fromkeys(("Totals", "WeightedMean"), "reduced"),
}


def __getattr__(name: str) -> Any:
    """Load the wrappers when one of them is first asked for."""
    if name not in _WRAPPERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for wrapper, module in _WRAPPERS.items():
        globals()[wrapper] = getattr(importlib.import_module(f"{__name__}.{module}"), wrapper)
    return globals()[name]
