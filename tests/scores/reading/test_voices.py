"""A tune that no voice reaches is moved by octaves, and only then."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
from chorales import melody
from hypothesis import given, settings
from hypothesis import strategies as st

from bachlit.music.chorale import LARGEST_MOVE, RANGES, VOICES, Voice, move_into_range
from bachlit.scores import ScoreWarning, read_chorale, read_voices, write_musicxml
from bachlit.scores.reading.voices import sing_in_range


def sung_by(voice: Voice, *pitches: int) -> np.ndarray:
    four = np.zeros((len(pitches), 4), dtype=int)
    four[:, VOICES.index(voice)] = pitches
    return four


@settings(deadline=None)
@given(st.sampled_from(VOICES), st.lists(st.integers(1, 127), min_size=1, max_size=5))
def test_a_voice_is_moved_by_octaves_into_its_range_if_any_octave_does(voice: Voice, pitches: list[int]) -> None:
    four = sung_by(voice, *pitches)
    chorale = dataclasses.replace(melody(*[(60, 1)] * len(pitches)), pitches=four, onsets=np.ones(four.shape, bool))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        moved = sing_in_range(chorale)
    distance = set((moved.pitches[four > 0] - four[four > 0]).tolist())
    assert len(distance) == 1
    [semitones] = distance
    low, high = min(pitches), max(pitches)
    reaches = [12 * octaves for octaves in range(-9, 10) if near(voice, low + 12 * octaves, high + 12 * octaves)]
    assert semitones % 12 == 0
    assert len(told) == (semitones != 0)
    assert abs(semitones) == min(map(abs, reaches), default=0)
    assert dataclasses.replace(moved, pitches=four) == chorale


def near(voice: Voice, low: int, high: int) -> bool:
    """Whether six semitones bring a compass into a voice's range, reckoned otherwise than the code does."""
    lowest, highest = RANGES[voice]
    down, up = max(0, high - highest), max(0, lowest - low)
    return high - low <= highest - lowest and max(down, up) <= LARGEST_MOVE


@pytest.mark.parametrize("voice", VOICES)
def test_what_is_near_enough_is_left_alone(voice: Voice) -> None:
    low, high = RANGES[voice]
    for move in range(-LARGEST_MOVE, LARGEST_MOVE + 1):
        assert move_into_range({voice: (low + move, high + move)}) == -move
    assert move_into_range({voice: (low - LARGEST_MOVE - 1, high)}) is None


@pytest.mark.parametrize(
    ("pitch", "sung", "said"), [(45, 57, "1 octave up"), (20, 56, "3 octaves up"), (100, 76, "2 octaves down")]
)
def test_a_tune_is_read_where_voices_sing_and_told(tmp_path: Path, pitch: int, sung: int, said: str) -> None:
    write_musicxml(melody((pitch, 16)), tmp_path / "tune.musicxml")
    with pytest.warns(ScoreWarning) as told:
        assert read_voices(tmp_path / "tune.musicxml").compass == (sung, sung)
    assert [str(warning.message) for warning in told] == [f"The soprano of tune: moved {said}, to where voices sing."]


def test_voices_that_are_given_move_together_and_one_whose_rhythm_is_wanted_stays(tmp_path: Path) -> None:
    four = np.array([[48, 90, 0, 30]] * 16)
    write_musicxml(dataclasses.replace(melody((60, 16)), pitches=four), tmp_path / "three.musicxml")
    with pytest.warns(ScoreWarning, match="The soprano and bass of three: moved 1 octave up"):
        chorale = read_voices(tmp_path / "three.musicxml", ["soprano", "bass"], also=["alto"])
    assert chorale.pitches[0].tolist() == [60, 90, 0, 42]


def test_a_chorale_is_read_as_it_stands(tmp_path: Path) -> None:
    four = np.array([[48, 48, 48, 30]] * 16)
    write_musicxml(dataclasses.replace(melody((60, 16)), pitches=four), tmp_path / "four.musicxml")
    assert read_chorale(tmp_path / "four.musicxml").pitches[0].tolist() == [48, 48, 48, 30]
