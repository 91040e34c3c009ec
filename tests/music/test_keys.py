"""Laws of keys, in all 24 and in every spelling."""

from itertools import product

import numpy as np
import pytest
from chorales import KEYS

from bachlit.music.keys import MODES, Key, Mode, estimate_key, key_of, semitones_home

TWENTY_FOUR = [key_of(tonic, mode) for tonic, mode in product(range(12), MODES[:2])]
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11, 12), "minor": (0, 2, 3, 5, 7, 8, 11, 12)}  # minor's is harmonic
CADENCE = {"major": (0, 4, 7, 5, 9, 0, 7, 11, 2, 0, 4, 7), "minor": (0, 3, 7, 5, 8, 0, 7, 11, 2, 0, 3, 7)}


def in_key(degrees: dict[str, tuple[int, ...]], key: Key) -> np.ndarray:
    return np.array(degrees[key.mode]) + 60 + key.tonic


@pytest.mark.parametrize(("tonic", "mode"), list(product(range(12), MODES)))
def test_each_tonic_and_mode_has_one_key_of_at_most_six_accidentals(tonic: int, mode: Mode) -> None:
    key = key_of(tonic, mode)
    assert (key.tonic, key.mode) == (tonic, mode)
    assert -5 <= key.fifths <= 6


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (Key(0, "dorian"), "D dorian"),
        (Key(1, "dorian"), "A dorian"),
        (Key(0, "phrygian"), "E phrygian"),
        (Key(0, "lydian"), "F lydian"),
        (Key(1, "mixolydian"), "D mixolydian"),
        (Key(-1, "aeolian"), "D aeolian"),
        (Key(0, "locrian"), "B locrian"),
    ],
)
def test_a_church_mode_keeps_its_tonic(key: Key, name: str) -> None:
    assert str(key) == name


@pytest.mark.parametrize("mode", MODES)
def test_the_parallel_of_a_mode_shares_its_tonic_and_third(mode: Mode) -> None:
    for fifths in range(-7, 8):
        key = Key(fifths, mode)
        assert key.parallel.tonic == key.tonic
        assert -7 <= key.parallel.fifths <= 7
        assert key.parallel.parallel == key.parallel
        scale = {(7 * step) % 12 for step in range(fifths - 1, fifths + 6)}
        assert ((key.tonic + 3) % 12 in scale) == (key.parallel.mode == "minor")
        assert semitones_home(key) == semitones_home(key.parallel)


def test_a_written_church_mode_is_believed() -> None:
    notes = in_key(CADENCE, Key())
    for fifths, mode in product(range(-5, 6), MODES[2:]):
        assert estimate_key(notes, Key(fifths, mode)) == Key(fifths, mode).parallel


def test_there_are_twenty_four() -> None:
    assert len(set(TWENTY_FOUR)) == len({str(key) for key in TWENTY_FOUR}) == 24


@pytest.mark.parametrize(
    ("fifths", "major", "minor"),
    [
        (0, "C", "A"),
        (-3, "E-flat", "C"),
        (4, "E", "D-flat"),
        (6, "F-sharp", "E-flat"),
        (-6, "F-sharp", "E-flat"),
        (1, "G", "E"),
    ],
)
def test_a_signature_has_two_readings(fifths: int, major: str, minor: str) -> None:
    assert (str(Key(fifths)), str(Key(fifths, "minor"))) == (f"{major} major", f"{minor} minor")


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_key_moves_with_its_tonic_and_keeps_its_mode(key: Key) -> None:
    for semitones in range(-24, 25):
        moved = key.transpose(semitones)
        assert moved.tonic == (key.tonic + semitones) % 12
        assert moved.mode == key.mode
        assert moved == key if semitones % 12 == 0 else -5 <= moved.fifths <= 6
        assert moved.transpose(-semitones).tonic == key.tonic


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_way_home_is_the_shortest_to_c_major_or_a_minor(key: Key) -> None:
    home = semitones_home(key)
    assert -5 <= home <= 6
    assert key.transpose(home).fifths == 0
    assert key.transpose(home).tonic == (0 if key.mode == "major" else 9)


def test_at_home_there_is_no_way_to_go() -> None:
    assert [semitones_home(Key(0, mode)) for mode in MODES[:2]] == [0, 0]


@pytest.mark.parametrize("music", [SCALES, CADENCE], ids=["scale", "cadence"])
@pytest.mark.parametrize("key", TWENTY_FOUR, ids=str)
def test_scales_and_cadences_are_heard_in_their_key(key: Key, music: dict[str, tuple[int, ...]]) -> None:
    assert estimate_key(in_key(music, key)) == key


@pytest.mark.parametrize("key", TWENTY_FOUR, ids=str)
def test_octave_order_shape_and_rests_do_not_matter(key: Key) -> None:
    music = in_key(CADENCE, key)
    random = np.random.default_rng(0)
    scattered = random.permutation(music + 12 * random.integers(-3, 4, music.size))
    assert estimate_key(np.append(scattered, [0] * 40)) == key
    assert estimate_key(scattered.reshape(3, 4)) == key


@pytest.mark.parametrize("key", TWENTY_FOUR, ids=str)
def test_the_signature_decides_what_notes_leave_open(key: Key) -> None:
    white = np.array([0, 2, 4, 5, 7, 9, 11]) + 60 + Key(key.fifths).tonic  # a scale without a tonic
    assert estimate_key(white, Key(key.fifths)).fifths == key.fifths
    assert estimate_key(in_key(CADENCE, key), Key(key.fifths, "minor" if key.mode == "major" else "major")) == key


@pytest.mark.parametrize("key", TWENTY_FOUR, ids=str)
def test_a_signature_does_not_outweigh_clear_notes(key: Key) -> None:
    assert estimate_key(in_key(CADENCE, key), key.transpose(1)) == key


def test_a_signature_of_seven_is_that_of_five_the_other_way() -> None:
    flat = np.arange(60, 72)
    assert estimate_key(flat, Key(7)).fifths == estimate_key(flat, Key(-5)).fifths == -5


@pytest.mark.parametrize("pitches", [[], [0, 0], [[0, 0], [0, 0]]])
def test_silence_is_in_c_major(pitches: list[int]) -> None:
    assert estimate_key(np.array(pitches, int)) == estimate_key(np.array(pitches, int), Key(3)) == Key()


def test_a_flat_histogram_is_in_the_signature() -> None:
    assert estimate_key(np.arange(60, 72), Key(-3)).fifths == -3
