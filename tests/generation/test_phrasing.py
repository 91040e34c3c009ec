"""Phrase ends that a model hears, and those that are written."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bachlit import Chorale, LanguageModel, harmonize
from bachlit.decoding import Greedy
from bachlit.errors import OptionError, PromptError
from bachlit.generation.phrasing import phrased, places_of_phrases
from bachlit.generation.prompts import model_prompt
from bachlit.music.chorale import cut
from bachlit.music.notes import notes_of
from bachlit.music.phrase_marks import PhraseMark
from bachlit.music.prompt import Prompt
from bachlit.scores import read_melody

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def twinkle() -> Prompt:
    return Prompt.voices(read_melody(EXAMPLES / "twinkle.musicxml"), "soprano")


def with_fermatas(prompt: Prompt, *frames: int) -> Prompt:
    fermatas = np.zeros(prompt.chorale.num_frames, np.bool_)
    for note in notes_of(prompt.chorale, "soprano"):
        fermatas[note.start : note.start + note.length] = note.start in frames
    return dataclasses.replace(prompt, chorale=dataclasses.replace(prompt.chorale, fermatas=fermatas, source=None))


def test_a_tune_without_fermatas_gets_found_ones(twinkle: Prompt) -> None:
    assert places_of_phrases(twinkle) == []
    assert places_of_phrases(phrased(twinkle)) == ["2", "4", "6", "8", "10", "12"]


def test_a_tune_keeps_its_own_fermatas(twinkle: Prompt) -> None:
    own = with_fermatas(twinkle, 24 + 32)
    for phrases in ("auto", "given"):
        assert phrased(own, phrases) is own
    assert places_of_phrases(own) == ["4"]


def test_a_fermata_on_the_last_note_alone_is_not_a_phrasing(twinkle: Prompt) -> None:
    last = max(note.start for note in notes_of(twinkle.chorale, "soprano"))
    assert len(places_of_phrases(phrased(with_fermatas(twinkle, last)))) == 6


def test_none_silences_the_fermatas_that_a_model_hears(twinkle: Prompt, framed_model: LanguageModel) -> None:
    own = with_fermatas(twinkle, 24)
    heard = [model_prompt(framed_model.voiced_encoding, one).piece.fermatas for one in (own, phrased(own, "none"))]
    assert [fermatas.sum() for fermatas in heard] == [8, 0]


@pytest.mark.parametrize(
    ("typed", "starts"),
    [("2", [24]), ("4, 8", [56, 120]), ("2.3", [24]), ("2.4", [24]), ("1.1,2.2", [0, 20]), ("02.02.5", [20])],
)
def test_places_are_bars_or_beats(typed: str, starts: list[int], twinkle: Prompt) -> None:
    prompt = phrased(twinkle, typed)
    heard = prompt.heard.fermatas
    assert [n.start for n in notes_of(prompt.chorale, "soprano") if heard[n.start : n.start + n.length].all()] == starts
    assert all(heard[start] for start in starts)


def test_a_pickup_is_bar_0_and_beats_count_from_the_bar_line() -> None:
    tune = Chorale.from_pitches([[60 + beat, 0, 0, 0] for beat in range(9) for _ in range(4)], pickup=4)
    prompt = Prompt.voices(tune, "soprano")
    assert places_of_phrases(phrased(prompt, "0,1,2.2")) == ["0", "1", "2.2"]
    assert places_of_phrases(phrased(prompt, "0.4")) == ["0"]
    with pytest.raises(OptionError, match="No note sounds at beat 3 of bar 0"):
        phrased(prompt, "0.3")


def test_three_eighths_are_a_beat_of_six_eight() -> None:
    tune = Chorale.from_pitches([[60 + note, 0, 0, 0] for note in range(8) for _ in range(6)])
    tune = dataclasses.replace(tune, time_signature=(6, 8))
    prompt = phrased(Prompt.voices(tune, "soprano"), "1.1, 2.2")
    assert np.flatnonzero(prompt.heard.fermatas).tolist() == [*range(6), *range(18, 24)]


@pytest.mark.parametrize("seed", range(10))
def test_printed_places_are_read_as_the_same_notes(seed: int, bach: list[Chorale]) -> None:
    piece = bach[11 * seed]
    prompt = Prompt.voices(dataclasses.replace(piece, source=None), "soprano")
    again = phrased(prompt, ",".join(places_of_phrases(prompt)) or "none")
    assert np.array_equal(again.heard.fermatas, piece.fermatas)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("most", "no place of a phrase end"),
        ("4,,8", "no place of a phrase end"),
        ("99", "There is no bar 99"),
        ("4.9", "No note sounds at beat 9 of bar 4"),
        ("4.0", "No note sounds at beat 0 of bar 4"),
    ],
)
def test_places_that_are_none_end_in_one_sentence(typed: str, expected: str, twinkle: Prompt) -> None:
    with pytest.raises(OptionError, match=expected):
        phrased(twinkle, typed)


def test_marks_of_the_score_are_evidence(twinkle: Prompt) -> None:
    marks = [PhraseMark(16, kind) for kind in ("breath", "stop", "breath", "double bar")]
    assert "1" in places_of_phrases(phrased(twinkle, marks=marks))


def test_a_bass_that_is_given_is_phrased_by_itself(bach: list[Chorale]) -> None:
    piece = dataclasses.replace(bach[0], fermatas=np.zeros(bach[0].num_frames, np.bool_))
    prompt = phrased(Prompt.voices(piece, "bass"))
    assert prompt.phrase_ends is not None
    assert prompt.phrase_ends.any()


def test_bars_anew_find_nothing_without_a_whole_voice(bach: list[Chorale]) -> None:
    piece = dataclasses.replace(bach[0], fermatas=np.zeros(bach[0].num_frames, np.bool_))
    anew = Prompt.bars(piece, 2, 3)
    assert phrased(anew) is anew
    assert phrased(Prompt.bars(piece, 2, 3, "soprano")).phrase_ends is not None


def test_a_prompt_with_phrase_ends_keeps_them(twinkle: Prompt) -> None:
    prompt = phrased(twinkle, "4")
    assert phrased(prompt, "auto") is phrased(prompt, "none") is prompt


def test_phrase_ends_must_fit_the_piece(twinkle: Prompt) -> None:
    with pytest.raises(PromptError, match="phrase ends have the shape"):
        dataclasses.replace(twinkle, phrase_ends=np.zeros(3, np.bool_))


@pytest.mark.parametrize("phrases", ["none", "2,3"])
def test_what_is_written_keeps_the_tunes_own_fermatas(phrases: str, framed_model: LanguageModel) -> None:
    for name in ("twinkle", "amazing_grace"):
        tune = cut(read_melody(EXAMPLES / f"{name}.musicxml"), 0, 64)
        written = harmonize(tune, phrases=phrases, decoder=Greedy(), checkpoint=framed_model)
        assert np.array_equal(written.fermatas, tune.fermatas)


def test_a_model_that_hears_other_phrases_writes_another_piece(framed_model: LanguageModel) -> None:
    tune = cut(read_melody(EXAMPLES / "twinkle.musicxml"), 0, 64)
    heard, unheard = (
        harmonize(tune, phrases=phrases, decoder=Greedy(), checkpoint=framed_model) for phrases in ("2,4", "none")
    )
    assert heard != unheard
