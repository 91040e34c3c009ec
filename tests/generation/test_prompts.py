"""A tune that no voice reaches is moved by octaves for the model, and comes back where it was."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
from chorales import melody
from hypothesis import given, settings
from hypothesis import strategies as st

from bachlit.decoding import Greedy
from bachlit.errors import RangeWarning
from bachlit.generation.harmonizing import write
from bachlit.generation.prompts import move_for
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import LARGEST_MOVE, RANGES, VOICES, Voice, move_into_range
from bachlit.music.prompt import Prompt
from bachlit.scores import read_chorale, read_voices, write_musicxml


def sung_by(voice: Voice, *pitches: int) -> Prompt:
    """A prompt in which one voice has some pitches."""
    four = np.zeros((len(pitches), 4), dtype=int)
    four[:, VOICES.index(voice)] = pitches
    piece = dataclasses.replace(melody(*[(60, 1)] * len(pitches)), pitches=four, onsets=np.ones(four.shape, bool))
    return Prompt.voices(piece, voice)


def near(voice: Voice, low: int, high: int) -> bool:
    """Whether six semitones bring a compass into a voice's range, reckoned otherwise than the code does."""
    lowest, highest = RANGES[voice]
    down, up = max(0, high - highest), max(0, lowest - low)
    return high - low <= highest - lowest and max(down, up) <= LARGEST_MOVE


@settings(deadline=None)
@given(st.sampled_from(VOICES), st.lists(st.integers(1, 127), min_size=1, max_size=5))
def test_a_voice_is_moved_by_the_fewest_octaves(voice: Voice, pitches: list[int]) -> None:
    low, high = min(pitches), max(pitches)
    reaches = [octaves for octaves in range(-5, 6) if near(voice, low + 12 * octaves, high + 12 * octaves)]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        move, into_range = move_for(sung_by(voice, *pitches), "all")
    assert move == into_range
    if not reaches:
        lowest, highest = RANGES[voice]
        outside = max(0, lowest - low - move) + max(0, high + move - highest)
        assert outside == max(0, high - low - (highest - lowest))  # the least that there is
        assert "is wider than a voice's range" in str(warned[0].message)
        return
    octaves = min(reaches, key=abs)
    assert abs(move - 12 * octaves) <= LARGEST_MOVE
    assert RANGES[voice][0] <= low + move <= high + move <= RANGES[voice][1]
    assert [warning.category for warning in warned] == [RangeWarning] * (octaves != 0)


@pytest.mark.parametrize("voice", VOICES)
def test_what_is_near_enough_is_left_alone(voice: Voice) -> None:
    low, high = RANGES[voice]
    for move in range(-LARGEST_MOVE, LARGEST_MOVE + 1):
        assert move_into_range({voice: (low + move, high + move)}) == -move
    assert move_into_range({voice: (low - LARGEST_MOVE - 1, high)}) is None


@pytest.mark.parametrize(
    ("pitch", "octaves", "message"),
    [(45, 1, "1 octave below"), (33, 2, "2 octaves below"), (100, -2, "2 octaves above")],
)
def test_a_tune_octaves_away_stays_and_the_parts_go_with_it(
    small_model: LanguageModel, pitch: int, octaves: int, message: str
) -> None:
    piece = dataclasses.replace(melody((pitch, 4), (pitch, 4)), name="tune")
    with pytest.warns(RangeWarning, match=f"The soprano of tune: {message} where voices sing, and so are the parts"):
        [written] = write(small_model, [Prompt.voices(piece, "soprano")], decoder=Greedy(), seeds=[0])
    assert (written.chorale.pitches[:, 0] == pitch).all()
    near_by = melody((pitch + 12 * octaves, 4), (pitch + 12 * octaves, 4))
    [expected] = write(small_model, [Prompt.voices(near_by, "soprano")], decoder=Greedy(), seeds=[0])
    assert (written.chorale.pitches == expected.chorale.pitches - 12 * octaves).all()


def test_given_voices_move_together_and_a_rhythm_does_not_count() -> None:
    four = np.array([[48, 90, 0, 30]] * 16)
    piece = dataclasses.replace(melody((60, 16)), pitches=four, name="three")
    with pytest.warns(RangeWarning, match="The soprano and bass of three: 1 octave below"):
        assert 12 - LARGEST_MOVE <= move_for(Prompt.voices(piece, "soprano", "bass"), "all")[0] <= 12 + LARGEST_MOVE


def test_scores_are_read_at_their_pitch(tmp_path: Path) -> None:
    four = np.array([[48, 48, 48, 30]] * 16)
    write_musicxml(dataclasses.replace(melody((60, 16)), pitches=four), tmp_path / "four.musicxml")
    assert read_chorale(tmp_path / "four.musicxml").pitches[0].tolist() == [48, 48, 48, 30]
    assert read_voices(tmp_path / "four.musicxml").pitches[0].tolist() == [48, 0, 0, 0]
