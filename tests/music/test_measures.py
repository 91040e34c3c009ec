"""Laws of measures, keys and orders of playing, on random chorales whose bars are regular or not."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from chorales import METRES, barred_chorale, chorales, random_bars, random_chorale, repeated_chorale
from hypothesis import given
from hypothesis import strategies as st

from bachlit.errors import ChoraleError
from bachlit.music.chorale import Chorale, cut
from bachlit.music.keys import Key
from bachlit.music.measures import Measure

seeds = st.integers(0, 2**32)


@dataclasses.dataclass
class Moved:
    """A source that knows how far it was moved; empty, as an element without children is."""

    by: int = 0

    def __len__(self) -> int:
        return 0

    def transpose(self, semitones: int) -> "Moved":
        return Moved(self.by + semitones)


@given(chorales())
def test_measures_are_full_but_for_the_pickup_and_the_last(chorale: Chorale) -> None:
    measures = chorale.measures
    assert [m.end for m in measures[:-1]] == [m.start for m in measures[1:]]
    assert (measures[0].start, measures[-1].end) == (0, chorale.num_frames)
    assert measures[0].number == ("0" if chorale.pickup else "1")
    assert all(m.position + m.length == m.full == chorale.measure_length for m in measures[:-1])
    if chorale.pickup:
        assert measures[0].length == chorale.pickup


@given(chorales())
def test_bars_of_one_metre_go_without_saying(chorale: Chorale) -> None:
    assert chorale.bars == ()
    again = dataclasses.replace(chorale, bars=chorale.measures, time_signature=(7, 16), pickup=3)
    assert again == chorale
    assert again.bars == ()


@given(seeds)
def test_bars_are_kept_as_they_are(seed: int) -> None:
    bars = random_bars(seed)
    chorale = random_chorale(seed, num_frames=bars[-1].end)
    barred = dataclasses.replace(chorale, bars=tuple(bars))
    assert list(barred.measures) == bars
    assert barred.time_signature == bars[0].time_signature
    assert barred.pickup == (bars[0].full - bars[0].position) % bars[0].full
    assert dataclasses.replace(barred, pitches=chorale.pitches) == barred


@pytest.mark.parametrize("metre", METRES)
def test_other_numbers_make_bars_irregular(metre: tuple[int, int]) -> None:
    chorale = random_chorale(1, num_frames=40, metre=metre)
    shifted = tuple(bar._replace(number=f"{bar.number}a") for bar in chorale.measures)
    assert dataclasses.replace(chorale, bars=shifted).bars == shifted


@pytest.mark.parametrize(
    "bars",
    [
        [("1", 0, 3, 0, (4, 4))],
        [("1", 0, 5, 0, (4, 4))],
        [("1", 1, 3, 0, (4, 4))],
        [("1", 0, 2, 0, (4, 4)), ("2", 3, 1, 0, (4, 4))],
        [("1", 0, 4, 0, (4, 4)), ("2", 4, 0, 0, (4, 4))],
        [("1", 0, 4, 16, (4, 4))],
        [("1", 0, 4, -1, (4, 4))],
        [("1", 0, 4, 0, (4, 3))],
    ],
)
def test_bars_that_do_not_fill_the_piece_are_refused(bars: list[Any]) -> None:
    with pytest.raises(ChoraleError, match=r"expected|give it other bars"):
        dataclasses.replace(random_chorale(1, num_frames=4), bars=tuple(bars))


@pytest.mark.parametrize(
    "change",
    [
        {"keys": ((0, Key(1)),)},
        {"keys": ((40, Key(1)),)},
        {"keys": ((8, Key(1)), (8, Key(2)))},
        {"order": (0, 3)},
        {"order": (-1,)},
    ],
)
def test_keys_and_orders_outside_the_piece_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ChoraleError, match="expected"):
        dataclasses.replace(random_chorale(1, num_frames=40), **change)


@given(seeds)
def test_what_changes_nothing_is_dropped(seed: int) -> None:
    chorale = barred_chorale(seed)
    same = tuple((frame, chorale.key_at(frame)) for frame in range(1, chorale.num_frames))
    assert dataclasses.replace(chorale, keys=same, order=tuple(range(len(chorale.measures)))) == chorale


@given(seeds, st.integers(-9, 9))
def test_a_transposition_moves_all_keys_and_the_source(seed: int, semitones: int) -> None:
    chorale = dataclasses.replace(repeated_chorale(seed), source=Moved(1))
    moved = chorale.transpose(semitones)
    assert moved.source == Moved(1 + semitones)
    assert (moved.bars, moved.order) == (chorale.bars, chorale.order)
    for frame in range(chorale.num_frames):
        assert moved.key_at(frame).tonic == (chorale.key_at(frame).tonic + semitones) % 12
        assert moved.key_at(frame).mode == chorale.key_at(frame).mode


@given(seeds, st.data())
def test_a_cut_keeps_measures_and_keys_where_they_are(seed: int, data: st.DataObject) -> None:
    chorale = dataclasses.replace(repeated_chorale(seed), source=Moved())
    first = data.draw(st.integers(0, chorale.num_frames - 1))
    last = data.draw(st.integers(first + 1, chorale.num_frames))
    part = cut(chorale, first, last)
    assert (part.order, part.source) == ((), None)
    assert [part.key_at(frame) for frame in range(last - first)] == [chorale.key_at(f) for f in range(first, last)]

    def places(piece: Chorale) -> list[tuple[str, int, tuple[int, int]]]:
        return [
            (measure.number, (measure.position + frame) % measure.full, measure.time_signature)
            for measure in piece.measures
            for frame in range(measure.length)
        ]

    assert places(part) == places(chorale)[first:last]


def test_the_source_is_not_compared() -> None:
    chorale = random_chorale(1, num_frames=8)
    assert dataclasses.replace(chorale, source=Moved()) == chorale
    assert "Moved" not in repr(dataclasses.replace(chorale, source=Moved()))


@pytest.mark.parametrize("change", [{"keys": ((4, Key(1)),)}, {"order": (0, 0)}, {"bars": "numbers"}])
def test_pieces_that_differ_in_bars_keys_or_order_differ(change: dict[str, Any]) -> None:
    chorale = random_chorale(1, num_frames=40)
    if change == {"bars": "numbers"}:
        change = {"bars": tuple(bar._replace(number=bar.number + "x") for bar in chorale.measures)}
    assert dataclasses.replace(chorale, **change) != chorale
    assert dataclasses.replace(chorale, **change) == dataclasses.replace(chorale, **change)


def test_measures_may_be_plain_tuples_and_a_piece_shows_them() -> None:
    chorale = dataclasses.replace(random_chorale(1, num_frames=7), bars=(("9", 0, 7, 4, (4, 4)),))  # type: ignore[arg-type]
    assert chorale.measures == (Measure("9", 0, 7, 4, (4, 4)),)
    assert isinstance(chorale.measures[0], Measure)
    assert (chorale.pickup, np.shape(chorale.pitches)) == (12, (7, 4))
