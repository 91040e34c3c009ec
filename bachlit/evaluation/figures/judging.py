"""Judge: measures all figures of pieces."""

from collections import Counter
from collections.abc import Sequence

from bachlit.errors import OptionError
from bachlit.evaluation.figures.base import Figure, Histogram, Piece, Ratio
from bachlit.evaluation.figures.built_in import FIGURES
from bachlit.metrics import with_phrase_ends
from bachlit.music.chorale import BoolArray, Chorale

Histograms = dict[str, Histogram]
"""Histograms of a piece, by column."""


class Judge:
    """Measures the figures of pieces.

    Args:
        training: Training pieces of the model: the reference of style, and of copied passages. If empty, the figures
            that need them are left out.
        figures: Figures to measure.
    """

    def __init__(self, training: Sequence[Chorale], figures: Sequence[Figure] = FIGURES) -> None:
        self.figures = tuple(figures)
        referred = [known for figure in figures for known in [figure.refer(training)] if known is not None]
        self._ratios = [one for one in referred if any(column.pool != "elsewhere" for column in one.columns.values())]
        self._counted = [one for one in referred if any(column.pool == "elsewhere" for column in one.columns.values())]
        self.reference: Histograms = {name: Counter() for name in _distributions(self._counted)}
        """Summed histograms of the training pieces."""
        for chorale in training:
            for name, histogram in self.histograms(chorale).items():
                self.reference[name] += histogram

    def __call__(
        self,
        chorale: Chorale,
        *,
        original: Chorale | None = None,
        free: BoolArray | None = None,
        log_prob: float | None = None,
        yielded: int | None = None,
        ends: Sequence[int] | None = None,
    ) -> dict[str, Ratio]:
        """Measure a piece.

        Args:
            chorale: The piece.
            original: Bach's version, for error rates.
            free: (T, 4) cells that were composed.
            log_prob: The model's log-probability of the whole piece, in nats.
            yielded: Tokens at which rules gave way.
            ends: Frames in which the last notes of phrases begin; by default those under fermatas.

        Returns:
            Ratios by column; unknown ones are left out.

        Raises:
            OptionError: If a figure has a value without a column.
        """
        piece = Piece(_phrased(chorale, ends), original, free, log_prob, yielded)
        values = {name: value for figure in self._ratios for name, value in _measured(figure, piece).items()}
        return {name: value for name, value in values.items() if not isinstance(value, Counter)}

    def histograms(self, chorale: Chorale, *, ends: Sequence[int] | None = None) -> Histograms:
        """Count the categories of a piece, by column.

        Args:
            chorale: The piece.
            ends: As above.
        """
        piece = Piece(_phrased(chorale, ends))
        values = {name: value for figure in self._counted for name, value in _measured(figure, piece).items()}
        return {name: value for name, value in values.items() if isinstance(value, Counter)}


def _phrased(chorale: Chorale, ends: Sequence[int] | None) -> Chorale:
    return chorale if ends is None else with_phrase_ends(chorale, ends)


def _measured(figure: Figure, piece: Piece) -> dict[str, Ratio | Histogram]:
    values = dict(figure.measure(piece))
    unknown = sorted(values.keys() - figure.columns.keys())
    if unknown:
        raise OptionError(
            f"{type(figure).__name__} measures {', '.join(map(repr, unknown))}, for which it has no column; expected "
            f"some of {', '.join(figure.columns)}; add the columns."
        )
    return values


def _distributions(figures: Sequence[Figure]) -> list[str]:
    return [name for figure in figures for name, column in figure.columns.items() if column.pool == "elsewhere"]
