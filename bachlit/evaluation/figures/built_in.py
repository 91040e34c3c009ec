"""The built-in figures."""

from bachlit.evaluation.figures.base import Column, Figure, columns_of
from bachlit.evaluation.figures.cadences import Endings, Finals, PhraseEnds
from bachlit.evaluation.figures.likeness import ByTheModel, ErrorRates
from bachlit.evaluation.figures.part_writing import Colour, Motion, PartWritingRules, Returns, Sonorities, Texture
from bachlit.evaluation.figures.style import Distributions, Grade, Memorisation

FIGURES: tuple[Figure, ...] = (
    *(ErrorRates(), ByTheModel(), PartWritingRules(), Texture(), Endings(), Grade(), Distributions(), Memorisation()),
    *(Finals(), PhraseEnds(), Motion(), Sonorities(), Colour(), Returns()),  # what a composition teacher faults
)
"""In the order of the reports."""

COLUMNS: dict[str, Column] = columns_of(FIGURES)
"""Columns of the built-in figures, by name."""
