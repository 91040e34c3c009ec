"""Sonorities on cases that can be counted on one's fingers, and on Bach."""

from dataclasses import replace

import pytest

from bachlit.metrics import Breach, sonority_breaches, sonority_counts, total
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key

FIVE_SEVEN, ONE = [67, 65, 59, 43], [67, 64, 60, 48]


def quarters(*chords: list[int]) -> Chorale:
    return replace(Chorale.from_pitches([chord for chord in chords for _ in range(4)]), key=Key())


@pytest.mark.parametrize(
    ("chords", "unresolved"),
    [
        ([FIVE_SEVEN, ONE], 0),
        ([FIVE_SEVEN, [67, 67, 60, 48]], 1),  # up
        ([FIVE_SEVEN, [67, 60, 60, 48]], 1),  # a leap down
        ([FIVE_SEVEN, [69, 65, 60, 41]], 0),  # held, where it is the root
        ([FIVE_SEVEN, [67, 65, 62, 47], ONE], 0),  # another inversion, then down
        ([FIVE_SEVEN, [67, 65, 62, 47], [67, 67, 64, 48]], 1),
        ([FIVE_SEVEN, [69, 65, 60, 41], [67, 67, 60, 52]], 0),  # freed: it may do as it likes
        ([FIVE_SEVEN], 1),
    ],
)
def test_sevenths_resolve_down_or_are_freed(chords: list[list[int]], unresolved: int) -> None:
    counts = sonority_counts(quarters(*chords))
    assert counts[3:][:4] == (1, unresolved, 1, unresolved)


def test_passing_sevenths_between_beats_are_none() -> None:
    one, passing = [72, 67, 64, 48], [71, 67, 64, 48]
    assert sonority_counts(Chorale.from_pitches([one] * 2 + [passing] * 2 + [[69, 65, 60, 53]] * 4)).sevenths == 0


def test_dissonances_and_bare_fifths_are_heard_on_beats() -> None:
    fourth, fifth, clash, diminished = [72, 67, 65, 48], [72, 67, 60, 48], [72, 71, 62, 48], [74, 71, 65, 50]
    assert sonority_counts(quarters(ONE, fourth, fifth, clash, diminished, FIVE_SEVEN, [0] * 4))[:3] == (6, 2, 1)


def test_a_doubled_leading_tone_counts_where_it_leads() -> None:
    doubled = [71, 67, 59, 43]
    assert sonority_counts(quarters(ONE, doubled, ONE, ONE))[7:9] == (1, 1)
    assert sonority_counts(quarters(ONE, [71, 67, 62, 43], ONE, ONE))[7:9] == (1, 0)
    assert sonority_counts(quarters(ONE, doubled, [69, 62, 66, 50], [67, 59, 62, 43]))[7:9] == (0, 0)  # it doesn't


def test_bach_has_a_dissonance_on_one_beat_in_twelve(bach: list[Chorale]) -> None:
    """And leaves a seventh in nine unresolved; doubled leading tones are those of other keys' thirds, mostly."""
    counts = total([sonority_counts(chorale) for chorale in bach])
    assert counts[:9] == (21563, 1828, 116, 2978, 344, 1107, 134, 2045, 52)
    assert counts[9:] == (3702, 131, 165, 319)


def test_a_diminished_seventh_stands_on_the_leading_tone_in_any_inversion() -> None:
    """Of its four notes, a minor third apart each, the bass isn't the root: the next chord tells."""
    in_a_minor = Key(0, "minor")
    for voicing, lowered in (([77, 68, 62, 59], 0), ([74, 68, 65, 59], 2)):  # G sharp leads to A, F falls to E
        one = [76, 69, 60, 57] if lowered == 0 else [72, 69, 64, 57]
        chorale = replace(quarters(one, voicing, one), key=in_a_minor)
        assert sonority_counts(chorale).stranded_sevenths == 0, voicing
    leaping = replace(quarters([76, 69, 60, 57], [77, 68, 62, 59], [81, 69, 60, 57]), key=in_a_minor)
    assert sonority_breaches(leaping)["stranded_sevenths"] == [Breach(4, (0,))]


def test_an_augmented_sixth_is_no_seventh() -> None:
    """F A C D sharp sounds as F7, but its D sharp rises."""
    german = quarters([72, 69, 63, 53], [71, 68, 64, 52])
    assert sonority_counts(replace(german, key=Key(0, "minor"))).stranded_sevenths == 0
    assert sonority_counts(german).stranded_sevenths == 1  # in C it is F7
