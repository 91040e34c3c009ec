"""A judge tells of a piece what its counters count, and leaves out what can't be told."""

import numpy as np
import pytest

from bachlit.evaluation import COLUMNS, Judge
from bachlit.metrics import GradeReference, Passages, cadences, error_rates, rule_counts, texture
from bachlit.music.chorale import Chorale

DISTRIBUTIONS = [name for name, column in COLUMNS.items() if column.pool == "elsewhere"]
histograms = Judge([]).histograms
SOPRANO_GIVEN = np.array([False, True, True, True])


@pytest.fixture(scope="module")
def judge(bach: list[Chorale]) -> Judge:
    return Judge(bach[40:60])


def value(figures: dict[str, tuple[float, float]], name: str) -> float:
    over, under = figures[name]
    return COLUMNS[name].scale * over / under


def test_every_figure_is_what_its_counter_counts(judge: Judge, bach: list[Chorale]) -> None:
    original = bach[200]  # it has parallels, crossings, and a cadence on an inversion
    other = original.transpose(1)
    free = np.tile(SOPRANO_GIVEN, (original.num_frames, 1))
    figures = judge(other, original=original, free=free, log_prob=-90.0, yielded=3)
    assert set(figures) == set(COLUMNS) - set(DISTRIBUTIONS)
    counts, heard, close = rule_counts(other), texture(other), cadences(other)
    assert counts.parallel_fifths and counts.crossings and close.triads > close.in_root_position  # noqa: PT018
    rates = error_rates(other, original, free)
    assert value(figures, "ter") == rates.ter
    assert value(figures, "fer") == rates.fer
    assert value(figures, "nats_per_frame") == 90 / other.num_frames
    assert value(figures, "gave_way") == 3
    assert value(figures, "parallel_fifths") == counts.parallel_fifths
    assert value(figures, "crossings") == pytest.approx(1000 * counts.crossings / counts.frames)
    assert value(figures, "changing") == pytest.approx(100 * heard.changing)
    assert value(figures, "attacks_tenor") == pytest.approx(heard.attacks[2])
    assert value(figures, "lasting_4") == pytest.approx(100 * heard.lengths[3])
    assert value(figures, "triads_at_fermatas") == pytest.approx(100 * close.in_root_position / close.fermatas)
    assert value(figures, "grade") == pytest.approx(GradeReference(bach[40:60]).grade(other).total)
    assert value(figures, "copied") == Passages(bach[40:60]).longest(other).frames


def test_what_cannot_be_told_is_left_out(bach: list[Chorale]) -> None:
    figures = Judge([])(bach[0])
    assert not {"ter", "nats_per_frame", "gave_way", "grade", "copied"} & set(figures)
    assert "parallel_fifths" in figures


def test_a_training_piece_is_found_to_be_copied_whole_in_any_key(judge: Judge, bach: list[Chorale]) -> None:
    figures = judge(bach[45].transpose(-2))
    assert value(figures, "copied") == bach[45].num_frames
    assert value(figures, "copied_much") == 100


def test_histograms_do_not_depend_on_the_key_in_which_a_piece_is_written(bach: list[Chorale]) -> None:
    for piece in bach[:10]:
        assert histograms(piece) == histograms(piece.transpose(2))


def test_every_histogram_has_a_figure(bach: list[Chorale]) -> None:
    assert list(histograms(bach[0])) == DISTRIBUTIONS


def test_a_figure_without_a_value_is_told_as_nothing() -> None:
    assert COLUMNS["fer"].text(float("nan")) == ""
