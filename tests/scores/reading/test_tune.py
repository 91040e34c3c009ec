"""The tune is the part that sings, among the kinds of parts that MIDI and scores without names have."""

import random
from fractions import Fraction

import pytest

from bachlit.scores.reading.score import Part, Tone, WrittenMeasure
from bachlit.scores.reading.tune import choose_tune

MELODY = [67, 67, 69, 71, 67, 72, 71, 69, 69, 71, 72, 69, 71, 69, 67, 67] * 2


def part(name: str, *notes: tuple[float, float, int]) -> Part:
    """A part of notes: beginning and length in quarters, pitch."""
    tones = [Tone(Fraction(4 * start), Fraction(4 * length), pitch) for start, length, pitch in notes]
    return Part(name, [WrittenMeasure("1", Fraction(16 * 8), tones)])


def tune(name: str = "", move: int = 0) -> Part:
    return part(name, *[(place, 1, pitch + move) for place, pitch in enumerate(MELODY)])


def chords(name: str = "", move: int = 0) -> Part:
    roots = [55, 60, 50, 55] * 2
    return part(name, *[(4 * bar, 4, root + move + up) for bar, root in enumerate(roots) for up in (0, 4, 7)])


def bass(name: str = "") -> Part:
    return part(name, *[(2 * half, 2, (43, 36, 38, 31)[half % 4]) for half in range(16)])


def strums(name: str = "") -> Part:
    return part(name, *[(place / 2, 0.5, 64 + up) for place in range(64) for up in (0, 3, 8)])


def descant(name: str = "") -> Part:
    """A counter-line an octave higher that plays now and then."""
    return part(name, *[(bar * 8 + 4 + place, 1, 84 - place) for bar in range(4) for place in range(3)])


def broken_chords(name: str = "") -> Part:
    return part(name, *[(place / 2, 0.5, (48, 55, 52, 55)[place % 4]) for place in range(64)])


def arpeggio(name: str = "") -> Part:
    return part(name, *[(place / 2, 0.5, (67, 72, 76, 79)[place % 4]) for place in range(64)])


def right_hand(name: str = "", move: int = 0) -> Part:
    """A tune with chords below it."""
    notes = [(place, 1, pitch + move) for place, pitch in enumerate(MELODY)]
    below = [(place, 1, pitch - down) for place, _, pitch in notes for down in (3, 8) if place % 2 == 0]
    return part(name, *notes, *below)


CASES = {
    "a band": [bass(), strums(), chords(), tune(), descant()],
    "a low singer": [strums(), chords(), tune(move=-7), bass()],
    "the hands of a pianist": [right_hand(), broken_chords()],
    "the left hand first": [broken_chords(), right_hand()],
    "a choir": [tune(), tune(move=-5), tune(move=-12), bass()],
    "chords an octave above": [chords(move=19), tune(), bass()],
    "instruments": [bass("Acoustic Bass"), strums("Steel Guitar"), tune("Flute"), chords("Strings 1")],
    "a piccolo two octaves above": [tune(move=24), tune(), bass()],
    "the same in chords above": [right_hand(move=5), tune(), bass()],
    "an arpeggio above": [arpeggio(), tune(), bass()],
    "a pad that is called a voice": [chords("Voice Oohs"), tune("Alto Sax"), bass("Fretless Bass")],
}
PLACES = [3, 2, 0, 1, 0, 1, 2, 1, 1, 1, 1]


@pytest.mark.parametrize(("kind", "place"), list(zip(CASES, PLACES, strict=True)))
def test_the_tune_is_the_part_that_sings(kind: str, place: int) -> None:
    assert choose_tune(CASES[kind]) == place


@pytest.mark.parametrize("kind", CASES)
def test_the_order_of_parts_means_nothing(kind: str) -> None:
    parts = CASES[kind]
    found = parts[choose_tune(parts)]
    for seed in range(4):
        shuffled = random.Random(seed).sample(parts, len(parts))
        assert shuffled[choose_tune(shuffled)] is found


@pytest.mark.parametrize("name", ["Melody", "MELODIE", "vocals", "Lead Vox", "Singer 1", "Cantus firmus", "Soprano"])
def test_a_part_named_after_a_tune_has_it(name: str) -> None:
    assert choose_tune([tune(), bass(name), descant()]) == 1


@pytest.mark.parametrize(
    "name", ["Backing vocals", "Lead guitar", "Voice pad", "Square Lead", "Melodic bass", "Leader"]
)
def test_a_name_that_tells_of_accompaniment_has_not(name: str) -> None:
    assert choose_tune([tune(), bass(name), descant()]) == 0


@pytest.mark.parametrize("name", ["Strings", "Piano", "Fingered Bass", "Steel Guitar (track 2, channel 3)"])
def test_of_equal_parts_an_accompanist_has_not_the_tune(name: str) -> None:
    assert choose_tune([tune(name), tune("Flute")]) == 1


def test_a_part_that_hardly_sings_has_no_tune_whatever_its_name() -> None:
    assert choose_tune([part("Vocals", (0, 1, 67)), tune()]) == 1


def test_notes_that_are_tied_are_one() -> None:
    repeated = Part(
        "", [WrittenMeasure("1", Fraction(128), [Tone(Fraction(n), Fraction(1), 67, n > 0) for n in range(9)])]
    )
    assert choose_tune([repeated, tune()]) == 1
    assert choose_tune([repeated]) == 0
