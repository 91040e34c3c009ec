"""Texture on cases that can be counted on one's fingers, and on Bach."""

import pytest

from bachlit.metrics import TextureCounts, texture, texture_counts
from bachlit.music.chorale import Chorale

STILL = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
RUNNING = Chorale.from_pitches([[67 + 2 * (frame % 2), 64, 60, 48] for frame in range(16)])


def test_a_held_chord_does_nothing_and_a_trill_does_something_in_every_frame() -> None:
    assert texture(STILL).changing == 0
    assert texture(STILL).attacks == (1, 1, 1, 1)
    assert texture(RUNNING).changing == 1
    assert texture(RUNNING).attacks == (16, 1, 1, 1)
    assert texture(RUNNING).stepwise == 1


def test_pieces_are_pooled_by_their_length() -> None:
    assert texture(STILL, RUNNING).attacks[0] == pytest.approx(8.5)
    assert texture(STILL, RUNNING).changing == pytest.approx(0.5)


def test_rests_are_no_notes() -> None:
    """They begin, last and part notes, but are neither attacks nor changes, and no move leads over them."""
    pitches = [[67, 64, 60, 48]] * 4 + [[0, 64, 60, 48]] * 4 + [[69, 64, 60, 48]] * 4 + [[0, 64, 60, 48]] * 4
    assert texture_counts(Chorale.from_pitches(pitches)) == TextureCounts(
        frames=16,
        steps_on=15,
        changes=1,
        onsets_soprano=2,
        onsets_alto=1,
        onsets_tenor=1,
        onsets_bass=1,
        notes=5,
        lasting_4=2,
    )


def test_bach_moves_in_a_third_of_the_frames_mostly_by_step(bach: list[Chorale]) -> None:
    pooled = texture(*bach)
    assert 0.3 < pooled.changing < 0.42
    assert 0.6 < pooled.stepwise < 0.9
    assert max(pooled.lengths) == pooled.lengths[3]  # quarters
    assert sum(pooled.lengths) > 0.9
