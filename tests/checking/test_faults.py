"""Faults: they are the places that metrics count, named by bar, beat and voices."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from chorales import random_chorale, repeated_chorale
from sizes import size

from bachlit.checking import KINDS, Profile, check, find_faults
from bachlit.corpus.splits import split_by_tune
from bachlit.errors import OptionError
from bachlit.metrics import (
    final_breaches,
    final_counts,
    phrase_end_breaches,
    phrase_end_counts,
    rule_breaches,
    rule_counts,
    sonority_breaches,
    sonority_counts,
)
from bachlit.music.chorale import RANGES, VOICES, Chorale
from bachlit.music.keys import Key

FAMILIES = (
    (rule_breaches, rule_counts),
    (sonority_breaches, sonority_counts),
    (phrase_end_breaches, phrase_end_counts),
    (final_breaches, final_counts),
)

ONE, FOUR, FIVE = [72, 67, 64, 48], [72, 69, 65, 53], [71, 67, 62, 55]


def quarters(*chords: list[int]) -> Chorale:
    """One chord a quarter, in C."""
    chorale = Chorale.from_pitches([chord for chord in chords for _ in range(4)])
    return dataclasses.replace(chorale, key=Key())


def kinds(chorale: Chorale, profile: Profile = "school") -> list[str]:
    return [fault.kind for fault in find_faults(chorale, profile=profile)]


@pytest.mark.parametrize("family", FAMILIES)
def test_there_are_as_many_places_as_breaches_are_counted(family: tuple, bach: list[Chorale]) -> None:
    places, counts = family
    for chorale in [
        *bach[::30],
        *(random_chorale(seed, num_frames=64) for seed in range(5)),
        *map(repeated_chorale, range(10)),
    ]:
        counted = counts(chorale)._asdict()
        assert {name: len(found) for name, found in places(chorale).items()}.items() <= counted.items()


def test_each_place_is_one_that_a_reader_finds() -> None:
    """Of motions: both voices move, and stand as the rule says before and after."""
    for seed in range(size(20, 5)):
        pitches = (chorale := random_chorale(seed, num_frames=200)).pitches.astype(int)
        found = rule_breaches(chorale)
        for name, interval in (("parallel_fifths", 7), ("parallel_octaves", 0)):
            for frame, (upper, lower), before in found[name]:
                assert (pitches[frame, [upper, lower]] != pitches[before, [upper, lower]]).all()
                for at in (before, frame):
                    assert abs(pitches[at, upper] - pitches[at, lower]) % 12 == interval
        for frame, (upper, lower), _ in found["crossings"]:
            assert 0 < pitches[frame, upper] < pitches[frame, lower]
        for frame, (voice,), _ in found["out_of_range"]:
            low, high = RANGES[VOICES[voice]]
            assert not low <= pitches[frame, voice] <= high


def test_what_lasts_is_one_fault_and_what_comes_back_another() -> None:
    crossed, apart = [72, 60, 64, 48], [72, 67, 64, 48]
    chorale = quarters(crossed, crossed, apart, crossed, apart)
    found = [fault for fault in find_faults(chorale) if fault.kind == "crossing"]
    spans = [(fault.start, fault.end, fault.voices) for fault in found]
    assert spans == [(0, 8, ("alto", "tenor")), (12, 16, ("alto", "tenor"))]


def test_a_fault_is_named_by_bar_beat_and_voices() -> None:
    chorale = quarters(ONE, [74, 69, 65, 50], FIVE, ONE)
    found = find_faults(dataclasses.replace(chorale, pickup=4))
    octaves = next(fault for fault in found if fault.kind == "parallel_octaves")
    assert (str(octaves.place), octaves.voices) == ("1.1", ("soprano", "bass"))
    assert octaves.details == "C3-C5 to D3-D5"


@pytest.mark.parametrize(
    ("chords", "expected"),
    [
        ([ONE, FOUR, FIVE, ONE], []),
        ([ONE, FIVE, [67, 67, 64, 60]], ["leading_tone"]),  # the soprano's leading tone falls
        ([ONE, [74, 67, 59, 55], [72, 67, 55, 52], FIVE, ONE], []),  # a tenor's may fall a third
        ([ONE, [74, 71, 59, 55], ONE], ["doubled_leading_tone", "leading_tone"]),
        ([ONE, [71, 67, 65, 55], [72, 67, 64, 48]], []),  # a seventh steps down
        ([ONE, [71, 65, 62, 55], [72, 67, 64, 48]], ["seventh"]),
        ([ONE, FIVE, [72, 67, 64, 52]], ["final"]),
        ([ONE, FIVE, [72, 67, 60, 48]], ["final_sonority"]),
        ([ONE, FIVE, [72, 69, 65, 48]], ["final"]),
    ],
)
def test_school_marks_what_textbooks_name(chords: list[list[int]], expected: list[str]) -> None:
    assert kinds(quarters(*chords)) == expected


def test_a_leading_tone_may_pass_down_from_the_tonic() -> None:
    passing = quarters(ONE, [71, 67, 62, 55], [69, 64, 60, 57], FOUR, FIVE, ONE)
    assert "leading_tone" not in kinds(passing)
    reached = quarters([74, 69, 65, 50], [71, 67, 62, 55], [69, 64, 60, 57], FOUR, FIVE, ONE)
    assert "leading_tone" in kinds(reached)


def test_a_leading_tone_at_a_cadence_is_one_fault() -> None:
    """It is counted on the beat and at the fermata."""
    chorale = quarters(ONE, FIVE, [67, 64, 60, 48], FOUR, FIVE, ONE)
    held = dataclasses.replace(chorale, fermatas=np.arange(24) // 4 == 2)
    assert sonority_counts(held).unresolved_leading_tones == phrase_end_counts(held).unresolved_leading_tones == 1
    assert kinds(held).count("leading_tone") == 1


def test_a_leading_tone_that_rises_and_goes_on_is_no_fault() -> None:
    """It was one at a cadence in another key, which is judged where its last soprano note ends."""
    pitches = quarters([74, 69, 66, 50], [79, 71, 67, 43], FIVE, ONE).pitches.copy()
    pitches[6:8, 2] = 59  # from F sharp to G, and on to B under the same soprano
    moving = dataclasses.replace(Chorale.from_pitches(pitches), key=Key(), fermatas=np.arange(len(pitches)) // 4 == 1)
    assert phrase_end_counts(moving).unresolved_leading_tones == 1
    assert "leading_tone" not in kinds(moving)


def test_cadences_are_judged_where_phrases_are_said_to_end() -> None:
    chorale = quarters(ONE, [71, 67, 65, 55], ONE, FOUR, FIVE, ONE)
    assert "cadence" not in kinds(chorale)
    [fault] = [fault for fault in find_faults(chorale, ends=[4]) if fault.kind == "cadence"]
    assert (fault.start, fault.voices, fault.details) == (4, (), "dominant seventh on G")
    assert fault in check(chorale, phrases="1.2", surprise=0).faults


def test_bach_is_free_in_contrary_motion_and_school_is_not() -> None:
    contrary = quarters([67, 60, 55, 48], [74, 59, 55, 43], ONE)
    assert "parallel_fifths" in kinds(contrary)
    assert "parallel_fifths" not in kinds(contrary, "bach")


def test_ranges_are_those_that_are_given() -> None:
    found = find_faults(quarters(ONE, FIVE, ONE), ranges={**RANGES, "tenor": (48, 63)})
    assert [(fault.kind, fault.voices, fault.details) for fault in found] == [
        ("range", ("tenor",), "E4 outside C3 to Eb4"),
        ("range", ("tenor",), "E4 outside C3 to Eb4"),
    ]


def test_a_repeat_is_judged_as_it_is_heard() -> None:
    found = 0
    for seed in range(40):
        chorale = repeated_chorale(seed)
        found += find_faults(chorale) != find_faults(dataclasses.replace(chorale, order=()))
    assert found > 10


@pytest.mark.parametrize("profile", KINDS)
def test_shares_are_bachs_own(profile: Profile, bach: list[Chorale]) -> None:
    """All of his in the train fold; in the profile that has his name fewer than one in eight."""
    share = size(1, 8)
    pieces = split_by_tune(bach)["train"][::share]
    have = Counter(kind for piece in pieces for kind in set(kinds(piece, profile)))
    for name, kind in KINDS[profile].items():
        assert have[name] / len(pieces) == pytest.approx(kind.bach, abs=0.0006 if share == 1 else 0.13), name
        assert profile != "bach" or kind.bach < 1 / 8


def test_names_and_ranges_in_words_are_those_of_the_command() -> None:
    chorale = quarters(ONE, FIVE, ONE)
    assert check(chorale, key="C major", ranges="tenor:C3-Eb4", surprise=0).faults == find_faults(
        chorale, ranges={**RANGES, "tenor": (48, 63)}
    )
    with pytest.raises(OptionError, match="no profile 'strict'"):
        check(chorale, profile="strict", surprise=0)  # type: ignore[arg-type]
