"""Melodies of ticks become chorales on the grid of sixteenths."""

import warnings

import numpy as np
import pytest
from asking import asked

from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreWarning
from bachlit.serving.melodies import Melody, frames_of_hold, holding


def melody(**fields: object) -> Melody:
    ask = asked("render", fields)
    assert ask.melody is not None
    return ask.melody


def test_notes_and_rests_stand_where_their_ticks_are() -> None:
    chorale = melody(
        notes=[[60, 12], [None, 6], [62, 6], [62, 24]],
        division=12,
        metre="3/4",
        pickup=12,
        fifths=-2,
        mode="dorian",
        title=" A  tune",
    ).chorale()
    assert chorale.pitches[:, 0].tolist() == [60] * 4 + [0] * 2 + [62] * 10
    assert np.flatnonzero(chorale.onsets[:, 0]).tolist() == [0, 4, 6, 8]
    assert (chorale.time_signature, chorale.pickup, chorale.key, chorale.title) == (
        (3, 4),
        4,
        Key(-2, "dorian"),
        "A tune",
    )


def test_voices_of_other_lengths_rest_to_the_end() -> None:
    chorale = melody(voices={"alto": [[60, 960]], "bass": [[48, 1920]]}, fifths=0, mode="major").chorale()
    assert chorale.pitches[:, 1].tolist() == [60] * 8 + [0] * 8
    assert chorale.pitches[:, 3].tolist() == [48] * 16


def test_a_missing_mode_is_heard_and_said() -> None:
    notes = [[pitch, 480] for pitch in (69, 71, 72, 74, 76, 74, 72, 71, 68, 69)]
    with pytest.warns(ScoreWarning, match="heard as A minor"):
        assert melody(notes=notes, fifths=0).chorale().key == Key(0, "minor")
    with pytest.warns(ScoreWarning, match="heard as"):
        assert melody(notes=notes).chorale().key.mode == "minor"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        melody(notes=notes, fifths=0, mode="minor").chorale()


def test_a_note_is_held_if_it_begins_in_a_stretch() -> None:
    chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 60, 53]] * 4 + [[71, 62, 62, 43]] * 4)
    prompt = Prompt.voices(chorale, "soprano")
    hold = frames_of_hold([("alto", 1.0, 480.0), ("tenor", 0.0, 960.0), ("bass", 481.0, 5000.0)], 480)
    held = holding(prompt, hold).given
    assert not held[:, 1].any()
    assert held[:, 2].tolist() == [True] * 8 + [False] * 4
    assert held[:, 3].tolist() == [False] * 8 + [True] * 4
    assert held[:, 0].all()
