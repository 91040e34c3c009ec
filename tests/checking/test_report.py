"""Reports: what they count is what metrics count, and what they mark sounds."""

import dataclasses
import json

import numpy as np
import pytest
from chorales import random_chorale

from bachlit.checking import check_chorale, surprise
from bachlit.metrics import rule_counts
from bachlit.models.inspecting import pitch_probabilities
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import SHIPPED
from bachlit.music.chorale import REST, VOICES, Chorale, cut


@pytest.fixture(scope="module")
def piece(bach: list[Chorale]) -> Chorale:
    return cut(bach[0], 0, 4 + 3 * 16)


def test_surprise_adds_up_to_the_piece(piece: Chorale, small_model: LanguageModel) -> None:
    beats, _ = surprise(small_model, piece)
    probabilities = pitch_probabilities(small_model, piece)
    own = np.take_along_axis(probabilities, piece.pitches[:, :, None].astype(int), 2)
    assert sum(beat.nats for beat in beats) == pytest.approx(float(-np.log(own).sum()))
    assert [beat.start for beat in beats] == [0, *range(4, piece.num_frames, 4)]


def test_unlikely_notes_are_those_below_the_limit(piece: Chorale, small_model: LanguageModel) -> None:
    probabilities = pitch_probabilities(small_model, piece)
    _, unlikely = surprise(small_model, piece, 0.02)
    assert unlikely
    for note in unlikely:
        column = VOICES.index(note.voice)
        assert piece.onsets[note.frame, column]
        assert note.probability == probabilities[note.frame, column, piece.pitches[note.frame, column]] < 0.02
        assert note.likeliest_probability == probabilities[note.frame, column].max()
    assert not surprise(small_model, piece, 0.0)[1]


def test_what_is_expected_most_is_never_unlikely(piece: Chorale) -> None:
    """Whatever the limit: of a sure model, some notes are left."""
    every = surprise(LanguageModel.load(SHIPPED["bachlit"]), piece, 1.0)[1]
    assert 0 < len(every) < int((piece.onsets & (piece.pitches != REST)).sum()) / 2
    assert all(note.probability < note.likeliest_probability for note in every)


def test_a_report_is_plain_data(piece: Chorale, small_model: LanguageModel) -> None:
    report = check_chorale(piece, model=small_model, below=0.01)
    described = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert len(described["faults"]) == len(report.faults)
    assert described["counts"]["rules"] == rule_counts(piece)._asdict()
    assert len(described["surprise"]) == len(report.beats)


@pytest.mark.parametrize("seed", range(5))
def test_marks_are_at_notes_and_each_fault_has_its_word_once(seed: int) -> None:
    chorale = random_chorale(seed, num_frames=64)
    report = check_chorale(chorale)
    marks = report.marks()
    assert all(chorale.pitches[mark.frame, mark.voice] != REST for mark in marks)
    assert sum(bool(mark.label) for mark in marks) == len(report.faults)


def test_both_chords_of_a_motion_are_marked() -> None:
    fifths = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 60, 53]] * 4 + [[67, 64, 60, 48]] * 4)
    octaves = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[67, 64, 62, 50]] * 4)
    assert not check_chorale(fifths, profile="bach").marks()
    marks = {(mark.frame, mark.voice, mark.label) for mark in check_chorale(octaves, profile="bach").marks()}
    assert {(3, 2, ""), (4, 2, "8ves"), (3, 3, ""), (4, 3, "")} <= marks


def test_a_report_shows_itself_in_a_line_and_as_a_table(piece: Chorale) -> None:
    report = check_chorale(dataclasses.replace(piece, title="<b>"))
    assert "\n" not in repr(report)
    assert "doubled leading tone" in report._repr_html_()
    assert "<b>" not in report._repr_html_()
