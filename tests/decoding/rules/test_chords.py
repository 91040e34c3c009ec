"""Chord symbols are sung: in their bars or at their frames, in the key of the given music."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from bachlit.decoding import (
    BeamSearch,
    ChordTones,
    Decoder,
    Greedy,
    Sampling,
    Sounding,
)
from bachlit.encoding import SatbEncoding
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key, Keys
from bachlit.music.prompt import Prompt
from bachlit.testing import charges, check_rule

ENCODING = SatbEncoding()


@pytest.mark.parametrize("decoder", [Greedy(), Sampling(2.0), BeamSearch(4)], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("keys", ["all", "home"])
def test_chord_symbols_are_obeyed_in_the_key_in_which_the_music_is_given(
    small_model: LanguageModel, decoder: Decoder, keys: Keys
) -> None:
    """A pickup of a quarter in 3/4, bars shared by chords, basses, and a bar left to the model; all in D minor."""
    tune = dataclasses.replace(
        Chorale.from_pitches([[74, 0, 0, 0]] * (4 + 4 * 12), pickup=0),
        time_signature=(3, 4),
        pickup=4,
        key=Key(-1, "minor"),
    )
    chords = ChordTones(chords="Dm | Gm/Bb A7 Dm | Bb | . | D")
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    given = np.zeros(tune.pitches.shape, np.bool_)
    rules = Sounding() & chords
    [written] = write(model, [Prompt(tune, given)], decoder=decoder, seeds=[1], rules=rules)
    classes = written.chorale.pitches % 12
    for span, tones in (((0, 4), {2, 5, 9}), ((4, 8), {7, 10, 2}), ((8, 12), {9, 1, 4, 7}), ((12, 16), {2, 5, 9}),
                        ((16, 28), {10, 2, 5}), ((40, 52), {2, 6, 9})):  # fmt: skip
        assert set(classes[slice(*span)].flatten().tolist()) <= tones
    assert set(classes[4:8, 3].tolist()) == {10}
    assert not set(classes[28:40].flatten().tolist()) <= {2, 6, 9}


@pytest.mark.parametrize("symbol", ["H", "C/", "c", "Cmin", "C | Xm", "C#b"])
def test_what_is_no_chord_is_refused(symbol: str) -> None:
    with pytest.raises(OptionError, match="There is no chord"):
        ChordTones(chords=symbol)


@pytest.mark.parametrize(
    ("symbol", "tones"),
    [
        ("C5", {0, 7}), ("Dm6", {2, 5, 9, 11}), ("Bb6/D", {10, 2, 5, 7}), ("G7sus4", {7, 0, 2, 5}),
        ("F#m7b5", {6, 9, 0, 4}), ("Gaug7", {7, 11, 3, 5}), ("G7#5", {7, 11, 3, 5}),
        ("E7b9", {4, 8, 11, 2, 5}), ("AmM7", {9, 0, 4, 8}),
        ("Cadd9", {0, 2, 4, 7}), ("G13", {7, 11, 2, 5, 9, 4}), ("Csus2", {0, 2, 7}), ("Fmaj9", {5, 9, 0, 4, 7}),
    ],
)  # fmt: skip
def test_chords_of_lead_sheets_are_known(symbol: str, tones: set[int]) -> None:
    assert ChordTones.knows(symbol)
    [[chord]] = ChordTones(chords=symbol).bars
    assert chord is not None
    assert chord[0] == tones


def test_chords_may_stand_at_frames_instead_of_bars(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 0]] * 24)
    chords = ChordTones(at=((4, "F/A"), (10, "."), (14, "C")))
    rules = Sounding() & chords
    [written] = write(small_model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[0], rules=rules)
    classes = written.chorale.pitches % 12
    assert set(classes[4:10].ravel().tolist()) <= {5, 9, 0}
    assert set(classes[4:10, 3].tolist()) == {9}
    assert set(classes[14:].ravel().tolist()) <= {0, 4, 7}
    for frames in (slice(0, 4), slice(10, 14)):
        assert not set(classes[frames].ravel().tolist()) <= {0, 4, 5, 7, 9}
    check_rule(chords, ENCODING, [written.chorale])


@pytest.mark.parametrize(
    "wrong", [{"chords": "C", "at": ((0, "C"),)}, {"at": ((4, "C"), (4, "F"))}, {"at": ((-1, "C"),)}]
)
def test_chords_at_frames_that_contradict_each_other_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="expected one of the two"):
        ChordTones(**wrong)


def test_chords_are_sung_even_without_other_rules(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 0]] * 16)
    [written] = write(
        small_model, [Prompt.voices(tune, "soprano")], decoder=Greedy(), seeds=[0], rules=ChordTones(chords="F#")
    )
    assert (written.chorale.pitches > 0).all()
    assert set((written.chorale.pitches[:, 1:] % 12).flatten().tolist()) <= {6, 10, 1}


def test_a_bar_can_not_have_more_chords_than_sixteenths(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 0]] * 16)
    with pytest.raises(OptionError, match="Bar 1 has 17 chords"):
        write(
            small_model, [Prompt.voices(tune, "soprano")], decoder=Greedy(), seeds=[0],
            rules=ChordTones(chords="C " * 17),
        )  # fmt: skip


def test_chords_follow_the_printed_bars() -> None:
    """A pickup, a metre that changes, a split bar and one cut short by its ending."""
    metre, other = (4, 4), (3, 4)
    bars = [("0", 0, 4, 12, metre), ("1", 4, 16, 0, metre), ("2", 20, 12, 0, other), ("3", 32, 8, 0, metre)]
    bars += [("X1", 40, 8, 8, metre), ("4", 48, 12, 0, metre)]
    pitches = np.full((60, 4), 60)
    piece = Chorale(pitches=pitches, onsets=pitches, fermatas=np.zeros(60), bars=tuple(bars))  # type: ignore[arg-type]
    chords = ChordTones(chords="G | C F | F G C | G C | F C")
    fits = charges(chords, ENCODING, [piece], [np.zeros((60, 4), np.bool_)])[0, :, 1] == 0  # C in the bass
    expected = np.zeros(60, bool)
    expected[4:24] = expected[28:32] = expected[40:60] = True
    assert fits.tolist() == expected.tolist()
