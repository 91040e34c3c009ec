"""The page and the reports hold what was evaluated, whole, and need no network."""

import base64
import csv
import dataclasses
import gzip
import io
import json
import re
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bachlit.decoding import Greedy, Sampling
from bachlit.evaluation import Column, Estimate, Evaluation, Harmonizer, HeldOut, evaluate, named, page
from bachlit.evaluation.evaluating import DAGGER
from bachlit.evaluation.harmonizers import described
from bachlit.evaluation.page import _cells
from bachlit.evaluation.reports import markdown, pieces_to_csv, tables, to_csv, to_json
from bachlit.models.calibration import Calibration
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import REST, Chorale, cut
from bachlit.rendering import frame_times
from bachlit.scores import read_chorale

WICKED = "</script><script>alert(1)</script> & {{title}} <b>"


@pytest.fixture(scope="module")
def evaluation(small_model: LanguageModel, bach: list[Chorale]) -> Evaluation:
    pieces = [cut(piece, 0, 32) for piece in bach[20:23]]
    pieces[1] = dataclasses.replace(pieces[1], title=WICKED)
    about = {"fold": "valid", "bachlit": "0", "command": "bachlit evaluate"}
    return evaluate(
        {"m": small_model},
        named("Greedy,Sampling"),
        HeldOut(pieces, bach[:9], {"x": "too high"}, ["A doubt."]),
        about=about,
    )


@pytest.fixture(scope="module")
def html(evaluation: Evaluation) -> str:
    return page(evaluation)


