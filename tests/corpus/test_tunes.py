"""The laws of tunes."""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from bachlit.corpus.tunes import group_by_tune
from bachlit.music.chorale import Chorale, cut


@pytest.fixture(scope="module")
def groups(bach: list[Chorale]) -> dict[str, int]:
    return dict(zip([piece.name for piece in bach], group_by_tune(bach), strict=True))


def test_settings_of_one_tune_are_one_group(groups: dict[str, int]) -> None:
    """Hymn tunes that Bach set often, by their numbers in the catalogue of his works."""
    passion = ("bwv135.6", "bwv153.5", "bwv161.6", "bwv244.15", "bwv244.54", "bwv248.5", "bwv270", "bwv271")
    innsbruck = ("bwv13.6", "bwv44.7", "bwv97.9", "bwv244.10", "bwv244.37", "bwv245.11", "bwv392", "bwv393", "bwv394")
    assert len({groups[name] for name in passion}) == 1
    assert len({groups[name] for name in innsbruck}) == 1
    assert groups[passion[0]] != groups[innsbruck[0]]


def test_another_verse_or_half_of_a_tune_is_of_its_group(groups: dict[str, int]) -> None:
    """Pieces that begin elsewhere in the tune once stood on both sides of the split."""
    assert groups["bwv79.6"] == groups["bwv194.12"] == groups["bwv165.6"]
    assert groups["bwv66.6"] == groups["bwv276"]


def test_transposing_a_piece_does_not_change_its_group(bach: list[Chorale]) -> None:
    pieces = bach[:60]
    moved = [
        piece.transpose(int(move))
        for piece, move in zip(pieces, np.random.default_rng(0).integers(-6, 7, 60), strict=True)
    ]
    assert group_by_tune(pieces) == group_by_tune(moved)


def test_the_other_voices_do_not_decide(bach: list[Chorale]) -> None:
    pieces = bach[:60]
    melodies = [dataclasses.replace(piece.only("soprano"), name=piece.name) for piece in pieces]
    assert group_by_tune(pieces) == group_by_tune(melodies)


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    above = list(range(len(second) + 1))
    for row, left in enumerate(first, start=1):
        current = [row]
        for column, right in enumerate(second, start=1):
            current.append(min(above[column] + 1, current[-1] + 1, above[column - 1] + (left != right)))
        above = current
    return above[-1]


def moves(heard: Sequence[int]) -> list[int]:
    """The intervals between sounding pitches that differ."""
    sounding = [pitch for pitch in heard if pitch]
    steps = [later - pitch for pitch, later in pairwise(sounding)]
    return [step for step in steps if step]


def alike(one: Chorale, other: Chorale) -> bool:
    """The definition, for two pieces."""
    by_beat, by_note, runs = [], [], []
    for piece in (one, other):
        soprano = piece.pitches[:, 0].tolist()
        by_beat.append(moves(soprano[piece.pickup % 4 :: 4]))
        by_note.append(moves([pitch for pitch, begins in zip(soprano, piece.onsets[:, 0], strict=True) if begins])[:7])
        runs.append({tuple(by_beat[-1][start : start + 7]) for start in range(len(by_beat[-1]) - 6)})
    first, second = (its[:14] for its in by_beat)
    short = min(len(first), len(second)) < 8
    return (
        by_note[0] == by_note[1]
        or (first == second if short else edit_distance(first, second) <= 4)
        or len(runs[0] & runs[1]) > 0.33 * max(1, min(map(len, runs)))
    )


def part(piece: Chorale, random: np.random.Generator) -> Chorale:
    """A few bars from anywhere, or all."""
    first = int(random.integers(0, piece.num_frames - 4)) if random.random() < 0.5 else 0
    return cut(piece, first, min(first + int(random.choice([24, 60, 120, 10_000])), piece.num_frames))


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_what_comparing_all_pairs_links(seed: int, bach: list[Chorale]) -> None:
    random = np.random.default_rng(seed)
    pieces = [part(bach[index], random) for index in random.choice(len(bach), 90)]
    linked = list(range(len(pieces)))
    for index, piece in enumerate(pieces):
        for other in range(index):
            if alike(piece, pieces[other]):
                linked = [linked[other] if group == linked[index] else group for group in linked]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(linked))}
    assert group_by_tune(pieces) == [numbers[group] for group in linked]
    assert len(numbers) > 20
