"""Cadences on cases that can be counted on one's fingers, and on Bach."""

import pytest

from bachlit.metrics import Cadences, cadence_chords, cadences, total
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key

C_MAJOR, SILENCE = [72, 67, 64, 48], [0, 0, 0, 0]


def closing(*pitches: list[int]) -> Chorale:
    """Chords of one sixteenth in C major, without a fermata."""
    return Chorale(pitches=pitches, onsets=[[True] * 4] * len(pitches), fermatas=[False] * len(pitches))


@pytest.mark.parametrize(
    ("pitches", "root_position", "triad"),
    [
        ((72, 67, 64, 48), True, True),
        ((72, 67, 60, 52), False, True),
        ((72, 64, 60, 48), True, True),  # without its fifth
        ((72, 60, 64, 52), False, False),  # a bare sixth is no triad
        ((70, 64, 60, 48), False, False),  # nor is a seventh chord
        ((69, 66, 63, 48), False, False),
        ((72, 67, 60, 48), False, False),
    ],
)
def test_cadences_are_judged_by_triad(pitches: tuple[int, ...], root_position: bool, triad: bool) -> None:
    chorale = Chorale(pitches=[pitches], onsets=[[True] * 4], fermatas=[True])
    assert cadences(chorale)[1:3] == (int(triad), int(root_position))


@pytest.mark.parametrize(
    ("last", "on_tonic"),
    [
        ([[72, 67, 64, 48]], True),
        ([[72, 67, 63, 48]], True),  # minor, whatever the key's mode
        ([[67, 64, 60, 52]], True),  # inverted: neither its soprano nor its bass is the tonic
        ([[72, 65, 57, 53]], False),  # F, though its soprano is the tonic
        ([[69, 65, 60, 48]], False),  # F, though its bass is
        ([[72, 67, 64, 0]], True),  # the bass rests
        ([[71, 67, 62, 0]], False),
        ([C_MAJOR, SILENCE], True),  # all rest after the last chord
        ([[71, 67, 62, 43], SILENCE, SILENCE], False),
        ([[0, 60, 0, 48]], True),  # the tonic alone
        ([[67, 0, 0, 48]], True),
        ([[67, 0, 0, 55]], False),
        ([[72, 67, 65, 48]], True),  # a fourth that is held for good
        ([[62, 61, 60, 48]], False),  # no chord
    ],
)
def test_a_piece_ends_on_the_tonic_if_that_is_the_root_of_its_last_chord(last: list[list[int]], on_tonic: bool) -> None:
    for before in ([71, 67, 62, 55], C_MAJOR):
        assert cadences(closing(before, *last)).ends_on_tonic == on_tonic
        assert cadences(closing(before, *last).transpose(2)).ends_on_tonic == on_tonic


def test_what_never_sounds_ends_nowhere() -> None:
    assert cadences(closing(SILENCE, SILENCE)) == Cadences(0, 0, 0, ends_on_tonic=False)


def test_every_soprano_note_under_a_fermata_is_a_cadence_of_its_own() -> None:
    """Found in review: two of them side by side counted as one, that of the first."""
    pitches = [[71, 67, 62, 55]] * 2 + [C_MAJOR] * 2 + [[72, 65, 60, 53]] + [[0, 67, 64, 48]]
    onsets = [[True] * 4, [False, True, True, True]] * 2 + [[True] * 4] * 2  # the lower voices move on below
    chorale = Chorale(pitches=pitches, onsets=onsets, fermatas=[True, True, True, True, False, True])
    assert cadences(chorale)[:3] == (2, 2, 2)
    assert cadence_chords(chorale, Key()) == {(7, "major"): 1, (0, "major"): 1}


def test_bach_ends_on_the_tonic_in_four_pieces_of_five(bach: list[Chorale]) -> None:
    """The bass of six of them does not end on it: five end with rests, and one on an inversion."""
    assert len(bach) == 396
    assert total([cadences(chorale) for chorale in bach]) == (2431, 2291, 2266, 312)
