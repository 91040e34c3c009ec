"""Rules of cadences, of openings and of sevenths decide their cases, and what is written keeps them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from bachlit.decoding import (
    Decoder,
    FinalDominant,
    FinalThird,
    FinalTonic,
    Greedy,
    OpeningTonic,
    PhraseCadence,
    PhraseRest,
    PhraseTriad,
    Rule,
    Sampling,
    Sevenths,
    Sounding,
)
from bachlit.encoding import SatbEncoding
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key
from bachlit.music.prompt import Prompt
from bachlit.testing import charges

ENCODING = SatbEncoding()
TONIC, FIVE, FOUR = [72, 67, 64, 48], [71, 67, 62, 43], [72, 65, 57, 53]


def breaches(rule: Rule, chords: Sequence[Sequence[int]], key: Key | None = None, ends: Sequence[int] = ()) -> int:
    """Count a rule's breaches in quarters, of which some end phrases; the soprano is given."""
    piece = Chorale.from_pitches([chord for chord in chords for _ in range(4)])
    onsets, fermatas = piece.onsets.copy(), np.zeros(piece.num_frames, np.bool_)
    onsets[::4, 0] = True
    for end in ends:
        fermatas[4 * end : 4 * end + 4] = True
    piece = dataclasses.replace(piece, key=key or Key(), onsets=onsets, fermatas=fermatas)
    soprano = np.zeros(piece.pitches.shape, np.bool_)
    soprano[:, 0] = True
    return int(charges(rule, ENCODING, [piece], [soprano]).sum())


@pytest.mark.parametrize(
    ("chord", "whole"),
    [(TONIC, True), ([72, 67, 60, 48], False), ([72, 67, 63, 48], True), ([76, 67, 60, 48], True)],
    ids=["major", "bare", "minor", "third given"],
)
def test_the_last_chord_has_its_third(chord: list[int], whole: bool) -> None:
    assert (breaches(FinalThird(), [FIVE, chord]) == 0) == whole


@pytest.mark.parametrize(
    ("before", "key", "kept"),
    [
        (FIVE, Key(), True),
        ([71, 65, 62, 55], Key(), True),  # the seventh chord
        ([71, 67, 62, 59], Key(), False),  # its inversion
        ([74, 67, 65, 43], Key(), False),  # no leading tone
        ([74, 67, 58, 43], Key(-3, "minor"), False),  # lowered seventh
        ([74, 67, 59, 43], Key(-3, "minor"), True),
        (FOUR, Key(), True),  # the melody allows none
        ([79, 71, 62, 47], Key(), True),  # nor here: octaves
    ],
)
def test_the_dominant_stands_before_the_last_chord(before: list[int], key: Key, kept: bool) -> None:
    assert (breaches(FinalDominant(), [before, TONIC], key) == 0) == kept
    assert breaches(FinalDominant(), [before, [74, 71, 67, 43]], key) == 0  # where it ends elsewhere


@pytest.mark.parametrize("again", [1, 3, 5])
def test_the_dominant_stands_before_a_last_note_that_is_sung_again(again: int) -> None:
    weak = [[71, 67, 62, 59], *[TONIC] * again, TONIC]
    assert breaches(FinalDominant(), [FIVE, *weak[1:]], Key()) == 0
    assert (breaches(FinalDominant(), weak, Key()) > 0) == (again <= 4)  # a bar of it is a tune of its own


@pytest.mark.parametrize(
    ("chord", "kept"),
    [(TONIC, True), ([72, 67, 64, 52], False), ([72, 69, 60, 53], True), ([72, 67, 60, 48], False),
     ([71, 65, 62, 43], False), ([72, 67, 63, 48], True), ([76, 67, 63, 48], False)],
)  # fmt: skip
def test_phrases_end_on_a_whole_triad_in_root_position(chord: list[int], kept: bool) -> None:
    assert (breaches(PhraseTriad(), [FIVE, chord, TONIC], ends=[1]) == 0) == kept


def test_an_anticipation_leaves_the_dominant() -> None:
    for bass, kept in ((43, True), (48, False)):
        frames = [[71, 67, 62, 43]] * 2 + [[72, 71, 62, bass]] * 2 + [TONIC] * 4
        piece = dataclasses.replace(Chorale.from_pitches(frames), key=Key())
        onsets = piece.onsets.copy()
        onsets[4] = True
        soprano = np.tile([True, False, False, False], (8, 1))
        found = charges(FinalDominant(), ENCODING, [dataclasses.replace(piece, onsets=onsets)], [soprano])
        assert (found.sum() == 0) == kept


def test_phrases_end_by_the_dominant_where_its_root_falls_a_fifth() -> None:
    for chords, broken in (
        ([FIVE, TONIC, TONIC], 1),  # once, into the end
        ([FOUR, TONIC, TONIC], 2),
        ([[74, 70, 62, 43], TONIC, TONIC], 2),  # a minor chord
        ([TONIC, FIVE, TONIC], 1),
    ):
        assert breaches(PhraseCadence(), chords, ends=[1]) == broken


