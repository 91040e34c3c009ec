"""The counters against a reader's plain walk through the score, and on Bach.

On JSB-16th's folds (train / valid) they give Bach's own figures a piece: parallel fifths .323 / .329, octaves .201 /
.132, in similar motion .140 / .158 and .127 / .079, hidden fifths .314 / .276, octaves .114 / .145; a thousand frames:
crossings 23.7 / 29.5, soprano and alto too wide 4.7 / 3.5, alto and tenor 8.5 / 7.7.
"""

import dataclasses
from itertools import combinations, pairwise

import numpy as np
import pytest
from chorales import random_chorale, repeated_chorale

from bachlit.metrics import RuleCounts, rule_counts, total
from bachlit.music.chorale import RANGES, Chorale


def heard(chorale: Chorale) -> set[tuple[int, int]]:
    """Frames that follow each other when the piece is played through; what isn't played is read."""
    measures = chorale.measures
    order = chorale.order or range(len(measures))
    played = [frame for index in order for frame in range(measures[index].start, measures[index].end)]
    pairs = set(pairwise(played))
    return pairs | {(one, one + 1) for one in range(chorale.num_frames - 1) if not {one, one + 1} <= set(played)}


def counted_by_hand(chorale: Chorale) -> RuleCounts:
    """The definitions, frame by frame and pair by pair, each pair once that is heard."""
    found = dict.fromkeys(RuleCounts._fields, 0)
    frames = [[int(pitch) for pitch in row] for row in chorale.pitches]
    found["frames"] = len(frames)
    for now in frames:
        for voice, (low, high) in enumerate(RANGES.values()):
            found["out_of_range"] += now[voice] != 0 and not low <= now[voice] <= high
        for upper in range(3):
            if now[upper] and now[upper + 1]:
                found["crossings"] += now[upper] < now[upper + 1]
                too_wide = now[upper] - now[upper + 1] > 12
                found["wide_soprano_alto"] += too_wide and upper == 0
                found["wide_alto_tenor"] += too_wide and upper == 1
    for before, now in ((frames[one], frames[other]) for one, other in sorted(heard(chorale))):
        for voice in range(4):
            found["wide_leaps"] += bool(before[voice] and now[voice] and abs(now[voice] - before[voice]) > 12)
        for upper in range(3):
            found["overlaps"] += bool(now[upper] and before[upper + 1] and now[upper] < before[upper + 1])
            found["overlaps"] += bool(before[upper] and now[upper + 1] and before[upper] < now[upper + 1])
        for upper, lower in combinations(range(4), 2):
            if not (before[upper] and before[lower] and now[upper] and now[lower]):
                continue
            up, down = now[upper] - before[upper], now[lower] - before[lower]
            old, new = abs(before[upper] - before[lower]) % 12, abs(now[upper] - now[lower]) % 12
            for size, name in ((7, "fifths"), (0, "octaves")):
                if up and down and old == new == size:
                    found[f"parallel_{name}"] += 1
                    found[f"similar_{name}"] += up * down > 0
                if (upper, lower) == (0, 3) and up * down > 0 and abs(up) > 2 and new == size != old:
                    found[f"hidden_{name}"] += 1
    return RuleCounts(**{name: int(count) for name, count in found.items()})


@pytest.mark.parametrize("seed", range(30))
def test_counters_agree_with_a_plain_walk_through_random_scores(seed: int) -> None:
    chorale = random_chorale(seed, num_frames=200)
    assert rule_counts(chorale) == counted_by_hand(chorale)


def test_counters_follow_the_order_of_playing() -> None:
    """Repeats, endings and jumps: what is heard counts, once; what is only written doesn't."""
    differ = 0
    for seed in range(150):
        chorale = repeated_chorale(seed)
        assert rule_counts(chorale) == counted_by_hand(chorale), seed
        differ += rule_counts(chorale) != rule_counts(dataclasses.replace(chorale, order=()))
    assert differ > 50


def test_counters_agree_with_a_plain_walk_through_bach(bach: list[Chorale]) -> None:
    for chorale in bach[::20]:
        assert rule_counts(chorale) == counted_by_hand(chorale)


def test_bach_breaks_rules_rarely(bach: list[Chorale]) -> None:
    sums = total([rule_counts(chorale) for chorale in bach])
    assert 0.1 < sums.parallel_fifths / len(bach) < 0.6
    assert 0.05 < sums.parallel_octaves / len(bach) < 0.4
    assert 10 < 1000 * sums.crossings / sums.frames < 40


def test_transposing_changes_no_count_but_the_range(bach: list[Chorale]) -> None:
    for chorale in bach[::40]:
        moved = rule_counts(chorale.transpose(1))._replace(out_of_range=0)
        assert moved == rule_counts(chorale)._replace(out_of_range=0)


def test_every_rule_is_broken_by_some_random_score() -> None:
    sums = total([rule_counts(random_chorale(seed, num_frames=200)) for seed in range(30)])
    named = {name for name, count in sums._asdict().items() if count == 0}
    assert named <= {"out_of_range", "wide_leaps", "hidden_octaves"}
    assert rule_counts(Chorale.from_pitches([[60, 57, 55, 50], [67, 62, 59, 55]])).hidden_octaves == 1
    wild = Chorale.from_pitches(np.array([[90, 60, 50, 40], [60, 60, 50, 40]]))
    assert rule_counts(wild).out_of_range == 1
    assert rule_counts(wild).wide_leaps == 1
