"""Figured bass: which tones a figure leaves, where it holds, and that the voices keep to it."""

import dataclasses

import numpy as np
import pytest

from bachlit.decoding import BeamSearch, Decoder, FiguredBass, Greedy, Rules, Sampling, Sounding
from bachlit.encoding import SatbEncoding
from bachlit.errors import OptionError
from bachlit.generation.figured_bass import figured_bass, tones
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key, Keys
from bachlit.music.prompt import Prompt
from bachlit.testing import check_rule

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def bass(*notes: tuple[int, int], pickup: int = 0, key: Key = Key()) -> Chorale:  # noqa: B008  # a value
    """Bass notes of (pitch, length), each with its onset."""
    pitches = np.zeros((sum(length for _, length in notes), 4), int)
    onsets = np.zeros(pitches.shape, bool)
    frame = 0
    for pitch, length in notes:
        pitches[frame : frame + length, 3], onsets[frame, 3] = pitch, True
        frame += length
    fermatas = np.zeros(len(pitches), bool)
    return Chorale(pitches=pitches, onsets=onsets, fermatas=fermatas, pickup=pickup, key=key)


@pytest.mark.parametrize(
    ("figure", "pitch", "key", "expected"),
    [
        ("5", 48, Key(), "C E G"),
        ("3", 50, Key(), "D F A"),
        ("8", 50, Key(), "D F A"),
        ("6", 52, Key(), "C E G"),
        ("6,4", 55, Key(), "C E G"),
        ("6/4", 55, Key(), "C E G"),
        ("7", 55, Key(), "G B D F"),
        ("6,5", 47, Key(), "G B D F"),
        ("4,3", 50, Key(), "G B D F"),
        ("6,4,3", 50, Key(), "G B D F"),
        ("2", 53, Key(), "G B D F"),
        ("4,2", 53, Key(), "G B D F"),
        ("6,4,2", 53, Key(), "G B D F"),
        ("4", 55, Key(), "G C D"),
        ("5,4", 55, Key(), "G C D"),
        ("9", 48, Key(), "C D E G"),
        ("9,7", 48, Key(), "C D E G B"),
        ("7,4", 55, Key(), "G C D F"),
        ("5,2", 48, Key(), "C D G"),
        ("#", 52, Key(0, "minor"), "E Ab B"),
        ("7,#", 52, Key(0, "minor"), "E Ab B D"),
        ("7,#3", 52, Key(0, "minor"), "E Ab B D"),
        ("n", 43, Key(-3, "minor"), "G B D"),
        ("#", 43, Key(-3, "minor"), "G B D"),
        ("b", 48, Key(), "C Eb G"),
        ("b7", 48, Key(), "C E G Bb"),
        ("7b", 48, Key(), "C E G Bb"),
        ("6+", 53, Key(), "F A Eb"),
        ("#6,4,3", 50, Key(-2), "D F G B"),
        ("7", 54, Key(), "F# A C E"),
        ("6,5", 49, Key(-1, "minor"), "C# E G A"),
        ("6", 50, Key(0, "dorian"), "D F B"),
        ("#3", 54, Key(2), "F# Bb C#"),
    ],
)
def test_figures_are_completed_by_convention(figure: str, pitch: int, key: Key, expected: str) -> None:
    assert {NAMES[tone] for tone in tones(figure, pitch, key)} == set(expected.split())


@pytest.mark.parametrize("key", [Key(fifths, mode) for fifths in range(-7, 8) for mode in ("major", "minor")], ids=str)
def test_figures_move_with_the_key(key: Key) -> None:
    home = Key(0, key.mode)
    for figure in ("6", "7", "6,5", "4,3", "2", "9"):
        for pitch in range(48, 60):
            at_home = {(tone - home.tonic) % 12 for tone in tones(figure, pitch + home.tonic, home)}
            moved = {(tone - key.tonic) % 12 for tone in tones(figure, pitch + key.tonic, key)}
            assert moved == at_home


