"""Laws of the value that everything else speaks in."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from chorales import KEYS, chorales, random_chorale, voices
from hypothesis import given
from hypothesis import strategies as st

from bachlit.errors import ChoraleError
from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.keys import Key

ARRAYS = ("pitches", "onsets", "fermatas")


def chorale(**changes: Any) -> Chorale:
    """Four frames of a chord, with what a test changes."""
    fields: dict[str, Any] = {
        "pitches": np.array([[67, 64, 60, 48]] * 4),
        "onsets": np.array([[frame == 0] * 4 for frame in range(4)]),
        "fermatas": np.zeros(4, np.bool_),
    }
    return Chorale(**{**fields, **changes})


def refusal(**changes: Any) -> str:
    with pytest.raises(ChoraleError) as error:
        chorale(**changes)
    assert isinstance(error.value, ValueError)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
    return str(error.value)


@given(chorales())
def test_a_chorale_is_what_it_was_made_of(one: Chorale) -> None:
    again = Chorale(**{field.name: getattr(one, field.name) for field in dataclasses.fields(one)})
    assert again == one
    assert [array.dtype for array in (one.pitches, one.onsets, one.fermatas)] == [np.int16, np.bool_, np.bool_]


@pytest.mark.parametrize("name", ARRAYS)
def test_its_arrays_can_not_be_changed(name: str) -> None:
    one = chorale()
    with pytest.raises(ValueError, match="read-only"):
        getattr(one, name)[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, name, getattr(one, name))


@pytest.mark.parametrize("name", ARRAYS)
def test_it_does_not_share_the_arrays_it_was_made_of(name: str) -> None:
    given_array = getattr(chorale(), name).copy()
    before = given_array.copy()
    one = chorale(**{name: given_array})
    given_array[:] = 1
    assert np.array_equal(getattr(one, name), before)


def test_making_it_leaves_the_arrays_it_was_made_of_alone() -> None:
    pitches, onsets = np.zeros((4, 4), np.int16), np.ones((4, 4), np.bool_)
    chorale(pitches=pitches, onsets=onsets)
    assert onsets.all()
    assert pitches.flags.writeable
    assert onsets.flags.writeable


def test_neighbouring_rests_are_one_rest() -> None:
    pitches = np.array([[67], [0], [0], [0], [67], [67], [0]]).repeat(4, axis=1)
    for onsets in (np.ones_like(pitches), pitches > 0):  # whether rests are marked or not
        one = chorale(pitches=pitches, onsets=onsets, fermatas=np.zeros(7))
        expected = [True, True, False, False, True, bool(onsets[5, 0]), True]
        assert one.onsets[:, 0].tolist() == expected


def test_the_first_frame_always_begins_something() -> None:
    assert chorale(onsets=np.zeros((4, 4))).onsets[0].all()


@given(chorales())
def test_a_voice_changes_only_where_an_onset_is(one: Chorale) -> None:
    changed = one.pitches[1:] != one.pitches[:-1]
    assert one.onsets[1:][changed].all()
    assert not one.onsets[1:][(one.pitches[1:] == REST) & (one.pitches[:-1] == REST)].any()


@given(chorales(), st.integers(-20, 20))
def test_a_transposition_there_and_back_is_the_same_but_for_the_name_of_the_key(one: Chorale, semitones: int) -> None:
    there = one.transpose(semitones)
    back = there.transpose(-semitones)
    assert dataclasses.replace(back, key=one.key) == one
    assert (back.key.tonic, back.key.mode) == (one.key.tonic, one.key.mode)
    sounding = one.pitches != REST
    assert (there.pitches[sounding] == one.pitches[sounding] + semitones).all()
    assert (there.pitches[~sounding] == REST).all()
    assert there.key == one.key.transpose(semitones)
    assert dataclasses.replace(there, pitches=one.pitches, key=one.key) == one  # rhythm and all else stay


def test_a_transposition_by_nothing_is_the_same() -> None:
    for key in KEYS:
        one = random_chorale(1, num_frames=16, key=key)
        assert one.transpose(0) == one


@pytest.mark.parametrize(("low", "high", "up", "down"), [(36, 81, 46, 35), (1, 127, 0, 0)])
def test_a_transposition_may_go_as_far_as_midi(low: int, high: int, up: int, down: int) -> None:
    one = Chorale.from_pitches([[high, REST, REST, low]] * 2)
    assert one.transpose(up).compass == (low + up, 127)
    assert one.transpose(-down).compass == (1, high - down)
    for semitones in (up + 1, -down - 1):
        with pytest.raises(ChoraleError, match="leaves MIDI's pitches 1 to 127; choose a smaller interval"):
            one.transpose(semitones)


def test_silence_can_be_transposed_anywhere() -> None:
    silence = Chorale.from_pitches([[REST] * 4] * 2)
    assert silence.compass is None
    assert silence.transpose(500).pitches.tolist() == silence.pitches.tolist()


@given(chorales(), st.lists(voices))
def test_only_keeps_the_voices_that_are_named(one: Chorale, kept: list[Voice]) -> None:
    alone = one.only(*kept)
    for column, voice in enumerate(VOICES):
        if voice in kept:
            assert alone.pitches[:, column].tolist() == one.pitches[:, column].tolist()
            assert alone.onsets[:, column].tolist() == one.onsets[:, column].tolist()
        else:
            assert not alone.pitches[:, column].any()
            assert alone.onsets[:, column].nonzero()[0].tolist() == [0]
    assert dataclasses.replace(alone, pitches=one.pitches, onsets=one.onsets) == one
    assert alone.only(*kept) == alone
    assert one.only(*VOICES) == one


def test_from_pitches_begins_a_note_where_the_pitch_changes() -> None:
    one = Chorale.from_pitches([[67, 0, 60, 48], [67, 0, 60, 50], [69, 62, 0, 50]], pickup=2, name="here")
    assert one.onsets.tolist() == [[True] * 4, [False, False, False, True], [True, True, True, False]]
    assert (one.pickup, one.name, one.fermatas.any()) == (2, "here", False)


@pytest.mark.parametrize(
    "change",
    [
        {"pitches": np.array([[67, 64, 60, 47]] * 4)},
        {"onsets": np.ones((4, 4))},
        {"fermatas": np.ones(4)},
        {"time_signature": (3, 4)},
        {"pickup": 4},
        {"key": Key(0, "minor")},
        {"title": "Jesu"},
        {"name": "bwv1"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_chorales_that_differ_in_anything_are_unequal(change: dict[str, Any]) -> None:
    assert chorale(**change) != chorale()
    assert chorale(**change) == chorale(**change)


def test_a_chorale_equals_nothing_but_chorales() -> None:
    assert chorale() != "a chorale"
    assert chorale() != chorale(pitches=[[67, 64, 60, 48]] * 5, onsets=np.zeros((5, 4)), fermatas=np.zeros(5))


def test_a_chorale_does_not_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(chorale())


@pytest.mark.parametrize(
    ("metre", "length"), [((4, 4), 16), ((3, 4), 12), ((6, 8), 12), ((3, 2), 24), ((5, 16), 5), ((1, 1), 16)]
)
def test_a_measure_is_as_long_as_its_metre(metre: tuple[int, int], length: int) -> None:
    assert chorale(time_signature=metre).measure_length == length


@pytest.mark.parametrize("shape", [(0, 4), (4, 3), (4, 5), (4,), (2, 2, 4)])
def test_pitches_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    pitches = np.zeros(shape, int)
    message = refusal(pitches=pitches, onsets=pitches, fermatas=np.zeros(shape[:1]))
    assert f"have the shape {shape}, expected (T, 4)" in message
    with pytest.raises(ChoraleError, match="expected"):
        Chorale.from_pitches(pitches)


@pytest.mark.parametrize(
    "change",
    [{"onsets": np.ones((3, 4))}, {"onsets": np.ones(4)}, {"fermatas": np.ones(5)}, {"fermatas": np.ones((4, 1))}],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    assert "don't fit; expected (T, 4), (T, 4) and (T,)" in refusal(**change)


@pytest.mark.parametrize("wrong", [-1, 128, 60.5, 60.0, float("nan"), 65596, True, "60"])
def test_what_is_no_midi_pitch_is_refused(wrong: Any) -> None:
    pitches = np.array([[wrong] * 4] * 4)
    assert "must be whole numbers from 0 (a rest) to 127" in refusal(pitches=pitches)


@pytest.mark.parametrize(("frame", "column"), [(1, 0), (3, 2)])
def test_a_pitch_that_changes_without_an_onset_is_refused(frame: int, column: int) -> None:
    pitches = np.array([[67, 64, 60, 48]] * 4)
    pitches[frame:, column] += 1
    assert f"The {VOICES[column]} changes pitch at frame {frame} without an onset" in refusal(pitches=pitches)


@pytest.mark.parametrize("metre", [(0, 4), (4, 3), (4, 32), (4, 0), (-3, 4)])
def test_a_metre_that_does_not_fit_the_grid_is_refused(metre: tuple[int, int]) -> None:
    assert f"time signature {metre[0]}/{metre[1]} doesn't fit" in refusal(time_signature=metre)


@pytest.mark.parametrize(("metre", "pickup"), [((4, 4), 16), ((3, 4), 12), ((4, 4), -1)])
def test_a_pickup_as_long_as_a_measure_is_refused(metre: tuple[int, int], pickup: int) -> None:
    assert f"A pickup of {pickup} sixteenths doesn't fit" in refusal(time_signature=metre, pickup=pickup)
