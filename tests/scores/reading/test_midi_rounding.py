"""What was played comes back as it would be written: to a click, in swing, and without a click."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from performances import Event, Sung, metre, midi_file, note, performance, sung, tempo, tunes

from bachlit.scores.reading.midi.document import midi_document
from bachlit.scores.reading.musicxml import read_tree

TUNES = tunes()
TRIPLETS = [(Fraction(place, 3), Fraction(1, 3), 60 + place % 7) for place in range(12)]
QUARTERS = [(Fraction(4 + place), Fraction(1), 67 + place % 5) for place in range(8)]


def read(events: Sequence[Event], *others: Sequence[Event]) -> tuple[list[Sung], str]:
    document, sentences = midi_document(midi_file(events, *others))
    return sung(read_tree(document).parts[0]), " ".join(sentences)


def share_on_their_beat(notes: Sequence[Sung], found: Sequence[Sung]) -> float:
    wanted, have = (Counter((start, pitch) for start, _, pitch in some) for some in (notes, found))
    return sum((wanted & have).values()) / len(notes)


@pytest.mark.parametrize("name", TUNES)
def test_what_a_program_wrote_comes_back_exactly(name: str) -> None:
    (beats, kind), notes = TUNES[name]
    events = [metre(0, beats, kind)] + [
        event for start, length, pitch in notes for event in note(start, start + length, pitch)
    ]
    assert read(events) == (notes, "")


@pytest.mark.parametrize("per_minute", [60, 100, 140])
def test_a_tune_played_to_a_click_comes_back_on_its_beats(per_minute: float) -> None:
    chance, right, num_notes = random.Random(per_minute), 0.0, 0
    for (beats, kind), notes in TUNES.values():
        events = performance(notes, chance, per_minute=per_minute, gate=chance.uniform(0.8, 1.02))
        found, told = read([metre(0, beats, kind), *events])
        right += share_on_their_beat(notes, found) * len(notes)
        num_notes += len(notes)
        assert told.startswith("its notes are rounded to the grid, from which they were ")
    assert right >= 0.98 * num_notes


@pytest.mark.parametrize("gate", [0.8, 0.95, 1.05])
def test_lengths_of_what_was_played_are_plain(gate: float) -> None:
    same = num_notes = 0
    for (beats, kind), notes in TUNES.values():
        found, _ = read([metre(0, beats, kind), *performance(notes, random.Random(1), per_minute=90, gate=gate)])
        same += len(set(notes) & set(found))
        num_notes += len(notes)
    assert same >= 0.95 * num_notes


@pytest.mark.parametrize("name", TUNES)
def test_a_programs_notes_that_end_early_are_full_and_nothing_is_said(name: str) -> None:
    (beats, kind), notes = TUNES[name]
    early = [event for start, length, pitch in notes for event in note(start, float(start + length) - 0.06, pitch)]
    assert read([metre(0, beats, kind), *early]) == (notes, "")


def test_rests_that_a_program_wrote_stay() -> None:
    notes = [(Fraction(place), Fraction(3, 4), 60 + place) for place in range(8)]
    assert read([event for start, length, pitch in notes for event in note(start, start + length, pitch)]) == (
        notes,
        "",
    )


@pytest.mark.parametrize("num_triplets", [1, 4])
def test_triplets_are_found_between_quarters(num_triplets: int) -> None:
    notes = TRIPLETS[-3 * num_triplets :] + QUARTERS
    found, _ = read(performance(notes, random.Random(4), per_minute=80))
    assert found == notes


def test_notes_that_all_come_late_are_not_put_later() -> None:
    _, notes = TUNES["twinkle"]
    found, _ = read(performance(notes, random.Random(2), per_minute=100, time=lambda quarters: quarters + 0.06))
    assert share_on_their_beat(notes, found) == 1


def test_runs_finer_than_a_sixteenth_lose_no_note() -> None:
    run = [(Fraction(1) + Fraction(place, 8), Fraction(1, 8), 60 + place) for place in range(8)]
    notes = [(Fraction(0), Fraction(1), 72), *run, *QUARTERS]
    found, _ = read(performance(notes, random.Random(3), per_minute=60, stray=0.008))
    assert found == notes


@pytest.mark.parametrize("place", [0.6, 2 / 3, 0.7])
def test_swung_eighths_are_straight(place: float) -> None:
    events, notes = [tempo(0, 120)], []
    for beat in range(16):
        notes += [(Fraction(beat), Fraction(1, 2), 67), (beat + Fraction(1, 2), Fraction(1, 2), 64 + beat % 4)]
        events += note(beat, beat + place, 67) + note(beat + place, beat + 1, 64 + beat % 4)
    found, told = read(events)
    assert found == notes
    assert told.startswith("swung eighths are written as straight ones.")


def test_dotted_eighths_and_triplets_do_not_swing() -> None:
    for places in ((0, 0.75), (0, 1 / 3, 2 / 3)):
        events = [
            event
            for beat in range(16)
            for place, until in pairwise([*places, 1])
            for event in note(beat + place, beat + until, 67)
        ]
        found, told = read(events)
        assert (len(found), told) == (16 * len(places), "")
        assert {start % 1 for start, _, _ in found} == {Fraction(place).limit_denominator(4) for place in places}


@pytest.mark.parametrize("per_minute", [76, 92, 108])
def test_the_beat_is_found_of_what_was_played_without_a_click(per_minute: float) -> None:
    _, notes = TUNES["twinkle"]
    chance = random.Random(per_minute)
    events = performance(
        notes, chance, per_minute=120, time=lambda quarters: 0.7 + quarters * 120 / per_minute, stray=0.01
    )
    found, told = read(events[1:])
    assert found == notes
    assert told == f"it keeps to no click; it is written in the beat that was found, {per_minute} a minute."


def test_a_tempo_that_comes_and_goes_is_followed() -> None:
    right = num_notes = 0
    for _, notes in TUNES.values():
        slow = [(start, length, pitch) for start, length, pitch in notes]
        events = performance(
            slow,
            random.Random(5),
            per_minute=90,
            time=lambda quarters: quarters + 0.5 * (1 - math.cos(quarters / 5)),  # a tenth faster and slower
            stray=0.008,
        )
        found, told = read(events)
        assert told.startswith("it keeps to no click; it is written in the beat")
        waits, wanted = ([b[0] - a[0] for a, b in pairwise(some)] for some in (found, notes))
        right += sum(one == other for one, other in zip(waits, wanted, strict=True))
        num_notes += len(wanted)
    assert right >= 0.9 * num_notes


def test_a_tempo_that_grows_by_a_third_is_followed() -> None:
    _, notes = TUNES["twinkle"]
    end = float(notes[-1][0] + notes[-1][1])
    faster = [
        *performance(notes, random.Random(7), per_minute=100, time=lambda at: at * (1.3 - 0.35 * at / end), stray=0.008)
    ]
    found, told = read(faster[1:])
    assert found == notes
    assert "in the beat that was found" in told


def test_notes_at_random_times_are_said_to_be_far_from_the_grid() -> None:
    chance = random.Random(6)
    starts = sorted(chance.uniform(0, 30) for _ in range(60))
    found, told = read([event for start in starts for event in note(start, start + 0.2, chance.randint(60, 80))])
    assert "keeps to no click" in told
    assert len(found) >= 50
