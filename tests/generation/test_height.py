"""A tune that lies too low or too high for a choir is moved where it is asked for, and said."""

import dataclasses
import warnings

import numpy as np
import pytest
from chorales import melody

from bachlit.errors import HearingWarning
from bachlit.generation.height import moved_to_sing, sung_move
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key
from bachlit.music.prompt import Prompt

SCALE = (0, 2, 4, 5, 7, 5, 4, 2, 0)


def tune_from(lowest: int, key: Key) -> Prompt:
    """Up and down a fifth from a note."""
    tune = melody(*[(lowest + step, 4) for step in SCALE])
    return Prompt.voices(dataclasses.replace(tune, key=key, name="tune"), "soprano")


def test_most_of_bachs_sopranos_stay_where_they_are(bach: list[Chorale]) -> None:
    moves = [sung_move(Prompt.voices(piece, "soprano")) for piece in bach]
    assert np.mean([move == 0 for move in moves]) > 0.8
    assert max(map(abs, moves)) <= 7


@pytest.mark.parametrize("lowest", [36, 48, 58, 80, 96])
def test_a_tune_comes_to_the_middle_of_the_soprano_in_an_easy_key(lowest: int) -> None:
    prompt = tune_from(lowest, Key(0).transpose(lowest))
    moved = prompt.chorale.transpose(sung_move(prompt))
    assert 69 <= np.median(moved.pitches[:, 0]) <= 73
    assert abs(moved.key.fifths) <= 2


def test_of_two_moves_the_one_into_the_easier_key_is_taken() -> None:
    """Else they would come to the very middle, with two to six sharps or flats."""
    moved = {key: sung_move(tune_from(60, key)) for key in (Key(0), Key(0).transpose(-1), Key(0).transpose(-3))}
    assert all(abs(key.transpose(move).fifths) <= 1 for key, move in moved.items())
    assert len(set(moved.values())) > 1


def test_all_given_voices_count() -> None:
    four = np.array([[48, 0, 0, 29]] * 8)
    piece = dataclasses.replace(melody((60, 8)), pitches=four)
    assert 19 <= sung_move(Prompt.voices(piece, "soprano", "bass")) <= 25
    assert sung_move(Prompt.voices(piece, "alto")) == 0  # it only rests


def test_where_it_goes_is_said_and_nothing_where_it_stays() -> None:
    with pytest.warns(HearingWarning, match="tune is moved up by 7 semitones, to G major, where a choir sings well"):
        assert moved_to_sing(tune_from(60, Key(0))) == 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert moved_to_sing(tune_from(69, Key(3))) == 0
