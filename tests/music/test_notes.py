"""Laws of notes and measures, on random chorales in many metres."""

import numpy as np
from chorales import chorales, melody, voices
from hypothesis import given

from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.music.notes import measures_of, notes_of


@given(chorales(), voices)
def test_notes_and_rests_fill_the_grid_they_came_from(chorale: Chorale, voice: Voice) -> None:
    notes = notes_of(chorale, voice)
    column = VOICES.index(voice)
    assert (
        np.repeat([n.pitch for n in notes], [n.length for n in notes]).tolist() == chorale.pitches[:, column].tolist()
    )
    assert [n.start for n in notes] == np.flatnonzero(chorale.onsets[:, column]).tolist()


@given(chorales())
def test_measures_are_full_but_for_the_pickup_and_the_last(chorale: Chorale) -> None:
    measures = measures_of(chorale)
    assert [m.start + m.length for m in measures[:-1]] == [m.start for m in measures[1:]]
    assert (measures[0].start, measures[-1].start + measures[-1].length) == (0, chorale.num_frames)
    assert measures[0].number == (0 if chorale.pickup else 1)
    assert all(m.position + m.length == chorale.measure_length for m in measures[:-1])
    if chorale.pickup:
        assert measures[0].length == chorale.pickup


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
