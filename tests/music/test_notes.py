"""Laws of notes, on random chorales in many metres."""

import numpy as np
import pytest
from chorales import chorales, melody, voices
from hypothesis import given

from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.music.notes import name_of, notes_of, pitch_named


@given(chorales(), voices)
def test_notes_and_rests_fill_the_grid_they_came_from(chorale: Chorale, voice: Voice) -> None:
    notes = notes_of(chorale, voice)
    column = VOICES.index(voice)
    assert (
        np.repeat([n.pitch for n in notes], [n.length for n in notes]).tolist() == chorale.pitches[:, column].tolist()
    )
    assert [n.start for n in notes] == np.flatnonzero(chorale.onsets[:, column]).tolist()


def test_two_repeated_notes_with_fermatas_carry_one_each() -> None:
    chorale = Chorale(
        pitches=np.array([[67, 60, 0, 48]] * 8),
        onsets=np.array([[frame in (0, 4), frame == 0, frame == 0, frame in (0, 6)] for frame in range(8)]),
        fermatas=np.ones(8, dtype=bool),
    )
    assert [[note.fermata for note in notes_of(chorale, voice)] for voice in VOICES] == [
        [True, True],
        [True],
        [False],
        [True, True],
    ]


def test_a_fermata_over_a_soprano_that_rests_stands_where_it_ends() -> None:
    bass = melody((48, 4), (50, 4), (52, 4), (53, 4), fermata_at=1)
    chorale = Chorale(pitches=bass.pitches[:, ::-1], onsets=bass.onsets[:, ::-1], fermatas=bass.fermatas)
    assert [note.fermata for note in notes_of(chorale, "bass")] == [False, True, False, False]
    assert not any(note.fermata for note in notes_of(chorale, "soprano"))


def test_every_pitch_has_a_name_that_is_read_again() -> None:
    for pitch in range(1, 128):
        assert pitch_named(name_of(pitch)) == pitch
        assert pitch_named(name_of(pitch).lower()) == pitch


@pytest.mark.parametrize("name", ["", "C", "H4", "C10", "C#b4", "C-1", "G#9", "C 4", "4C", "C\uff14"])
def test_what_names_no_pitch_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="it names no pitch"):
        pitch_named(name)
