"""An evaluation, its parts and written pieces show themselves: short in a terminal, a table in a notebook."""

import dataclasses
import html as htmls
import re

import pytest

from bachlit.api import harmonize_several
from bachlit.decoding import Greedy
from bachlit.evaluation import Evaluation, HeldOut, evaluate, named, page
from bachlit.generation.given import prompt_of
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut

WICKED = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def evaluation(small_model: LanguageModel, bach: list[Chorale]) -> Evaluation:
    """Without settings, as from Python."""
    pieces = HeldOut([cut(piece, 0, 16) for piece in bach[20:22]], bach[:2], fold="valid")
    return evaluate({"m": small_model}, {WICKED: named("Greedy")["Greedy"]}, pieces, resamples=5)


def test_an_evaluation_is_printed_in_ten_lines_and_says_what_it_left_out(evaluation: Evaluation) -> None:
    (bach, greedy), (bachs, greedys) = evaluation.rows, evaluation.estimates
    many = dataclasses.replace(evaluation, rows=[bach, *[greedy] * 9], estimates=[bachs, *[greedys] * 9])
    lines = repr(many).splitlines()
    assert len(lines) <= 10
    assert "2 pieces of the valid fold" in lines[0]
    assert lines[-1].strip() == "and 3 more>"
    for line, estimates in zip(lines[1:-1], many.estimates, strict=False):
        assert f"{many.columns['nats_per_frame'].text(estimates['nats_per_frame'].value)} nats per frame" in line


def test_its_parts_are_printed_in_a_line(evaluation: Evaluation, bach: list[Chorale]) -> None:
    row = evaluation.rows[1]
    for part in (row, row.pieces[0], HeldOut(list(bach), bach)):
        assert len(repr(part).splitlines()) == 1
        assert len(repr(part)) < 300


def test_a_notebook_shows_the_table_of_the_terminal(evaluation: Evaluation) -> None:
    table = evaluation._repr_html_()
    assert "<script" not in table
    lines = re.findall("<tr>(.*?)</tr>", table)
    assert all(line.count("<th") + line.count("<td") == 1 + len(evaluation.rows) for line in lines)
    line = next(line for line in lines if "frames with a change" in line)
    column = evaluation.columns["changing"]
    assert htmls.unescape(re.sub("<.*?>", "", line)).startswith(column.label)
    for cell, estimates in zip(re.findall("<td>(.*?)</td>", line), evaluation.estimates, strict=True):
        value, low, high = map(column.text, estimates["changing"])
        assert cell in (value, f"{value} <small>({low} to {high})</small>")


def test_an_evaluation_from_python_has_a_page_without_settings(evaluation: Evaluation) -> None:
    assert evaluation.about["fold"] == "valid"
    assert "2 chorales of the valid fold" in page(evaluation)


def test_a_written_piece_shows_its_figures_and_the_score(small_model: LanguageModel, bach: list[Chorale]) -> None:
    [written] = harmonize_several(prompt_of(cut(bach[3], 0, 32)), 1, decoder=Greedy(), checkpoint=small_model)
    assert f"log_prob {written.log_prob:.2f}" in repr(written)
    assert repr(written.chorale) in repr(written)
    assert len(repr(written)) < 400
    shown = written._repr_html_()
    assert f"<td>{written.merit:.2f}</td>" in shown
    assert "data:image/svg+xml" in shown
