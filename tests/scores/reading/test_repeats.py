"""The order in which repeats are played."""

from fractions import Fraction

from bachlit.scores.reading.score import BarLines, WrittenMeasure, play_order

PLAIN, OPENS, CLOSES = BarLines(), BarLines(opens=True), BarLines(closes=True)
SECOND = BarLines(ending="2", ends=True)


def played(*lines: BarLines) -> list[int]:
    return play_order([WrittenMeasure(str(number), Fraction(4), bar_lines=one) for number, one in enumerate(lines)])


def test_a_repeat_without_a_beginning_starts_where_the_last_ended() -> None:
    assert played(CLOSES, CLOSES, PLAIN) == [0, 0, 1, 1, 2]


def test_a_pickup_before_the_repeat_is_played_once() -> None:
    assert played(PLAIN, OPENS, CLOSES, PLAIN) == [0, 1, 2, 1, 2, 3]


def test_a_first_ending_of_several_measures_is_left_out_on_the_second_pass() -> None:
    first = [BarLines(ending="1"), BarLines(closes=True, ends=True)]
    assert played(OPENS, *first, SECOND, PLAIN) == [0, 1, 2, 0, 3, 4]
