"""Figures of composed pieces: each is one entry, measured on a piece, pooled over pieces, and reported.

`bachlit evaluate --metrics mine.Figure` adds your own.
"""

from bachlit.evaluation.figures.base import Column, Figure, Histogram, Piece, Ratio, columns_of
from bachlit.evaluation.figures.built_in import COLUMNS, FIGURES
from bachlit.evaluation.figures.judging import Histograms, Judge
from bachlit.evaluation.figures.naming import figures_with

__all__ = [
    "COLUMNS",
    "FIGURES",
    "Column",
    "Figure",
    "Histogram",
    "Histograms",
    "Judge",
    "Piece",
    "Ratio",
    "columns_of",
    "figures_with",
]
