"""Final cadences on cases that can be counted on one's fingers, and on Bach."""

from dataclasses import replace

import numpy as np
import pytest

from bachlit.metrics import FinalCounts, begins_on_tonic, final_counts, total
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key

ONE, FIVE, SILENCE = [72, 67, 64, 48], [74, 71, 67, 43], [0, 0, 0, 0]


def quarters(*chords: list[int], key: Key = Key(), pickup: int = 0) -> Chorale:  # noqa: B008  # keys are values
    return replace(Chorale.from_pitches([chord for chord in chords for _ in range(4)], pickup=pickup), key=key)


@pytest.mark.parametrize(
    ("chords", "authentic", "allowed"),
    [
        ([FIVE, ONE], True, True),
        ([FIVE, ONE, SILENCE], True, True),  # the tune ends in rests
        ([FIVE, [72, 67, 63, 48]], True, True),  # minor
        ([FIVE, [72, 67, 64, 60]], True, True),  # a fourth up in the bass
        ([[74, 70, 67, 43], ONE], False, True),  # no leading tone
        ([FIVE, [74, 69, 67, 43], [74, 65, 65, 43], ONE], False, True),  # heard too early
        ([[74, 71, 67, 47], ONE], False, True),  # inverted
        ([FIVE, [72, 67, 60, 48]], False, True),  # bare
        ([FIVE, [72, 67, 64, 52]], False, True),  # not over its root
        ([[69, 65, 60, 41], ONE], False, False),  # plagal
        ([[71, 67, 62, 43], [69, 65, 60, 41]], False, False),  # elsewhere
        ([[72, 67, 64, 48], FIVE], False, False),
        ([ONE], False, False),
    ],
)
def test_a_final_cadence_is_five_one_with_the_leading_tone(
    chords: list[list[int]], authentic: bool, allowed: bool
) -> None:
    for semitones in (0, 5):
        counts = final_counts(quarters(*chords).transpose(semitones))
        assert (counts.authentic, counts.allowed, counts.authentic_allowed) == (authentic, allowed, authentic)


def test_minor_finals_count_apart() -> None:
    counts = final_counts(quarters(FIVE, [72, 67, 63, 48], key=Key(-3, "minor")))
    assert counts[:8] == (1,) * 8
    assert final_counts(quarters(FIVE, ONE))[4:8] == (0,) * 4


def test_the_last_sonority_is_bare_or_dissonant() -> None:
    for last, counted in ((ONE, (0, 0)), ([72, 67, 60, 48], (1, 0)), ([72, 67, 65, 48], (0, 1))):
        assert final_counts(quarters(FIVE, last))[8:10] == counted
    assert final_counts(quarters(SILENCE)) == FinalCounts()


def test_attacks_on_the_last_chord_count() -> None:
    hopping = Chorale.from_pitches([FIVE] * 4 + [ONE] * 2 + [[72, 67, 64, 60]] * 2 + [ONE] * 4)
    assert final_counts(hopping)[10:12] == (2, 8)


def test_a_fine_is_the_end() -> None:
    chorale = quarters(*[FIVE] * 3, ONE, *[FIVE] * 4)
    assert not final_counts(chorale).authentic
    assert final_counts(replace(chorale, order=(0, 1, 0))).authentic


def test_pieces_begin_on_the_tonic_or_their_downbeat_does() -> None:
    assert begins_on_tonic(quarters(ONE, FIVE))
    assert begins_on_tonic(quarters(FIVE, ONE, pickup=4))
    assert not begins_on_tonic(quarters(FIVE, ONE))
    assert begins_on_tonic(quarters(SILENCE, ONE))


def test_bach_ends_by_five_and_one_where_the_tune_allows_it(bach: list[Chorale]) -> None:
    """In 91 % of such pieces; elsewhere the tune is a mode's, and ends on its dominant or elsewhere."""
    counts = total([final_counts(chorale) for chorale in bach])
    assert counts[:4] == (396, 293, 289, 263)
    assert counts[4:8] == (180, 109, 107, 97)
    assert counts[8:10] == (2, 0)
    assert counts[10:] == (271, 3568, 329, 85)
    assert all(isinstance(count, int) and not isinstance(count, np.integer) for count in counts)
