"""Measures -> their numbers, as a musician counts them."""

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import NamedTuple


class MeasureNumber(NamedTuple):
    """Number of a measure, and whether it isn't counted (a pickup, or a later piece of a divided one)."""

    text: str
    implicit: bool = False


def measure_numbers(
    lengths: Sequence[Fraction | int], fulls: Sequence[Fraction | int | None], endings: Collection[int] = ()
) -> list[MeasureNumber]:
    """Number measures: a pickup is 0; a measure that bar lines divide is counted once, its later pieces are X1, X2...

    Pieces are short measures in a row that fill one together. The first piece has the number; no ending begins within
    a divided measure.

    Args:
        lengths: Length of each.
        fulls: Length of a full measure of its metre, in the same unit; None without metre.
        endings: Indices of measures at which an ending begins.

    >>> [number.text for number in measure_numbers([1, 6, 5, 1, 6, 5], [6] * 6)]
    ['0', '1', '2', 'X1', '3', '4']
    >>> [number.text for number in measure_numbers([1, 6, 5, 6, 6], [6] * 5, endings=[2, 3])]
    ['0', '1', '2', '3', '4']
    """
    numbers: list[MeasureNumber] = []
    counted = pieces = index = 0
    while index < len(lengths):
        full = fulls[index]
        if index == 0 and full is not None and lengths[0] < full and len(lengths) > 1:
            numbers.append(MeasureNumber("0", implicit=True))
            index = 1
            continue
        counted += 1
        numbers.append(MeasureNumber(str(counted)))
        for _ in range(_later_pieces(lengths, fulls, endings, index)):
            pieces += 1
            numbers.append(MeasureNumber(f"X{pieces}", implicit=True))
        index = len(numbers)
    return numbers


def _later_pieces(
    lengths: Sequence[Fraction | int], fulls: Sequence[Fraction | int | None], endings: Collection[int], first: int
) -> int:
    """Number of measures that fill a measure with the first one; 0 if they don't fill it exactly."""
    full = fulls[first]
    if full is None:
        return 0
    filled, index = lengths[first], first + 1
    while filled < full and index < len(lengths) and index not in endings and fulls[index] == full:
        filled += lengths[index]
        index += 1
    return index - first - 1 if filled == full else 0
