"""Evaluate models and decoders on held-out pieces, beside Bach."""

from bachlit.evaluation.evaluating import Evaluation, evaluate, likelihood
from bachlit.evaluation.figures import COLUMNS, FIGURES, Column, Figure, Judge, Piece, Ratio, figures_with
from bachlit.evaluation.harmonizers import HARMONIZERS, Harmonizer, named
from bachlit.evaluation.held_out import HeldOut, Source, folds_for, held_out, source_of
from bachlit.evaluation.page import page
from bachlit.evaluation.pooling import Estimate, pool
from bachlit.evaluation.rows import Judged, Row, bachs_row, extremes, letters_of, written_row

__all__ = [
    "COLUMNS", "FIGURES", "HARMONIZERS", "Column", "Estimate", "Evaluation", "Figure", "Harmonizer", "HeldOut", "Judge",
    "Judged", "Piece", "Ratio", "Row", "Source", "bachs_row", "evaluate", "extremes", "figures_with", "folds_for",
    "held_out", "letters_of", "likelihood", "named", "page", "pool", "source_of", "written_row",
]  # fmt: skip