def data(html: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(html.partition('id="data">')[2].partition("</script>")[0])
    return content


def unzipped(text: str) -> str:
    return gzip.decompress(base64.b64decode(text)).decode()


class Outline(HTMLParser):
    """What a browser would see: open elements, scripts, and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts = 0
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)
        self.scripts += tag == "script"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_asks_for_nothing_outside(html: str) -> None:
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.scripts == 2  # the data and the player: a title can't add one
    assert [one for one in outline.addresses if not one.startswith("#")] == ["data:,"]
    assert not re.search(r"https?://(?!www\.w3\.org)", html)
    assert "default-src 'none'" in html


def test_the_top_of_the_page_links_to_its_parts_and_the_scores(html: str) -> None:
    links = re.findall(r'href="#(\w+)"', html.partition("</nav>")[0])
    assert links[0] == "scores"
    assert all(html.count(f'<h2 id="{link}">') == 1 for link in links)


def test_each_decoder_is_described_with_its_rules(evaluation: Evaluation) -> None:
    """Particles of 32, or a temperature of 1.2, once had to be known by heart."""
    harmonizers = {"hot": Harmonizer(Sampling(1.2), {"NoHidden": 2}), "free": Harmonizer(Greedy(), "none")}
    about = evaluation.about | {"decoders": described(harmonizers, {"m": Calibration()})}
    told = dataclasses.replace(evaluation, about=about)
    words = ("Sampling (temperature 1.2,", "Spacing (widest 12)", "NoHidden 2", "soprano 57 to 81", "no rules")
    for text in (unescape(page(told)), markdown(told).replace("\\", "")):
        assert [part for part in words if part not in text] == []
    assert "Sample each token from the allowed part" in page(told)


@pytest.mark.parametrize("num", [1, 3, 10])
def test_intervals_of_few_pieces_are_marked_and_one_piece_has_none(evaluation: Evaluation, num: int) -> None:
    """With --limit 1 the page had intervals without a width, and green marks for what they contained."""
    rows = [row._replace(pieces=(row.pieces * 10)[:num]) for row in evaluation.rows]
    told = dataclasses.replace(evaluation, rows=rows)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(*tables(told))
    shown = {"page": page(told), "markdown": markdown(told), "terminal": console.export_text()}
    marked = {"page": f"{DAGGER}</small>", "markdown": f"){DAGGER}", "terminal": f"Greedy {DAGGER}"}
    for name, mark in marked.items():
        assert (mark in shown[name]) == (num == 3), name
    for name in ("page", "markdown"):
        assert ("over 3 pieces" in shown[name]) == (num == 3)
        assert ("One piece has no interval" in shown[name]) == (num == 1)
    assert ("<small>0" in shown["page"]) == (num > 1)
    assert (' class="near"' in shown["page"]) == (num > 1)
    assert ("95 % interval" in shown["terminal"]) == (num > 1)


def test_every_piece_by_every_hand_is_drawn_and_can_be_played(html: str, evaluation: Evaluation) -> None:
    pieces = data(html)["pieces"]
    assert data(html)["hands"] == ["Bach", "Greedy", "Sampling"]
    for number, piece in enumerate(pieces):
        for score, row in zip(piece["scores"], evaluation.rows, strict=True):
            chorale = row.pieces[number].chorale
            assert unzipped(score["svg"]).startswith("<svg")
            sounding = chorale.onsets & (chorale.pitches != REST)
            assert len(score["notes"]) == sounding.sum()
            times = frame_times(chorale, 80)
            begins = sorted((round(float(times[frame]), 3), int(chorale.pitches[frame, voice]))
                            for frame, voice in zip(*sounding.nonzero(), strict=True))  # fmt: skip
            assert sorted((start, pitch) for start, _, pitch in score["notes"]) == begins
            assert max(start + length for start, length, _ in score["notes"]) <= score["seconds"] + 1e-3


def test_downloads_are_the_piece(html: str, evaluation: Evaluation, tmp_path: Path) -> None:
    for number, piece in enumerate(data(html)["pieces"]):
        score = piece["scores"][1]
        (tmp_path / "x.musicxml").write_text(unzipped(score["musicxml"]))
        chorale = evaluation.rows[1].pieces[number].chorale
        assert (read_chorale(tmp_path / "x.musicxml").pitches == chorale.pitches).all()
        assert base64.b64decode(score["midi"]).startswith(b"MThd")
        assert "/" not in score["file"]


def test_the_best_and_the_worst_piece_are_those_by_grade(html: str, evaluation: Evaluation) -> None:
    for hand, best, worst in data(html)["best"]:
        grades = [piece.figures["grade"][0] for piece in evaluation.rows[hand].pieces]
        assert grades[best] == min(grades)
        assert grades[worst] == max(grades)


def test_titles_are_text(html: str) -> None:
    assert data(html)["pieces"][1]["title"] == WICKED
    assert WICKED not in html


def test_without_verovio_the_page_says_so_and_plays_all_the_same(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "verovio", None)
    html = page(evaluation)
    assert "pip install 'bachlit[render]'" in html.replace("&#x27;", "'")
    score = data(html)["pieces"][0]["scores"][0]
    assert score["svg"] == ""
    assert score["notes"]


def test_every_report_tells_the_same_figures(evaluation: Evaluation, html: str) -> None:
    told = json.loads(to_json(evaluation))
    assert told["about"]["left_out"] == {"x": "too high"}
    assert "A doubt." in html
    assert "A doubt." in markdown(evaluation)
    rows = list(csv.DictReader(io.StringIO(to_csv(evaluation))))
    pieces = list(csv.DictReader(io.StringIO(pieces_to_csv(evaluation))))
    assert len(pieces) == 9
    for row, estimates in zip(told["rows"], evaluation.estimates, strict=True):
        assert row["figures"]["changing"]["value"] == estimates["changing"].value
        its = [line for line in rows if line["decoder"] == row["decoder"]]
        assert {line["figure"] for line in its} == set(estimates)
        assert float(next(line["high"] for line in its if line["figure"] == "grade")) == estimates["grade"].high
        shown = f"{100 * estimates['changing'].value:.1f}"
        assert shown in markdown(evaluation)
        assert f"<b>{shown}</b>" in html
        console = Console(width=140, record=True, file=io.StringIO())
        console.print(*tables(evaluation))
        assert shown in console.export_text()
    assert rows[0]["decoder"] == "Bach"
    assert float(pieces[0]["grade"]) == pytest.approx(evaluation.rows[0].pieces[0].figures["grade"][0])


def test_names_from_files_are_text_in_every_report(
    evaluation: Evaluation, small_model: LanguageModel, bach: list[Chorale]
) -> None:
    """A checkpoint called `<img src=x>.ckpt` once put a picture into evaluation.md."""
    wicked = "=<img src=x>|`a`[b](c)"
    piece = dataclasses.replace(cut(bach[20], 0, 32), name=wicked, title=f"@{wicked}")
    models = {wicked: small_model, "m": small_model}
    held_out = HeldOut([piece], bach[:3], {wicked: "too high"}, [wicked])
    judged = evaluate(models, named("Greedy"), held_out, about={**evaluation.about, "command": wicked}, resamples=2)
    told = markdown(judged)
    shown = "=&lt;img src=x&gt;\\|\\`a\\`\\[b\\](c)"
    assert "<" not in told
    assert told.count(shown) == told.count("img src") == 5  # models, what is left out, the doubt, two heads of columns
    tables = [line for line in told.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {5, 4}
    html = page(judged)
    outline = Outline()
    outline.feed(html)
    assert [one for one in outline.addresses if not one.startswith("#")] == ["data:,"]
    assert "<img src=x" not in html
    assert data(html)["pieces"][0]["title"] == f"@{wicked}"
    assert not any(set('<>|/\\"') & set(score["file"]) for score in data(html)["pieces"][0]["scores"])
    for text in (to_csv(judged), pieces_to_csv(judged)):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row if "img" in cell]
        assert cells
        assert {cell[:2] for cell in cells} <= {"'=", "'@"}


def test_one_piece_has_no_interval_in_the_table(small_model: LanguageModel, bach: list[Chorale]) -> None:
    about = {"fold": "valid"}
    shown = []
    for num in (1, 2):
        pieces = HeldOut([cut(piece, 0, 32) for piece in bach[20 : 20 + num]], bach[:5])
        console = Console(width=140, record=True, file=io.StringIO())
        console.print(tables(evaluate({"m": small_model}, named("Greedy"), pieces, about=about))[0])
        shown.append(console.export_text().splitlines())
    assert len(shown[1]) - len(shown[0]) == 2 * 2  # two ends for Bach and for the decoder
    assert "1 piece of the valid fold" in shown[0][0]


@pytest.mark.parametrize(
    ("best", "bach", "values", "kinds"),
    [
        ("bach", 5.0, [(4, 3, 6), (2, 1, 4), (9, 8, 10)], ["bach", "near", "", ""]),
        ("lowest", 5.0, [(4, 3, 6), (2, 1, 4), (9, 8, 10)], ["bach", "", "lowest", ""]),
        ("lowest", None, [(4, 3, 6), (4, 1, 4)], ["lowest", "lowest"]),
        ("at most bach", 5.0, [(4, 3, 6), (2, 1, 4), (9, 8, 10)], ["bach", "few", "few", ""]),
        (None, 5.0, [(4, 3, 6)], ["bach", ""]),
    ],
)
def test_green_is_a_matter_of_the_aim(best: Any, bach: float | None, values: list[Any], kinds: list[str]) -> None:
    first = None if bach is None else Estimate(bach, bach, bach)
    line = [first, *(Estimate(*map(float, value)) for value in values)]
    cells = _cells(Column("x", best=best), line, [20] * len(line))
    assert re.findall(r'<td class="([^"]*)">', cells) == kinds


def test_green_is_what_is_near_bach_or_lowest(html: str, evaluation: Evaluation) -> None:
    cells = re.findall(r"<td>pitches other than Bach&#x27;s</td>(.*?)</tr>", html)[0]
    errors = [estimates["pitch_error"].value for estimates in evaluation.estimates[1:]]
    kinds = re.findall(r'<td class="([^"]*)">', cells)
    assert kinds == ["lowest" if error == min(errors) else "" for error in errors]
    cells = re.findall(r"<td>frames with a change, %</td>(.*?)</tr>", html)[0]
    bach = evaluation.estimates[0]["changing"].value
    near = [one["changing"].low <= bach <= one["changing"].high for one in evaluation.estimates[1:]]
    assert re.findall(r'<td class="([^"]*)">', cells) == ["bach", *("near" if one else "" for one in near)]
