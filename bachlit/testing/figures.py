"""Laws of figures of evaluation."""

import re
from collections import Counter

import numpy as np

from bachlit.evaluation.figures import Figure, Piece
from bachlit.music.chorale import Chorale

_Values = dict[str, tuple[float, ...] | Counter[object]]


def check_figure(figure: Figure, chorale: Chorale, *, transposable: bool = True) -> None:
    """Check that a figure measures finite ratios that add up, and is a pure function.

    It is measured with Bach's version, free cells and a log-probability known, and unknown; on the piece and in other
    keys; and on a piece that only rests.

    Args:
        figure: The figure, without reference to training pieces or with.
        chorale: A piece with four voices.
        transposable: Whether its values must not change with the key.

    >>> from bachlit.evaluation import Column
    >>> class Length(Figure):
    ...     columns = {"sixteenths": Column("sixteenths per piece", 0)}
    ...
    ...     def measure(self, piece: Piece) -> dict[str, tuple[float, float]]:
    ...         return {"sixteenths": (piece.chorale.num_frames, 1)}
    >>> check_figure(Length(), Chorale.from_pitches([[67, 64, 60, 48]] * 8))
    """
    assert figure.columns, "a figure has columns"
    assert all(re.fullmatch(r"[^\W\d]\w*", name) for name in figure.columns), (
        "names are letters, digits and underscores"
    )
    free = np.tile([False, True, True, True], (chorale.num_frames, 1))
    known = Piece(chorale, chorale, free, log_prob=-1.0, yielded=0)
    silent = Chorale.from_pitches(np.zeros((16, 4), int))
    for piece in (known, Piece(chorale), Piece(silent), Piece(silent, silent, free[:16])):
        values = _measured(figure, piece)
        _check_values(figure, values)
        assert _measured(figure, piece) == values, "the same piece has the same values again"
    assert _measured(figure, Piece(chorale)).keys() <= _measured(figure, known).keys(), "more is known, never less"
    if transposable:
        for semitones in (-1, 2):
            moved = chorale.transpose(semitones)
            there = known._replace(chorale=moved, original=moved)
            assert _measured(figure, there) == _measured(figure, known), "values don't change with the key"


def _measured(figure: Figure, piece: Piece) -> _Values:
    """Measure a piece, which must stay as it is."""
    arrays = [getattr(piece.chorale, name).copy() for name in ("pitches", "onsets", "fermatas")]
    values: _Values = dict(figure.measure(piece))
    after = [getattr(piece.chorale, name) for name in ("pitches", "onsets", "fermatas")]
    assert all(map(np.array_equal, arrays, after)), "the piece stays unchanged"
    return values


def _check_values(figure: Figure, values: _Values) -> None:
    assert values.keys() <= figure.columns.keys(), "every value has a column"
    for name, value in values.items():
        if figure.columns[name].pool == "elsewhere":
            assert isinstance(value, Counter), f"{name}, a distribution, has counted categories"
            parts = [float(count) for count in value.values()]
        else:
            assert isinstance(value, tuple) and len(value) == 2, f"{name} is a numerator and a denominator"  # noqa: PT018
            parts = [float(part) for part in value]
        assert np.isfinite(parts).all(), f"{name} is finite, so that it adds up"
        assert all(part >= 0 for part in parts[-1:]), f"the denominator of {name} isn't below 0"
