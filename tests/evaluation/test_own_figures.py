"""A figure is one entry: its laws, and its place in every report."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from rich.console import Console

from bachlit.decoding import Greedy
from bachlit.errors import OptionError
from bachlit.evaluation import (
    COLUMNS,
    FIGURES,
    Column,
    Figure,
    Harmonizer,
    HeldOut,
    Judge,
    Piece,
    Ratio,
    evaluate,
    figures_with,
    page,
    pool,
    written_row,
)
from bachlit.evaluation.reports import markdown, pieces_to_csv, tables, to_csv, to_json
from bachlit.generation.harmonizing import write
from bachlit.generation.phrasing import phrased
from bachlit.metrics import arrivals_at
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt
from bachlit.testing import check_figure


class InnerUnisons(Figure):
    """Frames in which alto and tenor sing the same."""

    columns: Mapping[str, Column] = {"inner_unisons": Column("unisons of <alto> and tenor, %", 1, 100, head="unisons")}

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        _, alto, tenor, _ = piece.chorale.pitches.T
        return {"inner_unisons": (int(((alto == tenor) & (alto > 0)).sum()), piece.chorale.num_frames)}


class Pitches(InnerUnisons):
    """Not the same in every key."""

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        return {"inner_unisons": (float(piece.chorale.pitches.sum()), 1)}


class Dividing(InnerUnisons):
    def measure(self, piece: Piece) -> dict[str, Ratio]:
        return {"inner_unisons": (float(np.divide(1.0, piece.chorale.pitches.sum())), 1)}


class Unnamed(InnerUnisons):
    def measure(self, piece: Piece) -> dict[str, Ratio]:
        return {"unisons": (1, 1)}


class Moody(InnerUnisons):
    def __init__(self) -> None:
        self.moods = 0

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        self.moods += 1
        return {"inner_unisons": (self.moods, 1)}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: type(figure).__name__)
def test_built_in_figures_keep_the_laws(figure: Figure, bach: list[Chorale]) -> None:
    check_figure(figure, bach[200])
    known = figure.refer(bach[:3])
    if known is not figure and known is not None:
        check_figure(known, cut(bach[200], 0, 64))


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(
    ("figure", "law"),
    [(Pitches(), "the key"), (Dividing(), "is finite"), (Unnamed(), "has a column"), (Moody(), "same values again")],
)
def test_what_breaks_a_law_is_found(figure: Figure, law: str, bach: list[Chorale]) -> None:
    check_figure(InnerUnisons(), bach[200])
    with pytest.raises(AssertionError, match=law):
        check_figure(figure, bach[200])


def test_own_figures_stand_in_every_report(small_model: LanguageModel, bach: list[Chorale]) -> None:
    pieces = [cut(piece, 0, 32) for piece in bach[20:22]]
    about = {"fold": "valid", "bachlit": "0", "command": ""}
    figures = figures_with([InnerUnisons()])
    evaluation = evaluate(
        {"m": small_model}, {"greedy": Harmonizer(Greedy(), "none")}, HeldOut(pieces, []), figures=figures, about=about,
        resamples=5,
    )  # fmt: skip
    value = evaluation.estimates[1]["inner_unisons"]
    text = f"{100 * value.value:.1f}"
    assert value == pool([piece.figures for piece in evaluation.rows[1].pieces], resamples=5,
                         columns=evaluation.columns)["inner_unisons"]  # fmt: skip
    assert json.loads(to_json(evaluation))["rows"][1]["figures"]["inner_unisons"]["value"] == value.value
    lines = [row for row in csv.DictReader(io.StringIO(to_csv(evaluation))) if row["figure"] == "inner_unisons"]
    assert [row["decoder"] for row in lines] == ["Bach", "greedy"]
    assert "inner_unisons" in next(csv.DictReader(io.StringIO(pieces_to_csv(evaluation))))
    assert "| **Figures of your own** |" in markdown(evaluation)
    assert f"unisons of &lt;alto&gt; and tenor, % | {100 * evaluation.estimates[0]['inner_unisons'].value:.1f} (" in (
        markdown(evaluation)
    )
    html = page(evaluation)
    assert "6/8" not in markdown(evaluation) + html.partition('<h2 id="models">')[0]  # no piece has such bars
    assert "nan " not in markdown(evaluation)
    assert "<td>unisons of &lt;alto&gt; and tenor, %</td>" in html
    assert f"<b>{text}</b>" in html.partition("unisons of &lt;alto&gt;")[2]
    console = Console(width=132, record=True, file=io.StringIO())
    console.print(*tables(evaluation))
    shown = " ".join(console.export_text().split())
    assert "unisons: unisons of <alto> and tenor, %" in shown
    assert all(column.head in shown for column in COLUMNS.values())


def test_names_are_told_apart() -> None:
    assert figures_with(["bachlit.evaluation.figures.cadences.Endings"][:0]) == FIGURES
    for own, said in (
        (["nowhere.Figure"], "There is no figure 'nowhere.Figure'"),
        (["pathlib.Path"], "pathlib has no Figure of that name"),
        ([InnerUnisons(), InnerUnisons()], "The column 'inner_unisons' of InnerUnisons is taken"),
        (["bachlit.evaluation.figures.cadences.Endings"], "'triads_at_fermatas' of Endings is taken"),
    ):
        with pytest.raises(OptionError, match=said):
            figures_with(own)
    with pytest.raises(OptionError, match="measures 'unisons', for which it has no column"):
        Judge([], [Unnamed()])(Chorale.from_pitches([[67, 64, 60, 48]]))


def test_the_longest_run_is_of_the_piece_that_has_it() -> None:
    estimate = pool([{"longest_alternation": (num, 1)} for num in (0, 4, 7)])["longest_alternation"]
    assert (estimate.value, estimate.high) == (7, 7)


def test_stripped_pieces_are_judged_where_bach_ends_phrases(bach: list[Chorale], small_model: LanguageModel) -> None:
    whole = HeldOut(list(bach[20:23]), [])
    bare = whole.without_fermatas()
    judge = Judge([])
    for piece, stripped, ends in zip(whole.pieces, bare.pieces, bare.ends, strict=True):
        assert not stripped.fermatas.any()
        assert judge(stripped, ends=ends) == judge(piece) != judge(stripped)
        assert judge.histograms(stripped, ends=ends) == judge.histograms(piece)
        assert list(ends) == [arrival.start for arrival in arrivals_at(piece)]
    assert bare.bach == whole.pieces
    short = HeldOut([cut(bach[20], 0, 40)], []).without_fermatas()
    row = written_row(small_model, Harmonizer(Greedy(), "none"), short.pieces, [0], judge, ends=short.ends)
    assert row.pieces[0].figures["triads_at_fermatas"][1] == len(short.ends[0]) > 0
    assert not row.pieces[0].chorale.fermatas.any()


def test_phrase_ends_that_are_heard_are_not_those_judged(bach: list[Chorale], small_model: LanguageModel) -> None:
    own = HeldOut([cut(bach[19], 0, 48)], [])
    bare = own.without_fermatas()
    notes, judged = {}, {}
    for held, phrases in [*product((own, bare), ("given", "auto")), (own, "none")]:
        row = written_row(
            small_model, Harmonizer(Greedy()), held.pieces, [0], Judge([]), phrases=phrases, ends=held.ends
        )  # fmt: skip
        notes[held is bare, phrases] = row.pieces[0].chorale.pitches.tobytes()
        judged[held is bare, phrases] = row.pieces[0].figures["triads_at_fermatas"][1]
    assert len(bare.ends[0]) > 0
    assert set(judged.values()) == {len(bare.ends[0])}
    assert notes[False, "auto"] == notes[False, "given"]
    assert notes[False, "none"] == notes[True, "given"]
    assert len({notes[False, "given"], notes[False, "none"], notes[True, "auto"]}) == 3
    found = phrased(Prompt.voices(bare.pieces[0], "soprano"), "auto")
    [written] = write(small_model, [found], decoder=Greedy(), seeds=[0])
    assert written.chorale.pitches.tobytes() == notes[True, "auto"]
    judged_all = evaluate({"m": small_model}, {"greedy": Harmonizer(Greedy())}, bare, phrases="auto", resamples=1)
    assert judged_all.rows[1].pieces[0].chorale == written.chorale


def test_tunes_are_judged_without_bach(bach: list[Chorale], small_model: LanguageModel) -> None:
    tunes = [replace(cut(piece, 0, 32).only("soprano"), name=f"tune {index}") for index, piece in enumerate(bach[:2])]
    held = HeldOut([cut(bach[20], 0, 32)], bach[:3]).beside(tunes, models=[small_model], missing=["ATB"])
    about = {"fold": "valid", "bachlit": "0", "command": ""}
    judged = evaluate({"m": small_model}, {"greedy": Harmonizer(Greedy())}, held, about=about, resamples=2)
    assert [len(row.pieces) for row in judged.rows] == [1, 2]
    assert "pitch_error" not in judged.estimates[1]
    assert judged.estimates[1]["degrees"].value > 0
    assert judged.summary()[0].startswith("2 tunes without Bach, beside 1 piece of the valid fold, 64 sixteenths")
    shown = json.loads(page(judged).partition('id="data">')[2].partition("</script>")[0])
    assert shown["hands"] == ["greedy"]
    assert [piece["title"] for piece in shown["pieces"]] == ["tune 0", "tune 1"]
    with pytest.raises(OptionError, match="expected ATB"):
        held.beside(tunes, models=[], missing=["AT"])
