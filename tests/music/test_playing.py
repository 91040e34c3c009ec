"""The order of playing: what is heard after what, and where a piece ends."""

import dataclasses
from itertools import pairwise

import numpy as np
from chorales import barred_chorale, random_chorale, repeated_chorale
from hypothesis import given
from hypothesis import strategies as st

from bachlit.music.chorale import Chorale
from bachlit.music.playing import interruptions, jumps, last_played, played_frames, transitions

seeds = st.integers(0, 2**32)


def four_bars(*order: int) -> Chorale:
    return dataclasses.replace(random_chorale(1, num_frames=64), order=order)


@given(seeds)
def test_a_piece_without_repeats_is_heard_as_written(seed: int) -> None:
    chorale = barred_chorale(seed)
    frames = list(range(chorale.num_frames))
    assert played_frames(chorale).tolist() == frames
    assert transitions(chorale).tolist() == [list(pair) for pair in pairwise(frames)]
    assert (jumps(chorale), interruptions(chorale)) == ([], [])
    assert last_played(chorale) == (0, chorale.num_frames)


@given(seeds)
def test_jumps_and_interruptions_are_what_order_changes(seed: int) -> None:
    chorale = repeated_chorale(seed)
    played = played_frames(chorale).tolist()
    heard = set(pairwise(played))
    assert {pair for pair in heard if pair[1] != pair[0] + 1} == set(jumps(chorale))
    assert len(jumps(chorale)) == len(set(jumps(chorale)))
    for frame in interruptions(chorale):
        assert {frame - 1, frame} <= set(played)
        assert (frame - 1, frame) not in heard
    pairs = [tuple(pair) for pair in transitions(chorale).tolist()]
    assert len(pairs) == len(set(pairs))
    assert heard <= set(pairs)
    unheard = set(pairs) - heard
    assert all(other == one + 1 and not {one, other} <= set(played) for one, other in unheard)


@given(seeds)
def test_the_last_passage_is_the_end_of_what_is_played(seed: int) -> None:
    chorale = repeated_chorale(seed)
    first, end = last_played(chorale)
    assert played_frames(chorale)[first - end :].tolist() == list(range(first, end))


def test_endings_repeats_and_jumps() -> None:
    endings = four_bars(0, 1, 0, 2, 3)  # 1 is the first ending, 2 the second
    assert (jumps(endings), interruptions(endings)) == ([(31, 0), (15, 32)], [32])
    assert last_played(endings) == (32, 64)
    da_capo = four_bars(0, 1, 2, 3, 0, 1)  # al fine
    assert (jumps(da_capo), interruptions(da_capo)) == ([(63, 0)], [])
    assert last_played(da_capo) == (0, 32)
    skipped = four_bars(0, 1, 3)  # what is never played is read as written
    assert (jumps(skipped), interruptions(skipped)) == ([(31, 48)], [])
    assert np.flatnonzero(np.diff(transitions(skipped)[:-1, 1]) != 1).tolist() == []
