"""Histograms against plain walks and music21, and distances against moving sand by hand."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from math import lcm

import music21
import numpy as np
import pytest
from chorales import random_chorale

from bachlit.corpus import BachCorpus
from bachlit.metrics import (
    Histogram,
    cadence_chords,
    cadences,
    chord_of,
    degrees,
    intervals,
    length_distance,
    lengths,
    parallels,
    qualities,
    rank_distance,
    repeats,
    rule_counts,
)
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.keys import estimate_key

RANDOM = [random_chorale(seed, num_frames=60) for seed in range(20)]


def test_intervals_and_lengths_in_bach_are_music21s(bach: list[Chorale]) -> None:
    pieces = {chorale.name: chorale for chorale in bach}
    compared = 0
    for name, path in list(BachCorpus().files().items())[3::33]:
        chorale = pieces[name]
        if not chorale.pitches.all():
            continue  # music21 keeps two rests apart, and in some scores leaves rests out
        score = music21.converter.parse(path)
        voices = {part.partName.lower(): part.flatten().stripTies() for part in score.parts}
        found = {voice: [round(4 * note.quarterLength) for note in voices[voice].notesAndRests] for voice in VOICES}
        assert lengths(chorale) == Counter(length for voice in VOICES for length in found[voice])
        for voice in VOICES:
            steps = [interval.semitones for interval in voices[voice].melodicIntervals()]
            assert intervals(chorale, voice) == Counter(steps)
        compared += 1
    assert compared > 5


def test_degrees_share_out_all_sixteenths() -> None:
    for chorale in RANDOM:
        histogram = degrees(chorale, chorale.key)
        assert sum(histogram.values()) == 4 * chorale.num_frames
        assert histogram["rest"] == (chorale.pitches == 0).sum()


def test_lengths_share_out_all_sixteenths() -> None:
    for chorale in RANDOM:
        assert sum(int(str(length)) * count for length, count in lengths(chorale).items()) == 4 * chorale.num_frames


def test_qualities_count_a_slice_once() -> None:
    for chorale in RANDOM:
        found: Counter[object] = Counter()
        for onsets, pitches in zip(chorale.onsets, chorale.pitches, strict=True):
            chord = chord_of(pitches)
            if onsets.any() and chord:
                found[chord.quality] += 1
        assert qualities(chorale) == found


def test_parallels_are_the_rules_phrase_by_phrase(bach: list[Chorale]) -> None:
    seen = 0
    for chorale in [*RANDOM, *bach[::10]]:
        found: Counter[object] = Counter()
        begin = 0
        for end in [*(np.flatnonzero(np.diff(chorale.fermatas.astype(int)) == -1) + 1), chorale.num_frames]:
            counts = rule_counts(Chorale.from_pitches(chorale.pitches[begin:end]))
            found += Counter(fifth=counts.parallel_fifths, octave=counts.parallel_octaves)
            begin = end
        assert parallels(chorale) == +found
        seen += sum(found.values())
    assert seen > 10


def test_parallels_under_a_fermata_count() -> None:
    """Found in review: all moves from a frame with a fermata were left out, those to another one too."""
    pitches = [[72, 0, 0, 48], [74, 0, 0, 50], [76, 0, 0, 52], [77, 0, 0, 53]]
    onsets = [[True] * 4] * 4
    under = Chorale(pitches=pitches, onsets=onsets, fermatas=[False, True, True, False])
    assert parallels(under) == {"octave": 2}  # into the fermata and under it, not out of it


def test_bachs_parallels(bach: list[Chorale]) -> None:
    assert sum(map(parallels, bach), Counter()) == {"fifth": 81, "octave": 32}
    written = [dataclasses.replace(chorale, order=()) for chorale in bach]
    assert sum(map(parallels, written), Counter()) == {"fifth": 80, "octave": 31}  # one of each leads back to a repeat


def test_cadence_chords_are_those_that_cadences_judges(bach: list[Chorale]) -> None:
    for chorale in bach[::20]:
        found = cadence_chords(chorale, chorale.key)
        assert sum(found.values()) == cadences(chorale).fermatas
    closes: Counter[object] = sum((cadence_chords(chorale, chorale.key) for chorale in bach), Counter())
    assert closes.most_common(1)[0][0] == (0, "major")
    triads = sum(count for (_, quality), count in closes.items() if quality in ("major", "minor"))
    assert triads > 0.85 * sum(closes.values())


def repeats_by_definition(chorale: Chorale) -> Counter[object]:
    """Every stretch of every voice, its occurrences, and whether a longer one comes as often."""
    histogram: Counter[object] = Counter()
    for voice in range(4):
        onsets = chorale.onsets[:, voice].tolist()
        ticks = [int(p) if on else "__" for p, on in zip(chorale.pitches[:, voice], onsets, strict=True)]
        begins = [tick for tick, on in enumerate(onsets) if on]
        places: dict[tuple[object, ...], list[int]] = {}
        for begin in begins:
            for end in range(begin + 1, len(ticks) + 1):
                places.setdefault(tuple(ticks[begin:end]), []).append(begin)
        for pattern, found in places.items():
            if len(found) < 2 or sum(tick != "__" for tick in pattern) < 2:
                continue
            longer = [
                other
                for other, others in places.items()
                if len(other) > len(pattern) and len(others) == len(found)
                for shift in range(len(other) - len(pattern) + 1)
                if other[shift : shift + len(pattern)] == pattern
            ]
            if not longer:
                histogram[len(pattern)] += len(found)
    return histogram


@pytest.mark.parametrize("seed", range(12))
def test_repeats_are_what_their_definition_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    pitches = (
        random.choice([60, 62], size=(30, 4)) if seed % 2 else np.repeat(random.choice([60, 62, 0], (15, 4)), 2, 0)
    )
    chorale = Chorale.from_pitches(pitches)
    assert repeats(chorale) == repeats_by_definition(chorale)


def test_repeats_in_bach_are_what_their_definition_says(bach: list[Chorale]) -> None:
    short = min(bach, key=lambda chorale: chorale.num_frames)
    opening = Chorale(pitches=short.pitches[:64], onsets=short.onsets[:64], fermatas=short.fermatas[:64])
    assert repeats(opening) == repeats_by_definition(opening) != Counter()


def test_what_comes_once_is_no_repeat() -> None:
    assert repeats(Chorale.from_pitches([[60 + frame, 0, 0, 0] for frame in range(12)])) == {}
    assert repeats(Chorale.from_pitches([[60, 0, 0, 0], [62, 0, 0, 0], [60, 0, 0, 0]])) == {}  # one note is no pattern


def test_no_histogram_hears_a_transposition(bach: list[Chorale]) -> None:
    for chorale in bach[::40]:
        moved = chorale.transpose(3)
        assert degrees(moved, moved.key) == degrees(chorale, chorale.key)
        assert cadence_chords(moved, moved.key) == cadence_chords(chorale, chorale.key)
        assert estimate_key(moved.pitches) == estimate_key(chorale.pitches).transpose(3)
        for histogram in (lengths, qualities, parallels, repeats, *(lambda c, v=v: intervals(c, v) for v in VOICES)):
            assert histogram(moved) == histogram(chorale)


def moved_by_hand(places: list[int], weights: list[int], others: list[int]) -> float:
    """Split both heaps into grains of one size, and carry the first grain to the first, the second to the second."""
    grains = lcm(sum(weights), sum(others))
    here = np.repeat(places, [weight * grains // sum(weights) for weight in weights])
    there = np.repeat(places, [weight * grains // sum(others) for weight in others])
    return float(np.abs(np.sort(here) - np.sort(there)).mean())


@pytest.mark.parametrize("seed", range(30))
def test_distances_are_the_least_carrying(seed: int) -> None:
    random = np.random.default_rng(seed)
    size = int(random.integers(2, 9))
    weights, others = (random.integers(0, 6, size) + np.eye(size, dtype=int)[0] for _ in range(2))
    piece: Histogram = {length: int(weight) for length, weight in enumerate(weights) if weight}
    bach: Histogram = {length: int(weight) for length, weight in enumerate(others) if weight}
    random.shuffle(keys := list(bach))
    bach = {length: bach[length] for length in keys}  # ties don't go by the order of counting
    places = list(range(size))
    assert length_distance(piece, bach) == pytest.approx(moved_by_hand(places, weights.tolist(), others.tolist()))
    known = sorted(bach, key=lambda length: (-bach[length], length))
    order = [*known, *sorted(set(piece) - set(bach), key=lambda length: (piece[length], length))]
    counts = [[int(heap.get(length, 0)) for length in order] for heap in (piece, bach)]
    assert rank_distance(piece, bach) == pytest.approx(moved_by_hand(list(range(len(order))), *counts))


@pytest.mark.parametrize("distance", [rank_distance, length_distance])
def test_distances_hear_proportions_alone(distance: Callable[[Histogram, Histogram], float]) -> None:
    one, two = {4: 3, 2: 1}, {2: 2, 4: 5, 8: 1}
    assert distance(one, one) == 0
    assert distance({4: 6, 2: 2, 16: 0}, two) == pytest.approx(distance(one, two))
    assert distance({2: 1, 4: 3}, {8: 2, 4: 10, 2: 4}) == pytest.approx(distance(one, two))


def test_the_rarer_a_category_is_in_bach_the_farther_it_is() -> None:
    bach: Histogram = {"a": 8, "b": 4, "c": 2, "d": 1}
    far = [rank_distance({category: 1}, bach) for category in ("a", "b", "c", "d", "never heard")]
    assert far[1:] == sorted(far[1:])
    assert rank_distance({}, bach) == far[-1]


def test_ties_go_by_name() -> None:
    for order in permutations("abc"):
        bach: Histogram = dict.fromkeys(order, 1)
        distances = [rank_distance({category: 1}, bach) for category in "abc"]
        assert distances == pytest.approx([1, 2 / 3, 1])  # b is in the middle


def test_what_weighs_nothing_takes_no_rank() -> None:
    assert rank_distance({"b": 1, "c": 0}, {"a": 1}) == rank_distance({"b": 1}, {"a": 1, "d": 0}) == 1


def test_nothing_is_not_the_tonic() -> None:
    """A voice that only rests has no intervals; it must not pass for one that only repeats its note."""
    bach: Histogram = {0: 5, 2: 1}
    assert rank_distance({}, bach) > rank_distance({0: 1}, bach)
