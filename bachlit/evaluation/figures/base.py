"""Contract of a figure: what it reports, and how it is measured on a piece."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

from bachlit.music.chorale import BoolArray, Chorale

Ratio = tuple[float, float]
"""Numerator and denominator."""

Histogram = Counter[Hashable]
"""Counts by category."""


class Column(NamedTuple):
    """Format of a figure's value in reports.

    Attributes:
        label: Description with unit.
        digits: Decimal places.
        scale: Factor of the ratio: 100 for percent.
        pool: How to pool pieces: the ratio of sums; the median or the largest ratio; or the share of their summed
            histogram that lies elsewhere than in the training pieces'.
        best: Target: the lowest value, Bach's own, or at most Bach's; None if there is none.
        head: Heading in the terminal's table; empty to leave a built-in figure out of it.
    """

    label: str
    digits: int = 2
    scale: float = 1
    pool: Literal["ratio", "median", "largest", "elsewhere"] = "ratio"
    best: Literal["lowest", "bach", "at most bach"] | None = "bach"
    head: str = ""

    def text(self, value: float) -> str:
        """Format a value; empty for NaN.

        >>> Column("frames with a change, %", 1, 100).text(0.3684)
        '36.8'
        """
        return "" if math.isnan(value) else f"{self.scale * value:.{self.digits}f}"


class Piece(NamedTuple):
    """Piece to be judged, with its original and how it was made.

    Attributes:
        chorale: The piece; its phrases end under its fermatas.
        original: Bach's version.
        free: (T, 4) cells that were composed.
        log_prob: The model's log-probability of the whole piece, in nats.
        yielded: Tokens at which rules gave way.
    """

    chorale: Chorale
    original: Chorale | None = None
    free: BoolArray | None = None
    log_prob: float | None = None
    yielded: int | None = None


class Figure(ABC):
    """Base class: a figure, or a family that shares a count, on one piece.

    `check_figure` in `bachlit.testing` holds its laws.

    Attributes:
        section: Heading above it in reports.
        columns: What it reports, by names of letters, digits and underscores.

    >>> class Crossings(Figure):
    ...     columns = {"crossed": Column("soprano below alto, % of frames", 1, 100, best="lowest")}
    ...
    ...     def measure(self, piece: Piece) -> dict[str, Ratio]:
    ...         soprano, alto, _, _ = piece.chorale.pitches.T
    ...         return {"crossed": ((soprano < alto).sum(), len(soprano))}
    >>> Crossings().measure(Piece(Chorale.from_pitches([[60, 64, 55, 48]] * 2)))["crossed"] == (2, 2)
    True
    """

    section: ClassVar[str] = "Figures of your own"
    columns: Mapping[str, Column]

    @abstractmethod
    def measure(self, piece: Piece) -> Mapping[str, Ratio | Histogram]:
        """Measure a piece.

        Args:
            piece: The piece and what is known of it; it stays unchanged.

        Returns:
            Ratios by the names of the columns, or histograms where a column is pooled as `elsewhere`; what can't be
            known is left out. Numerators and denominators add up over pieces.
        """

    def refer(self, training: Sequence[Chorale]) -> "Figure | None":
        """Return the figure with the training pieces as its reference; None if it can't do without them."""
        return self


def columns_of(figures: Sequence[Figure]) -> dict[str, Column]:
    """Columns of figures by name, in order.

    Args:
        figures: In the order of a report.
    """
    return {name: column for figure in figures for name, column in figure.columns.items()}