@pytest.mark.parametrize(
    ("key", "chords", "broken"),
    [
        (Key(), ([73, 69, 64, 45], [74, 69, 65, 50]), 0),
        (Key(), ([73, 69, 64, 45], [74, 69, 66, 50]), 1),  # on the dominant's dominant
        (Key(), ([74, 69, 66, 50], [74, 71, 67, 43]), 0),
        (Key(), ([74, 69, 66, 50], [74, 70, 67, 43]), 1),  # a minor dominant
        (Key(), ([77, 69, 60, 53], [77, 74, 65, 46]), 1),  # out of the scale
        (Key(0, "minor"), ([71, 68, 64, 52], [69, 64, 60, 45]), 0),
        (Key(0, "minor"), ([71, 68, 64, 52], [69, 64, 61, 45]), 0),
        (Key(0, "minor"), ([69, 66, 63, 47], [68, 64, 59, 52]), 0),
        (Key(0, "minor"), ([69, 64, 61, 45], [69, 66, 62, 50]), 1),  # a major subdominant
        (Key(1, "dorian"), ([69, 64, 61, 45], [69, 66, 62, 50]), 0),
    ],
)
def test_phrases_end_on_triads_of_the_key(key: Key, chords: tuple[list[int], list[int]], broken: int) -> None:
    assert breaches(PhraseCadence(), chords, key) == broken


def test_nothing_moves_on_a_phrases_last_note() -> None:
    piece = Chorale.from_pitches([FIVE] * 4 + [TONIC] * 2 + [[72, 69, 65, 48]] * 2 + [FIVE] * 4 + [TONIC] * 4)
    fermatas = np.arange(16) // 4 == 1
    for marked, broken in ((fermatas, 2), (np.zeros(16, np.bool_), 0)):
        piece = dataclasses.replace(piece, fermatas=marked)
        soprano = np.tile([True, False, False, False], (16, 1))
        assert int(charges(PhraseRest(), ENCODING, [piece], [soprano]).sum()) == broken


def test_pieces_begin_over_the_tonic_where_the_tune_does() -> None:
    assert breaches(OpeningTonic(), [TONIC, FIVE]) == 0
    assert breaches(OpeningTonic(), [[72, 69, 65, 53], FIVE]) == 1
    assert breaches(OpeningTonic(), [[74, 67, 59, 43], TONIC]) == 0
    pickup = dataclasses.replace(Chorale.from_pitches([[74, 67, 59, 43]] * 4 + [[72, 69, 65, 53]] * 4), pickup=4)
    soprano = np.tile([True, False, False, False], (8, 1))
    found = charges(OpeningTonic(), ENCODING, [dataclasses.replace(pickup, key=Key())], [soprano])[0, :, 1]
    assert np.flatnonzero(found.numpy()).tolist() == [4]


@pytest.mark.parametrize(
    ("after", "kept"),
    [([67, 64, 60, 48], True), ([69, 65, 60, 48], True), ([72, 67, 60, 48], False), ([69, 69, 60, 53], False)],
    ids=["down a step", "held", "up a step", "up a third"],
)
def test_sevenths_step_down_or_stay(after: list[int], kept: bool) -> None:
    assert (breaches(Sevenths(), [[67, 65, 59, 43], after]) == 0) == kept
    assert breaches(Sevenths(), [[67, 62, 59, 43], after]) == 0


def test_a_melody_is_no_seventh_that_leaps_or_rises() -> None:
    for following, kept in ((71, True), (70, True), (69, False), (74, False)):
        assert (breaches(Sevenths(), [[72, 69, 65, 50], [following, 67, 62, 43]]) == 0) == kept
        assert breaches(Sevenths(), [[72, 69, 65, 53], [following, 67, 62, 43]]) == 0


@pytest.mark.parametrize("decoder", [Greedy(), Sampling(3.0)], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("key", [Key(), Key(-3, "minor")], ids=str)
def test_what_an_untrained_model_writes_ends_as_asked(decoder: Decoder, key: Key, small_model: LanguageModel) -> None:
    """Dominant and tonic in the last two chords, at rest; on a note that the tune sings twice, too."""
    rules = Sounding() & FinalTonic() & FinalThird() & FinalDominant() & PhraseRest()
    for before, last in ((71, 72), (74, 72), (67, 67)):
        tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (72, before, last) for _ in range(8)])
        onsets = tune.onsets.copy()
        onsets[16] = True
        prompt = Prompt.voices(dataclasses.replace(tune, key=key, onsets=onsets), "soprano")
        [written] = write(small_model, [prompt], decoder=decoder, seeds=[0], rules=rules)
        classes = written.chorale.pitches % 12
        assert classes[15, 3] == 7
        assert 11 in classes[15]
        assert (classes[16:] == classes[16]).all()
        assert classes[16, 3] == 0
        assert set(classes[16].tolist()) in ({0, 4, 7}, {0, 4}, {0, 3, 7}, {0, 3})
