"""Which cells a prompt gives: whole voices, all but some bars, the rhythm of some voices."""

import dataclasses
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from chorales import chorales, random_chorale
from hypothesis import assume, given

from bachlit.errors import PromptError
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.prompt import Prompt
from bachlit.scores import to_musicxml

CHORALE = dataclasses.replace(Chorale.from_pitches([[67, 64, 60, 48]] * 40, pickup=4), name="tune")


def free_frames(prompt: Prompt) -> list[int]:
    """The frames of which all four cells are free; the others must be given whole."""
    free = ~prompt.given
    assert (free.all(axis=1) == free.any(axis=1)).all()
    return [int(frame) for frame in np.flatnonzero(free.all(axis=1))]


@given(chorales())
def test_bars_are_those_that_a_score_prints(chorale: Chorale) -> None:
    assume((chorale.pitches != REST).any(axis=0).all())
    soprano = ElementTree.fromstring(to_musicxml(chorale)).find("part")
    assert soprano is not None
    sixteenth = int(soprano.findtext(".//divisions") or 0) // 4
    frame = 0
    for measure in soprano.findall("measure"):
        num_frames = sum(int(length.text or 0) for length in measure.iterfind("note/duration")) // sixteenth
        number = int(measure.attrib["number"])
        assert free_frames(Prompt.bars(chorale, number, number)) == list(range(frame, frame + num_frames))
        frame += num_frames
    assert frame == chorale.num_frames
    first = 0 if chorale.pickup else 1
    assert free_frames(Prompt.bars(chorale, first, number)) == list(range(frame))


FOUR_FOUR, THREE_FOUR = (4, 4), (3, 4)


@pytest.mark.parametrize(
    ("first", "last", "frames"),
    [(0, 0, (0, 4)), (1, 1, (4, 20)), (2, 2, (20, 36)), (3, 3, (36, 48)), (0, 9, (0, 60)), (2, 3, (20, 48))],
)
def test_bars_go_by_printed_numbers_and_split_ones_are_whole(first: int, last: int, frames: tuple[int, int]) -> None:
    bars = (
        ("1", 0, 4, 12, FOUR_FOUR),  # a pickup that counts as bar 1, as in some scores
        ("1", 4, 16, 0, FOUR_FOUR),
        ("2", 20, 12, 0, FOUR_FOUR),
        ("X1", 32, 4, 12, FOUR_FOUR),  # the other half of bar 2
        ("3", 36, 12, 0, THREE_FOUR),
        ("9", 48, 12, 0, THREE_FOUR),
    )
    piece = dataclasses.replace(Chorale.from_pitches([[67, 64, 60, 48]] * 60), bars=bars)  # type: ignore[arg-type]
    assert free_frames(Prompt.bars(piece, first, last)) == list(range(*frames))


def test_numbers_that_begin_again_are_sought_in_order() -> None:
    numbers = ("1", "2", "3", "1", "2", "2")
    bars = tuple((number, 16 * index, 16, 0, FOUR_FOUR) for index, number in enumerate(numbers))
    piece = dataclasses.replace(Chorale.from_pitches([[67, 64, 60, 48]] * 96), bars=bars)  # type: ignore[arg-type]
    assert free_frames(Prompt.bars(piece, 1, 2)) == list(range(32))
    assert free_frames(Prompt.bars(piece, 3, 2)) == list(range(32, 96))


def test_kept_voices_are_given_in_the_bars_too() -> None:
    given = Prompt.bars(CHORALE, 2, 2, "soprano", "bass").given
    assert given[:, [0, 3]].all()
    assert not given[20:36, 1:3].any()
    assert given[:20].all()
    assert given[36:].all()


def test_the_rhythm_of_a_voice_is_given_where_its_cells_are_free() -> None:
    prompt = Prompt.bars(CHORALE, 2, 2, "soprano").with_rhythm("alto").with_rhythm("bass")
    expected = np.zeros((40, 4), bool)
    expected[20:36, [1, 3]] = True
    assert np.array_equal(prompt.rhythm, expected)
    assert np.array_equal(prompt.given, Prompt.bars(CHORALE, 2, 2, "soprano").given)
    assert not Prompt.voices(CHORALE, "soprano").rhythm.any()


def test_a_cell_that_is_given_whole_is_not_one_of_rhythm_too() -> None:
    everywhere = np.ones((40, 4), bool)
    prompt = Prompt(CHORALE, Prompt.voices(CHORALE, "tenor").given, everywhere)
    assert np.array_equal(prompt.rhythm, ~prompt.given)


def test_a_prompt_is_a_copy_that_stays_as_it_is() -> None:
    mask = np.zeros((40, 4), bool)
    prompt = Prompt(CHORALE, mask, mask)
    mask[:] = True
    assert not prompt.given.any()
    assert not prompt.rhythm.any()
    for kept in (prompt.given, prompt.rhythm):
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = True


@pytest.mark.parametrize("masks", [((40, 4), (40, 3)), ((3, 4), (40, 4))])
def test_a_mask_of_another_shape_is_refused(masks: tuple[tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(PromptError, match=r"has the shape \(.*; expected the chorale's \(40, 4\)"):
        Prompt(CHORALE, *(np.ones(shape, np.bool_) for shape in masks))


REFUSED: dict[str, tuple[Callable[[], Prompt], str]] = {
    "a bar that isn't there": (lambda: Prompt.bars(CHORALE, 2, 4), "There is no bar 4 in tune; expected 0 to 3"),
    "a pickup that isn't there": (
        lambda: Prompt.bars(random_chorale(0, num_frames=32), 0, 1),
        "There is no bar 0 in the chorale; expected 1 to 2",
    ),
    "the last bar first": (lambda: Prompt.bars(CHORALE, 3, 2), "Bar 2 comes before bar 3"),
    "bars of a melody": (lambda: Prompt.bars(CHORALE.only("soprano"), 1, 1), "The alto of tune never sounds"),
    "a kept voice that is none": (
        lambda: Prompt.bars(CHORALE, 1, 1, "descant"),  # type: ignore[arg-type]
        "no voice 'descant'",
    ),
    "a voice that is none": (lambda: Prompt.voices(CHORALE, "Bass"), "no voice 'Bass'"),  # type: ignore[arg-type]
    "a rhythm of none": (
        lambda: Prompt.voices(CHORALE, "bass").with_rhythm("cello"),  # type: ignore[arg-type]
        "no voice 'cello'",
    ),
    "the rhythm of silence": (
        lambda: Prompt.voices(CHORALE.only("bass"), "bass").with_rhythm("tenor"),
        "The tenor of tune never sounds",
    ),
    "the rhythm of what is given": (
        lambda: Prompt.voices(CHORALE, "bass").with_rhythm("bass"),
        "The bass of tune is given already",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_prompt_that_makes_no_sense_is_refused_in_one_sentence(case: str) -> None:
    make, said = REFUSED[case]
    with pytest.raises(PromptError, match=said) as error:
        make()
    assert str(error.value).count(". ") == 0
    assert str(error.value).endswith(".")


def test_every_voice_can_be_given() -> None:
    for column, voice in enumerate(VOICES):
        assert Prompt.voices(CHORALE, voice).given.all(axis=0).tolist() == [column == other for other in range(4)]
    assert Prompt.voices(CHORALE, *VOICES).given.all()
