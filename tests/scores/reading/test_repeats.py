"""The order in which repeats are played."""

from bachlit.scores.reading.playing import Signs, play_order

PLAIN, OPENS, CLOSES = Signs(), Signs(opens=True), Signs(closes=2)
SECOND = Signs(ending=(2,), ends=True)


def test_a_repeat_without_a_beginning_starts_where_the_last_ended() -> None:
    assert play_order([CLOSES, CLOSES, PLAIN]) == [0, 0, 1, 1, 2]


def test_a_pickup_before_the_repeat_is_played_once() -> None:
    assert play_order([PLAIN, OPENS, CLOSES, PLAIN]) == [0, 1, 2, 1, 2, 3]


def test_a_first_ending_of_several_measures_is_left_out_on_the_second_pass() -> None:
    first = [Signs(ending=(1,)), Signs(closes=2, ends=True)]
    assert play_order([OPENS, *first, SECOND, PLAIN]) == [0, 1, 2, 0, 3, 4]


def test_an_ending_stops_at_its_repeat_sign_without_a_bracket() -> None:
    """A program left out where the bracket stops, and all that followed was the first ending, never played again."""
    assert play_order([PLAIN, Signs(ending=(1,), closes=2), PLAIN, PLAIN]) == [0, 1, 0, 2, 3]
