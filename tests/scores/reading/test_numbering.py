"""Measures are numbered as a musician counts them."""

from fractions import Fraction

import pytest

from bachlit.scores.reading.abc.numbering import measure_numbers


@pytest.mark.parametrize(
    ("lengths", "endings", "expected"),
    [
        ([4, 4, 4], [], "1 2 3"),
        ([1, 4, 4, 3], [], "0 1 2 3"),  # the last bar lacks the pickup
        ([1, 4, 3, 1, 4, 3], [], "0 1 2 X1 3 4"),  # each half has a pickup
        ([1, 4, 4, 3, 4, 4], [3, 4], "0 1 2 3 4 5"),  # the first ending lacks it, too
        ([1, 4, 3, 3, 1, 4], [2, 3], "0 1 2 3 X1 4"),
        ([1, 4, 3, 1, 4], [2, 3], "0 1 2 3 4"),  # a second ending is no piece of the first
        ([4, 2, 1, 1, 4], [], "1 2 X1 X2 3"),
        ([1, 3, 4], [], "0 1 2"),  # a pickup is no part of the bar after it
        ([3, 4, 3, 4], [], "0 1 2 3"),  # short bars that fill none
        ([4, 3, 3, 4], [], "1 2 3 4"),
        ([4, 6, 4], [], "1 2 3"),
        ([3], [], "1"),
        ([], [], ""),
    ],
)
def test_full_bars_count_once(lengths: list[int], endings: list[int], expected: str) -> None:
    numbers = measure_numbers(lengths, [4] * len(lengths), endings)
    assert " ".join(number.text for number in numbers) == expected
    assert all(number.implicit == (number.text[0] in "0X") for number in numbers)


def test_without_metre_each_measure_counts() -> None:
    numbers = measure_numbers([1, 4, 3, 1], [None] * 4)
    assert [number.text for number in numbers] == ["1", "2", "3", "4"]


def test_a_new_metre_ends_a_divided_bar() -> None:
    numbers = measure_numbers([4, Fraction(2), Fraction(2), 3], [4, 4, 2, 3])
    assert [number.text for number in numbers] == ["1", "2", "3", "4"]
