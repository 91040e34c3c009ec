"""Laws of keys, in all 24 and in every spelling."""

from itertools import product

import numpy as np
import pytest
from chorales import KEYS

from bachlit.errors import ChoraleError
from bachlit.music.chorale import REST, Chorale
from bachlit.music.keys import MODES, Key, Mode, estimate_key, home_of, key_named, key_of, semitones_home

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


TUNES: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7, 5, 4, 2, 0, 11, 12),
    "minor": (0, 2, 3, 7, 8, 7, 5, 3, 2, -1, 0),
    "dorian": (0, 7, 9, 10, 7, 5, 3, 2, 0),
    "mixolydian": (0, 4, 7, 10, 9, 7, 4, 2, -2, 0),
    "phrygian": (0, 0, 1, 0, 7, 7, 8, 7, 5, 7, 0, 1, 0, 0),
}


@pytest.mark.parametrize("known", [True, False], ids=["with a signature", "without one"])
@pytest.mark.parametrize("mode", TUNES)
def test_a_tune_is_at_home_where_it_ends_in_all_keys(mode: Mode, known: bool) -> None:
    for tonic in range(12):
        key = key_of(tonic, mode)
        assert home_of(in_key({mode: TUNES[mode]}, key), key.fifths if known else None) == key


def test_bachs_tonics_are_found_without_his_modes(bach: list[Chorale]) -> None:
    """In pieces whose bass ends on the tonic; of the soprano alone and of all voices."""
    for voices in (slice(0, 1), slice(0, 4)):
        right = []
        for piece in bach:
            line = piece.pitches[:, voices]
            if piece.pitches[piece.pitches[:, 3] != REST, 3][-1] % 12 == piece.key.tonic:
                right.append(home_of(line, piece.key.fifths) == piece.key)
        assert len(right) > 300
        assert np.mean(right) > 0.96


def test_silence_is_at_home_in_its_signature() -> None:
    assert home_of(np.zeros((4, 4), int), -2) == Key(-2)
    assert home_of(np.zeros(4, int)) == Key()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("C", Key(0)),
        ("f# minor", Key(3, "minor")),
        ("Bb", Key(-2)),
        ("D dorian", Key(0, "dorian")),
        ("E-flat mixolydian", Key(-4, "mixolydian")),
        (" C sharp minor", Key(4, "minor")),
    ],
)
def test_keys_are_read_by_name(name: str, key: Key) -> None:
    assert key_named(name) == key


def test_every_key_is_read_by_its_own_name() -> None:
    for tonic, mode in product(range(12), MODES):
        assert key_named(str(key_of(tonic, mode))) == key_of(tonic, mode)


@pytest.mark.parametrize("name", ["", "H", "C majr", "minor", "D Dorian mode", "4"])
def test_what_is_no_key_is_refused(name: str) -> None:
    with pytest.raises(ChoraleError, match=r"There is no key .*; expected a note and one of major, minor, dorian"):
        key_named(name)
