"""Keys, church modes and endings: what is in the key, where a piece ends, and what repeats ask."""

import dataclasses
import warnings

import numpy as np
import pytest

from bachlit.decoding import (
    BeamSearch,
    Decoder,
    FinalTonic,
    Greedy,
    InKey,
    LargestLeap,
    NoHidden,
    NoParallels,
    Particles,
    Ranges,
    Sampling,
    Sounding,
)
from bachlit.encoding import SatbEncoding
from bachlit.generation.harmonizing import write
from bachlit.metrics import rule_counts
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key, Keys
from bachlit.music.prompt import Prompt
from bachlit.testing import charges, grid_of

ENCODING = SatbEncoding()


@pytest.mark.parametrize(("key", "triad"), [(Key(0, "major"), {0, 4, 7}), (Key(-3, "minor"), {0, 3, 4, 7})])
def test_pieces_end_on_the_tonic_triad_over_its_root(small_model: LanguageModel, key: Key, triad: set[int]) -> None:
    """The bass from where the last note begins, the others in the last quarter; not where the tune ends elsewhere."""
    for last, ends in ((72, True), (74, False)):
        tune = dataclasses.replace(Chorale.from_pitches([[71, 0, 0, 0]] * 8 + [[last, 0, 0, 0]] * 8), key=key)
        closing = []
        for seed in range(4):
            rules = Sounding() & FinalTonic()
            [written] = write(
                small_model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[seed], rules=rules
            )
            classes = written.chorale.pitches % 12
            closing.append(set(classes[-4:].flatten().tolist()) <= triad and set(classes[8:, 3].tolist()) == {0})
        assert all(closing) if ends else not any(closing)


@pytest.mark.parametrize(
    ("key", "scale"),
    [
        (Key(0, "dorian"), {2, 4, 5, 7, 9, 11, 0} | {10, 1}),
        (Key(0, "phrygian"), {4, 5, 7, 9, 11, 0, 2} | {6, 1, 3}),
        (Key(0, "lydian"), {5, 7, 9, 11, 0, 2, 4} | {10}),
        (Key(0, "mixolydian"), {7, 9, 11, 0, 2, 4, 5} | {6}),
        (Key(0, "aeolian"), {9, 11, 0, 2, 4, 5, 7} | {6, 8}),
        (Key(1, "dorian"), {9, 11, 0, 2, 4, 6, 7} | {5, 8}),
        (Key(-2), {10, 0, 2, 3, 5, 7, 9}),
        (Key(-2, "minor"), {7, 9, 10, 0, 2, 3, 5} | {4, 6}),
    ],
    ids=str,
)
def test_a_key_has_its_scale_with_a_leading_tone(key: Key, scale: set[int]) -> None:
    pitches = np.array([[pitch] * 4 for pitch in range(48, 60)] * 2)
    for piece in (
        dataclasses.replace(Chorale.from_pitches(pitches), key=key),
        dataclasses.replace(Chorale.from_pitches(pitches), key=Key(6), keys=((12, key),)),
    ):
        foreign = charges(InKey(), ENCODING, [piece], [np.zeros(pitches.shape, np.bool_)])[0, 12:, 0]
        assert {int(pitch) % 12 for pitch in pitches[12:][foreign.numpy() == 0, 0]} == scale


@pytest.mark.parametrize("keys", ["all", "home"])
@pytest.mark.parametrize(("key", "last"), [(Key(0, "dorian"), 62), (Key(1, "mixolydian"), 74)], ids=str)
def test_a_modal_tune_ends_on_its_own_tonic(small_model: LanguageModel, key: Key, last: int, keys: Keys) -> None:
    """The signature's major or minor key would end it on a seventh chord over G or C."""
    pitches = [[pitch, 0, 0, 0] for pitch in (69, 67, 65, 64, last, last) for _ in range(4)]
    tune = dataclasses.replace(Chorale.from_pitches(pitches), key=key)
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    for seed in range(3):
        [written] = write(
            model,
            [Prompt.voices(tune, "soprano")],
            decoder=Sampling(3.0),
            seeds=[seed],
            rules=Sounding() & FinalTonic(),
        )
        closing = written.chorale.pitches[-4:]
        assert set((closing[:, 3] % 12).tolist()) == {2}
        assert set((closing % 12).ravel().tolist()) <= {2, 5, 6, 9}


def test_the_final_chord_is_where_the_piece_is_played_to_an_end(small_model: LanguageModel) -> None:
    """At a fine, and in the last ending, in the key in force there; not where the writing ends."""
    tune = dataclasses.replace(Chorale.from_pitches([[72, 0, 0, 0]] * 32 + [[67, 0, 0, 0]] * 32), keys=((32, Key(1)),))
    for order, end, tonic in ((0, 1, 2, 3, 0, 1), 32, 0), ((0, 2, 0, 1, 3), 64, 7), ((), 64, 7):
        piece = dataclasses.replace(tune, order=order)
        prompt = Prompt.voices(piece, "soprano")
        grid = grid_of(ENCODING, [piece], [prompt.given])
        assert (grid.end.tolist(), grid.tonic.tolist()) == ([end], [tonic])
        [written] = write(small_model, [prompt], decoder=Sampling(3.0), seeds=[0], rules=Sounding() & FinalTonic())
        assert set((written.chorale.pitches[end - 4 : end, 3] % 12).tolist()) == {tonic}
        if end == 32:
            assert not set((written.chorale.pitches[-4:, 3] % 12).tolist()) <= {7}


@pytest.mark.parametrize(
    "decoder", [Greedy(), Sampling(2.0), BeamSearch(4), Particles(4)], ids=lambda one: type(one).__name__
)
def test_repeats_are_written_so_that_they_can_be_sung(decoder: Decoder, small_model: LanguageModel) -> None:
    """No forbidden step into the repeat or the second ending, and a note begins there in each free voice."""
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 69, 71, 72, 71, 69, 67, 65) * 2 for _ in range(4)])
    piece = dataclasses.replace(tune, order=(0, 1, 0, 2, 3))
    rules = Sounding() & Ranges() & NoParallels() & LargestLeap() & NoHidden()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        [written] = write(small_model, [Prompt.voices(piece, "soprano")], decoder=decoder, seeds=[0], rules=rules)
    assert not told
    for name in ("parallel_fifths", "parallel_octaves", "wide_leaps", "hidden_fifths", "hidden_octaves"):
        assert getattr(rule_counts(written.chorale), name) == getattr(rule_counts(piece), name)
    assert written.chorale.order == piece.order
    assert written.chorale.onsets[[0, 32], 1:].all()
