"""Evaluation: what models and decoders make of held-out pieces, judged beside Bach."""

from bachlit.evaluation.evaluating import Evaluation, evaluate, likelihood
from bachlit.evaluation.figures import FIGURES, SECTIONS, Figure, Judge, Ratio
from bachlit.evaluation.harmonizers import HARMONIZERS, Harmonizer, named
from bachlit.evaluation.held_out import HeldOut, folds_for, held_out, source_of
from bachlit.evaluation.page import page
from bachlit.evaluation.pooling import Estimate, pool
from bachlit.evaluation.rows import Judged, Row, bachs_row, written_row

__all__ = [
    "FIGURES",
    "HARMONIZERS",
    "SECTIONS",
    "Estimate",
    "Evaluation",
    "Figure",
    "Harmonizer",
    "HeldOut",
    "Judge",
    "Judged",
    "Ratio",
    "Row",
    "bachs_row",
    "evaluate",
    "folds_for",
    "held_out",
    "likelihood",
    "named",
    "page",
    "pool",
    "source_of",
    "written_row",
]
