"""A notebook shows a chorale as a score that can be played, without a network; what is printed is short."""

import base64
import dataclasses
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import bachlit.music.chorale
from bachlit import Chorale, Prompt
from bachlit.music.chorale import REST, cut
from bachlit.rendering import played, text_roll

WICKED = "</script><script>alert(1)</script> & {partials} <img src=http://x>\n" * 20


class Outline(HTMLParser):
    """What a browser would see: open elements, scripts, names, and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "img"):
            self.open.append(tag)
        self.names += [value or "" for name, value in attrs if name in ("id", "class")]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def picture(html: str) -> str:
    [address] = Outline(html).addresses
    kind, _, content = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(content).decode()


@pytest.fixture(params=[True, False], ids=["engraved", "in letters"])
def engraved(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setitem(sys.modules, "verovio", None)
    return bool(request.param)


def test_a_notebook_shows_the_score_with_a_player(bach: list[Chorale]) -> None:
    html = bach[0]._repr_html_()
    sounding = bach[0].onsets & (bach[0].pitches != REST)
    assert picture(html).count('class="notehead"') >= sounding.sum()  # a tied note has several heads
    [script] = Outline(html).scripts
    assert json.loads(re.findall(r"const score = (.*);", script)[0]) == played(bach[0])
    assert len(html) < 300_000


def test_without_verovio_it_shows_a_piano_roll_with_a_player(
    bach: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "verovio", None)
    html = bach[0]._repr_html_()
    assert text_roll(bach[0]) in html
    assert "pip install 'bachlit[render]'" in html
    assert "const score = " in html


def test_what_is_shown_is_whole_and_asks_for_nothing_outside(engraved: bool, bach: list[Chorale]) -> None:
    html = dataclasses.replace(cut(bach[0], 0, 32), title=WICKED, name=WICKED)._repr_html_()
    outline = Outline(html)
    assert outline.open == []
    assert len(outline.scripts) == 1  # a title can't add one
    assert all(address.startswith("data:") for address in outline.addresses)
    assert not re.search(r"https?:|import|fetch", outline.scripts[0])
    if engraved:
        assert all(address.startswith(("#", "data:")) for address in Outline(picture(html)).addresses)


def test_outputs_of_one_notebook_share_no_names(engraved: bool, bach: list[Chorale]) -> None:
    one, other = (Outline(bach[0]._repr_html_()) for _ in range(2))
    assert one.names
    assert not {name for name in one.names if name} & set(other.names)


def test_a_long_piece_is_engraved_whole() -> None:
    scale = [[pitch, 64, 60, 48] for pitch in (67, 69, 71, 72) for _ in range(4)]
    long = Chorale.from_pitches(scale * 60)
    drawn = picture(long._repr_html_())
    assert drawn.count('class="notehead"') >= (long.onsets & (long.pitches != REST)).sum()


def test_the_hook_may_be_ones_own(bach: list[Chorale], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bachlit.music.chorale, "display", lambda chorale: chorale.name)
    assert bach[0]._repr_html_() == bach[0].name


def test_a_roll_in_letters_holds_every_note(bach: list[Chorale]) -> None:
    for piece in bach[:20]:
        lines = text_roll(piece).splitlines()
        assert len({len(line) for line in lines}) == 1
        cells = [[letter for letter in line[4:] if letter != "|"] for line in lines]
        rows = np.array(cells[-(int(np.ptp(piece.pitches[piece.pitches > 0])) + 1) :])
        assert (rows != " ").sum() == sum(len(set(row) - {REST}) for row in piece.pitches.tolist())
        top, frames = piece.pitches.max(), np.arange(piece.num_frames)
        soprano, sung = piece.pitches[:, 0], piece.pitches[:, 0] > 0
        begins = rows[(top - soprano)[sung], frames[sung]] == "S"
        assert (begins == piece.onsets[sung, 0]).all()


def test_what_is_printed_is_short_whatever_the_piece(bach: list[Chorale]) -> None:
    wild = dataclasses.replace(bach[0], title=WICKED, name=WICKED)
    for piece in [*bach[::20], wild, bach[0].only()]:
        for shown in (repr(piece), str(piece), f"{piece}", repr(Prompt.voices(piece, "soprano")), repr([piece])):
            assert len(shown.splitlines()) == 1
            assert len(shown) < 300
    assert all(word in repr(bach[0]) for word in ("bwv1.6", "4/4", "F major", "soprano F4 to F5", "20 bars"))
