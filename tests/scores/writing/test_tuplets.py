"""Spans of any fineness are written in values that have names, triplets in brackets."""

from fractions import Fraction
from itertools import pairwise

import pytest
from chorales import METRES
from hypothesis import given
from hypothesis import strategies as st

from bachlit.scores.writing.durations import split, value_of
from bachlit.scores.writing.elements import note_element
from bachlit.scores.writing.notation import Symbol, Tuplet, beam
from bachlit.scores.writing.spelling import Spelling
from bachlit.scores.writing.tuplets import UNITS_PER_FRAME, Group, Piece, divide, triplets

steps = st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 32])


def names(pieces: tuple[Piece, ...]) -> list[str]:
    """Values as they look: dots, and 3 in a triplet."""
    written = []
    for piece in pieces:
        length = Fraction(piece.length, UNITS_PER_FRAME)
        value, dots = value_of(length * Fraction(3, 2) if piece.tuplet else length)
        written.append(value + "." * dots + "3" * bool(piece.tuplet))
    return written


@given(st.sampled_from(METRES), steps, st.lists(st.integers(0, 400), max_size=6), st.booleans())
def test_pieces_have_names_and_add_up_whatever_the_edges(
    metre: tuple[int, int], step: int, drawn: list[int], rest: bool
) -> None:
    measure = 192 * metre[0] // metre[1]
    edges = sorted({0, measure, *(place * step % measure for place in drawn)})
    groups = triplets(edges, metre)
    assert all(sum(one) <= other.start for one, other in pairwise(groups))
    brackets = []
    for begin, end in pairwise(edges):
        pieces = divide(begin, end - begin, metre, groups, rest=rest)
        assert sum(piece.length for piece in pieces) == end - begin
        assert names(pieces)
        brackets += [mark for piece in pieces if piece.tuplet for mark in piece.tuplet[2:]]
    assert sum(brackets) == 2 * len(groups), "each bracket begins and ends"


@given(st.sampled_from(METRES), st.integers(0, 47), st.integers(1, 48))
def test_whole_sixteenths_are_split_as_ever(metre: tuple[int, int], position: int, length: int) -> None:
    if position + length <= 16 * metre[0] // metre[1]:
        whole = [Piece(UNITS_PER_FRAME * value) for value in split(position, length, metre)]
        assert divide(UNITS_PER_FRAME * position, UNITS_PER_FRAME * length, metre) == tuple(whole)


@pytest.mark.parametrize(
    ("metre", "edges", "written"),
    [
        ((4, 4), [0, 16, 32, 48], ["eighth3", "eighth3", "eighth3"]),
        ((4, 4), [0, 32, 48], ["quarter3", "eighth3"]),
        ((4, 4), [0, 32, 64, 96], ["quarter3", "quarter3", "quarter3"]),
        ((4, 4), [0, 24, 32, 40, 48], ["eighth", "16th3", "16th3", "16th3"]),
        ((4, 4), [0, 8, 16, 48], ["16th3", "16th3", "quarter3"]),
        ((4, 4), [0, 18, 24], ["16th.", "32nd"]),
        ((4, 4), [0, 36, 42, 48], ["eighth.", "32nd", "32nd"]),
        ((4, 4), [0, 3, 6, 12], ["64th", "64th", "32nd"]),
        ((4, 4), [0, 54, 60], ["quarter", "32nd", "32nd"]),
        ((6, 8), [0, 24, 32, 40, 48, 72], ["eighth", "16th3", "16th3", "16th3", "eighth"]),
        ((4, 4), [0, 64, 128, 192], ["half3", "half3", "half3"]),
    ],
)
def test_fine_notes_are_written_as_musicians_expect(
    metre: tuple[int, int], edges: list[int], written: list[str]
) -> None:
    groups = triplets(edges, metre)
    assert [
        name for begin, end in pairwise(edges) for name in names(divide(begin, end - begin, metre, groups))
    ] == written


def test_a_triplet_has_its_bracket_its_ratio_and_its_beam() -> None:
    places = [Tuplet(begins=True), Tuplet(), Tuplet(ends=True)]
    symbols = [
        Symbol(spelling=Spelling("C", 0, 5), position=Fraction(4 * n, 3), length=Fraction(4, 3), tuplet=place)
        for n, place in enumerate(places)
    ]
    notes = [note_element(symbol, divisions=3) for symbol in beam(symbols, 4)]
    assert [(note.findtext("duration"), note.findtext("type"), note.findtext("beam")) for note in notes] == [
        ("1", "eighth", "begin"), ("1", "eighth", "continue"), ("1", "eighth", "end")
    ]  # fmt: skip
    assert {
        (n.findtext("time-modification/actual-notes"), n.findtext("time-modification/normal-notes")) for n in notes
    } == {("3", "2")}
    assert [[mark.get("type") for mark in note.iterfind("notations/tuplet")] for note in notes] == [
        ["start"],
        [],
        ["stop"],
    ]


def test_divisions_that_do_not_hold_a_length_are_a_fault() -> None:
    with pytest.raises(ValueError, match="divisions of 4 don't hold 4/3 sixteenths"):
        note_element(Symbol(spelling=None, position=0, length=Fraction(4, 3), tuplet=Tuplet()))


def test_a_triplet_is_within_its_measure() -> None:
    assert triplets([0, 100, 120], (5, 8)) == (Group(96, 24),)
    assert triplets([0, 4, 8, 12], (1, 16)) == (Group(0, 12),)
