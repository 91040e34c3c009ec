"""Chords against music21's tables and its ear for roots."""

from collections.abc import Iterator
from itertools import combinations

import music21
import numpy as np
import pytest

from bachlit.corpus import BachCorpus
from bachlit.metrics import QUALITIES, chord_of
from bachlit.music.chorale import VOICES

# music21's names; those of two notes say how far apart the outer ones are.
NAMES: dict[str, str] = {
    "note": "unison",
    "major triad": "major",
    "minor triad": "minor",
    "diminished triad": "diminished",
    "augmented triad": "augmented",
    "dominant seventh chord": "dominant seventh",
    "major seventh chord": "major seventh",
    "minor seventh chord": "minor seventh",
    "half-diminished seventh chord": "half-diminished seventh",
    "diminished seventh chord": "diminished seventh",
    "minor-augmented tetrachord": "minor-major seventh",
    "augmented major tetrachord": "augmented major seventh",
    "quartal trichord": "suspended",
    "Major Tenth": "major third",
    "Minor Thirteenth": "major third",
    "Minor Tenth": "minor third",
    "Major Thirteenth": "minor third",
    "Perfect Twelfth": "fifth",
    "Perfect Eleventh": "fifth",
}
# Chords with a name of ours that music21 calls otherwise or not at all: sevenths without their fifth.
WITHOUT_FIFTH = {(0, 4, 10), (0, 4, 11), (0, 3, 10), (0, 3, 11)}


def all_chords() -> Iterator[tuple[int, ...]]:
    """Every set of up to four pitch classes, in semitones above its bass."""
    for size in range(4):
        for upper in combinations(range(1, 12), size):
            yield (0, *upper)


def test_every_chord_has_the_name_that_music21_gives_it() -> None:
    for classes in all_chords():
        pitches = [48, *(60 + step for step in classes[1:])]
        chord = chord_of(pitches)
        assert chord is not None
        above_root = () if chord.root is None else tuple(sorted((step - chord.root) % 12 for step in classes))
        if above_root in WITHOUT_FIFTH:
            assert chord.quality.endswith("seventh")
        else:
            assert chord.quality == NAMES.get(music21.chord.Chord(pitches).commonName, "other"), classes


def test_every_quality_is_met() -> None:
    met = {chord.quality for classes in all_chords() if (chord := chord_of([48 + step for step in classes]))}
    assert met == set(QUALITIES)


@pytest.mark.parametrize("whole", [(0, 4, 7, 10), (0, 4, 7, 11), (0, 3, 7, 10), (0, 3, 7, 11)])
def test_a_seventh_chord_is_the_same_without_its_fifth(whole: tuple[int, ...]) -> None:
    for bass in {*whole} - {7}:
        pitches = [48 + bass, *(60 + step for step in whole)]
        named = chord_of(pitches)
        assert named is not None
        assert named.root == 0
        assert chord_of(pitch for pitch in pitches if pitch % 12 != 7) == named


def test_roots_and_qualities_in_bach_are_music21s() -> None:
    """It reads the score's spelling, we the pitches alone."""
    compared = 0
    for path in list(BachCorpus().files().values())[5::33]:
        score = music21.converter.parse(path)
        voices = [part for part in score.parts if part.partName.lower() in VOICES]
        for sounding in music21.stream.Score(voices).chordify().recurse().getElementsByClass("Chord"):
            ours = chord_of(pitch.midi for pitch in sounding.pitches)
            name = NAMES.get(sounding.commonName, "other")
            if name not in ("other", "diminished seventh", "augmented", "suspended"):
                assert ours == (sounding.root().pitchClass, name)
                compared += 1
    assert compared > 500


def test_voicing_and_doubling_change_no_chord() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        chord = random.integers(36, 48, size=4)
        higher = chord[1:] + 12 * random.integers(1, 4, size=3)
        assert chord_of([chord.min(), *(chord + 12)]) == chord_of(
            [*random.permutation([*higher, *(chord + 24)]), chord.min()]
        )


@pytest.mark.parametrize("size", [3, 4])
def test_symmetric_chords_stand_on_their_bass(size: int) -> None:
    for bass in range(36, 48):
        upper = [bass + 12 // size * step for step in range(1, size)]
        chord = chord_of([bass, *upper])
        assert chord is not None
        assert chord.root == bass % 12


def test_transposing_moves_the_root_alone() -> None:
    for classes in all_chords():
        here, there = (chord_of([base + step for step in classes]) for base in (48, 53))
        assert here is not None
        assert there is not None
        assert here.quality == there.quality
        assert there.root == (None if here.root is None else (here.root + 5) % 12)
