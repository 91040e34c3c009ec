"""How lengths are split into note values: by example."""

import pytest

from bachlit.scores.writing.durations import split


@pytest.mark.parametrize(
    ("metre", "position", "length", "values"),
    [
        ((4, 4), 0, 5, (4, 1)),
        ((4, 4), 0, 7, (4, 3)),
        ((4, 4), 0, 9, (8, 1)),
        ((4, 4), 0, 10, (8, 2)),
        ((4, 4), 4, 6, (6,)),  # dotted quarter on the second beat
        ((4, 4), 4, 8, (8,)),
        ((4, 4), 4, 12, (12,)),
        ((4, 4), 2, 4, (4,)),  # a syncopation over a beat
        ((4, 4), 6, 4, (2, 2)),  # but not over the half measure
        ((4, 4), 2, 6, (2, 4)),
        ((4, 4), 10, 4, (4,)),
        ((4, 4), 3, 2, (1, 1)),  # off the eighths a beat is always shown
        ((4, 4), 1, 2, (2,)),
        ((4, 4), 1, 3, (3,)),
        ((3, 4), 6, 4, (4,)),
        ((3, 4), 0, 12, (12,)),
        ((2, 4), 2, 4, (4,)),
        ((3, 2), 0, 24, (24,)),
        ((3, 2), 6, 4, (2, 2)),
        ((3, 2), 4, 20, (12, 8)),
        ((4, 2), 0, 32, (32,)),
        ((5, 4), 0, 20, (8, 12)),
        ((6, 8), 0, 12, (12,)),
        ((6, 8), 0, 8, (6, 2)),
        ((6, 8), 4, 8, (2, 6)),
        ((6, 8), 4, 4, (2, 2)),
        ((6, 8), 2, 4, (4,)),
        ((6, 8), 2, 3, (2, 1)),
        ((9, 8), 0, 18, (12, 6)),
        ((12, 8), 0, 24, (24,)),
        ((3, 8), 2, 4, (4,)),
        ((3, 8), 0, 6, (6,)),
    ],
)
def test_a_note_is_written_as_musicians_expect(
    metre: tuple[int, int], position: int, length: int, values: tuple[int, ...]
) -> None:
    assert split(position, length, metre) == values


@pytest.mark.parametrize(
    ("metre", "position", "length", "values"),
    [
        ((4, 4), 0, 12, (8, 4)),
        ((4, 4), 4, 12, (4, 8)),
        ((4, 4), 4, 8, (4, 4)),
        ((4, 4), 2, 6, (2, 4)),
        ((3, 4), 4, 8, (4, 4)),
        ((3, 4), 0, 8, (4, 4)),
        ((6, 8), 0, 6, (6,)),
        ((6, 8), 2, 4, (2, 2)),
        ((6, 8), 2, 10, (2, 2, 6)),
        ((12, 8), 12, 12, (12,)),
    ],
)
def test_a_rest_keeps_to_the_beats(metre: tuple[int, int], position: int, length: int, values: tuple[int, ...]) -> None:
    assert split(position, length, metre, rest=True) == values