@pytest.mark.parametrize("figure", ["x", "1", "10", "6,6", "#6#", "", "6,", "C", "4.3"])
def test_what_is_no_figure_is_refused(figure: str) -> None:
    with pytest.raises(OptionError, match="There is no figure"):
        tones(figure, 48, Key())


def test_figures_belong_to_the_notes_of_their_bar() -> None:
    tune = bass((55, 4), (48, 8), (53, 4), (0, 4), (55, 8), (48, 8), pickup=4)
    rule = figured_bass(tune, "5 | . 6 | 4 - 3 5")
    chord = {"G": (2, 7, 11), "F6": (2, 5, 9), "Gsus": (0, 2, 7), "C": (0, 4, 7)}
    assert rule.spans == (
        (0, 4, chord["G"]),
        (12, 16, chord["F6"]),
        (20, 24, chord["Gsus"]),
        (24, 28, chord["G"]),
        (28, 36, chord["C"]),
    )


def test_figures_of_a_file_stand_at_their_frames() -> None:
    tune = bass((48, 8), (0, 4), (55, 8))
    figures = [(12, 4, "4"), (16, 0, "3"), (0, 0, "5"), (4, 2, "6"), (8, 0, "6")]  # in any order, one over a rest
    assert figured_bass(tune, figures).spans == (
        (0, 4, (0, 4, 7)),
        (4, 6, (0, 4, 9)),
        (12, 16, (0, 2, 7)),
        (16, 20, (2, 7, 11)),
    )


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ("5 | 5 | 5", "fill 3 bars, but the piece has 2"),
        ("5 6 7", "Bar 1 has 3 figures, but 2 notes begin in its bass"),
        ("5 ?", "There is no figure"),
    ],
)
def test_figures_that_do_not_fit_are_refused(figures: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        figured_bass(bass((48, 8), (50, 8), (52, 16)), figures)


def test_figures_without_a_bass_are_refused() -> None:
    with pytest.raises(OptionError, match="Figures need a bass"):
        figured_bass(Chorale.from_pitches([[60, 0, 0, 0]] * 16), "6")
    with pytest.raises(OptionError, match="one after the other"):
        FiguredBass(spans=((0, 8, (0,)), (4, 12, (0,))))


@pytest.mark.parametrize("decoder", [Greedy(), Sampling(3.0), BeamSearch(4)], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("keys", ["all", "home"])
def test_the_voices_above_a_bass_keep_to_its_figures(small_model: LanguageModel, decoder: Decoder, keys: Keys) -> None:
    tune = bass((43, 4), (51, 4), (48, 4), (50, 4), (43, 16), key=Key(-2, "minor"))
    rule = figured_bass(tune, "5 6 6/5 4-# | 5")
    assert len(rule.spans) == 6
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    prompt = Prompt.voices(tune, "bass")
    [written] = write(model, [prompt], decoder=decoder, seeds=[0], rules=Rules() & Sounding() & rule)
    for start, end, classes in rule.spans:
        assert set((written.chorale.pitches[start:end, :3] % 12).ravel().tolist()) <= set(classes)


def test_figured_bass_keeps_the_laws_of_rules() -> None:
    tune = bass((43, 4), (51, 4), (48, 4), (50, 4), (43, 16), key=Key(-2, "minor"))
    sung = dataclasses.replace(tune, pitches=np.full((32, 4), 60), onsets=np.ones((32, 4), bool))
    check_rule(figured_bass(tune, "5 6 6/5 4-# | 5"), SatbEncoding(), [sung, sung.transpose(1)])


def test_all_figures_of_a_bar_with_one_note_share_it() -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 52]] * 16 + [[74, 0, 0, 55]] * 16)
    assert figured_bass(tune, "6 | 4 3") == figured_bass(tune, "6 | 4-3")
    assert [span[:2] for span in figured_bass(tune, "6 | 4 3").spans] == [(0, 16), (16, 24), (24, 32)]
