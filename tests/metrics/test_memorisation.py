"""Passages against a search that tries every place and every transposition, and on Bach.

On JSB-16th, the pieces of valid share with train a median of 18 frames, nine in ten at most 24, the longest 164: piece
74, a transposed copy, and without it 128. Without transposing they'd share 16, 20 and 24.
"""

import numpy as np
import pytest
from chorales import random_chorale

from bachlit.metrics import Copied, Passages
from bachlit.music.chorale import REST, Chorale, IntArray

MELODY = [60, 62, 64, 65, 67, 65, 64, 62]


def piece(*sopranos: int, name: str = "") -> Chorale:
    """A soprano, and a bass a tenth below, rests where it rests."""
    return Chorale.from_pitches([[pitch, 0, 0, pitch and pitch - 15] for pitch in sopranos], name=name)


def joined(*chorales: Chorale) -> Chorale:
    return Chorale.from_pitches(np.concatenate([chorale.pitches for chorale in chorales]))


def transposition(own: IntArray, its: IntArray) -> int | None:
    """That which makes `its` pitches those of `own`, 0 if nothing sounds; None if there is none."""
    sounding = own != REST
    if not np.array_equal(sounding, its != REST):
        return None
    moves = set((own - its)[sounding].tolist())
    return None if len(moves) > 1 else sum(moves)


def tried_out(own: IntArray, training: list[Chorale]) -> int:
    """The longest passage by trying all."""
    return max(
        length
        for its in [chorale.pitches for chorale in training]
        for i in range(len(own))
        for j in range(len(its))
        for length in range(1 + min(len(own) - i, len(its) - j))
        if transposition(own[i : i + length], its[j : j + length]) is not None
    )


def tiny(random: np.random.Generator, num_frames: int) -> Chorale:
    """Few pitches and many rests, also of all voices at once, so that much is alike by chance."""
    pitches = np.zeros((num_frames, 4), np.int64)
    pitches[:, :2] = random.choice([REST, 60, 61], (num_frames, 2), p=[0.5, 0.3, 0.2])
    return Chorale.from_pitches(pitches, name=str(random.integers(1000)))


@pytest.mark.parametrize("seed", range(40))
def test_the_longest_passage_is_that_which_trying_all_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    training = [tiny(random, int(num_frames)) for num_frames in random.integers(1, 12, size=3)]
    own = tiny(random, 10)
    found = Passages(training).longest(own)
    assert found.frames == tried_out(own.pitches, training)
    if found.frames:
        [its] = [chorale for chorale in training if chorale.name == found.piece]
        ours = own.pitches[found.own_frame :][: found.frames]
        theirs = its.pitches[found.its_frame :][: found.frames]
        assert transposition(ours, theirs) == found.transposition


def test_a_training_piece_is_found_whole_in_any_key() -> None:
    training = [random_chorale(seed, num_frames=60 + seed) for seed in range(4)]
    named = [Chorale.from_pitches(chorale.pitches, name=str(seed)) for seed, chorale in enumerate(training)]
    for seed, move in ((0, 0), (1, 3), (2, -5), (3, 1)):
        found = Passages(named).longest(training[seed].transpose(move))
        assert found == Copied(60 + seed, str(seed), 0, 0, move)


def test_no_passage_goes_on_from_piece_to_piece() -> None:
    training = [piece(*MELODY[:3], name="a"), piece(*MELODY[3:], name="b")]
    assert Passages(training).longest(piece(*MELODY)) == Copied(5, "b", 0, 3, 0)
    assert Passages(training).longest(piece(*MELODY[3:], *MELODY[:3])).frames == 5


def test_one_transposition_holds_for_the_whole_passage() -> None:
    """Though silence may lie between: the halves of a melody, one a tone up, are two passages."""
    training = [piece(60, 62, 64, 0, 0, 65, 67, name="a")]
    assert Passages(training).longest(piece(62, 64, 66, 0, 0, 67, 69)).frames == 7
    assert Passages(training).longest(piece(62, 64, 66, 0, 0, 65, 67)).frames == 5
    # The silence may belong to what follows it, where that is longer.
    assert Passages(training).longest(piece(63, 0, 0, 66, 68)) == Copied(4, "a", 3, 1, 1)


def test_silence_is_free_until_something_sounds() -> None:
    """It goes with the passage after it in any transposition, but not with a second one after that."""
    passages = Passages([piece(0, 0, 60, 62, 64, name="a")])
    assert passages.longest(piece(0, 0, 61, 64, 66)) == Copied(3, "a", 0, 0, 1)


def test_all_four_voices_count_and_rhythm_does_not() -> None:
    training = [joined(piece(*MELODY))]
    without_bass = piece(*MELODY).only("soprano")
    assert Passages(training).longest(without_bass) == Copied()
    repeating = Chorale(pitches=training[0].pitches, onsets=np.ones((8, 4)), fermatas=np.ones(8))
    assert Passages(training).longest(repeating).frames == 8


def test_nothing_is_shared_with_no_pieces() -> None:
    assert Passages([]).longest(piece(*MELODY)) == Copied()


def test_bach_quotes_himself_for_a_bar_or_two(bach: list[Chorale]) -> None:
    passages = Passages(bach[40:])
    lengths = [passages.longest(chorale).frames for chorale in bach[:40]]
    assert 12 <= np.median(lengths) <= 30
