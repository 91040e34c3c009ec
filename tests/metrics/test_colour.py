"""Foreign notes on cases that can be counted on one's fingers, and on Bach."""

from dataclasses import replace

import pytest
import torch

from bachlit.decoding.rules.harmony import InKey
from bachlit.metrics import colour_counts, scale, total
from bachlit.music.chorale import Chorale
from bachlit.music.keys import MODES, Key

ONE, FIVE = [72, 67, 64, 48], [71, 67, 62, 43]


def quarters(*chords: list[int], key: Key = Key()) -> Chorale:  # noqa: B008  # keys are values
    return replace(Chorale.from_pitches([chord for chord in chords for _ in range(4)]), key=key)


@pytest.mark.parametrize(
    ("chords", "explained"),
    [
        ([ONE, ONE, [72, 69, 66, 50], FIVE, ONE], (1, 1, 0, 0)),  # V of V
        ([ONE, ONE, [72, 70, 64, 48], [69, 72, 65, 53], ONE], (1, 1, 0, 0)),  # V7 of IV
        ([ONE, ONE, [72, 69, 66, 51], FIVE, ONE], (2, 2, 0, 0)),  # its diminished seventh
        ([ONE, ONE, [72, 69, 66, 50], [72, 69, 65, 41], ONE], (1, 0, 0, 0)),  # it leads nowhere
        ([ONE, ONE, [72, 69, 66, 48], [72, 72, 67, 52], ONE], (1, 0, 1, 0)),  # it rises
    ],
)
def test_foreign_notes_are_explained(chords: list[list[int]], explained: tuple[int, ...]) -> None:
    assert colour_counts(quarters(*chords), [])[1:] == explained


def test_dominants_of_what_is_foreign_explain_nothing() -> None:
    """E flat to A flat in C major."""
    counts = colour_counts(quarters(ONE, ONE, [75, 70, 67, 51], [75, 72, 68, 44], ONE))
    assert (counts.foreign, counts.applied) == (4, 0)


def test_a_phrase_may_have_its_own_key() -> None:
    in_d = [[74, 69, 66, 50], [73, 69, 64, 45], [74, 71, 66, 47], [74, 69, 66, 50]]
    away = quarters(ONE, FIVE, ONE, *in_d, ONE)
    counts = colour_counts(away, [8, 24])
    assert counts.foreign == counts.raised + counts.modulating > 0 < counts.modulating


def test_minor_may_end_in_major() -> None:
    minor = quarters([72, 67, 63, 48], FIVE, ONE, key=Key(-3, "minor"))
    assert colour_counts(minor)[1:] == (1, 0, 1, 0)
    assert colour_counts(quarters(FIVE, ONE, FIVE, [72, 67, 63, 48], key=Key(-3, "minor"))).raised == 0


def test_the_tune_has_no_say() -> None:
    assert colour_counts(quarters([73, 67, 64, 48])).foreign == 0
    assert colour_counts(quarters([72, 67, 61, 48])).foreign == 1


def test_scales_are_those_of_the_rule() -> None:
    for mode in MODES:
        for fifths in range(-6, 7):
            key = Key(fifths, mode)
            degrees = InKey.scales[key.parallel.mode == "minor"]
            pitches = torch.arange(12)
            own = (7 * pitches - key.fifths + 1) % 12 < 7
            known = torch.isin((pitches - key.tonic) % 12, torch.tensor(degrees)) | own
            assert scale(key) == set(pitches[known].tolist())


def test_one_note_in_eighteen_of_bach_is_foreign(bach: list[Chorale]) -> None:
    """Of these, nine in ten are explained, most of them by applied dominants."""
    counts = total([colour_counts(chorale) for chorale in bach[::5]])
    assert 0.045 < counts.foreign / counts.notes < 0.065
    assert (counts.applied + counts.modulating + counts.raised) / counts.foreign > 0.85
    assert counts.applied > counts.raised + counts.modulating
