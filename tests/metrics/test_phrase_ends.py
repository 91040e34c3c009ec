"""Phrase ends on cases that can be counted on one's fingers, and on Bach."""

from dataclasses import replace

import numpy as np
import pytest

from bachlit.metrics import CADENCE_KINDS, Arrival, arrivals_at, cadence_kind, phrase_end_counts, total
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key

ONE, FOUR, FIVE, SIX = [72, 67, 64, 48], [72, 69, 65, 41], [74, 71, 67, 43], [72, 64, 60, 45]


def quarters(*chords: list[int], key: Key = Key()) -> Chorale:  # noqa: B008  # keys are values
    """Chords of a quarter, each begun anew."""
    chorale = Chorale.from_pitches([chord for chord in chords for _ in range(4)])
    return replace(chorale, onsets=np.repeat(np.arange(chorale.num_frames) % 4 == 0, 4).reshape(-1, 4), key=key)


@pytest.mark.parametrize(
    ("chords", "kind"),
    [
        ([[74, 67, 65, 47], ONE], "weak"),  # V6/5
        ([[74, 71, 65, 50], ONE], "weak"),  # vii6
        ([FIVE, [72, 67, 60, 52]], "weak"),  # into an inversion
        ([[74, 70, 67, 43], ONE], "other"),  # minor dominants lack the leading tone
        ([[74, 69, 65, 38], FIVE], "half"),  # a fifth down in the bass, but no F sharp
        ([[74, 69, 66, 38], FIVE], "authentic"),  # with it
        ([[69, 62, 65, 41], [68, 64, 59, 40]], "phrygian"),
        ([[74, 69, 65, 48], ONE], "plagal"),  # ii over the tonic
        ([FIVE, SIX], "deceptive"),
        ([FIVE, ONE, ONE], "authentic"),  # the bass is there before
        ([FIVE, [72, 70, 64, 48]], "other"),  # on a seventh
        ([ONE], "other"),
    ],
)
def test_cadences_are_named_by_the_chords_and_the_bass(chords: list[list[int]], kind: str) -> None:
    for semitones in (0, 3):
        chorale = quarters(*chords).transpose(semitones)
        assert cadence_kind(chorale, Arrival(chorale.num_frames - 4, chorale.num_frames, 0)) == kind


def test_off_the_home_key_the_phrase_tells_half_from_plagal() -> None:
    """C to G in F major: the dominant of C if the phrase has F natural, else plagal in G."""
    for soprano, kind in ((77, "half"), (78, "plagal")):
        begins = [soprano, 69, 62, 50]
        assert cadence_kind(quarters(begins, ONE, FIVE, key=Key(-1)), Arrival(8, 12, 0)) == kind


def test_a_suspension_may_resolve_within_the_note() -> None:
    chorale = Chorale.from_pitches([[74, 67, 65, 43]] * 4 + [[72, 67, 65, 48]] * 2 + [[72, 67, 64, 48]] * 2 + [ONE] * 4)
    assert phrase_end_counts(chorale, [4])[:4] == (0, 0, 0, 0)  # it is the last soprano note
    lasting = replace(chorale, onsets=chorale.onsets | (np.arange(12) == 8)[:, None])
    assert phrase_end_counts(lasting, [4])[:4] == (1, 1, 1, 0)
    assert phrase_end_counts(lasting, [4])[-4:-2] == (1, 4)  # and is the one attack in a quarter


def test_ends_are_notes_however_they_are_given() -> None:
    chorale = quarters(ONE, FIVE, [0, 67, 64, 48], ONE)
    assert arrivals_at(chorale, [5, 4, 9]) == arrivals_at(chorale, [4]) == [Arrival(4, 8, 0)]
    assert arrivals_at(replace(chorale, fermatas=np.arange(16) // 4 == 1)) == [Arrival(4, 8, 0)]
    assert arrivals_at(chorale, []) == arrivals_at(chorale) == []


def test_leading_tones_may_fall_in_inner_voices_only() -> None:
    inner, outer = [[74, 71, 65, 43], [72, 67, 64, 48]], [[71, 65, 62, 43], [67, 64, 60, 48]]
    for chords, unresolved in ((inner, 0), (outer, 1)):
        assert phrase_end_counts(quarters(*chords, ONE), [4])[-2:] == (1, unresolved)


def test_bach_ends_phrases_on_triads_mostly_by_five_and_one(bach: list[Chorale]) -> None:
    """His mix: 55 % authentic, 14 % weaker, 18 % half or phrygian, 6 % plagal; one note in eighteen quarters moves."""
    counts = total([phrase_end_counts(chorale) for chorale in bach])
    assert counts[:4] == (2039, 1989, 1164, 21)
    assert counts[4:11] == (1129, 292, 289, 85, 121, 32, 91)
    assert counts.ends == sum(getattr(counts, kind) for kind in CADENCE_KINDS)
    assert counts[11:] == (184, 13196, 1432, 115)
