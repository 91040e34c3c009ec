"""Scores on paper: several pages, drawn as curves and text, with the fonts inside."""

import dataclasses
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes import create_string_buffer
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from bachlit.errors import OptionError
from bachlit.music.chorale import Chorale
from bachlit.rendering import MissingPackageError, Paper, pdf, pdf_of
from bachlit.scores import to_musicxml

SHORT = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
WORDS = """<score-partwise version="4.0"><work><work-title>Zion hört</work-title></work><identification>
<creator type="composer">Philipp Nicolai</creator></identification><part-list><score-part id="P1"><part-name>Tune
</part-name></score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>2</beats><beat-type>4</beat-type></time></attributes><harmony><root><root-step>B</root-step>
<root-alter>-1</root-alter></root><kind>dominant</kind></harmony><note><pitch><step>B</step><alter>-1</alter>
<octave>4</octave></pitch><duration>1</duration><voice>1</voice><type>quarter</type><lyric number="1">
<text>Wächter</text></lyric><lyric number="2"><text>singen</text></lyric></note><note><rest/><duration>1</duration>
<voice>1</voice><type>quarter</type></note></measure></part></score-partwise>"""


def four_pages(chorale: Chorale) -> Chorale:
    """A piece of Bach's, sung over and over."""

    def again(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array[chorale.pickup :]] * (900 // chorale.num_frames))

    arrays = {name: again(getattr(chorale, name)) for name in ("pitches", "onsets", "fermatas")}
    return dataclasses.replace(chorale, **arrays, pickup=0, title="Gelobt sei Gott")


def text_of(content: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(content)]


def objects(content: bytes, kind: int) -> Iterator[Any]:
    for page in pypdfium2.PdfDocument(content):
        yield from page.get_objects(filter=[kind], max_depth=15)


def ink(content: bytes, scale: float = 1) -> list[np.ndarray]:
    """Grey values of the pages, black being 0, 72 dots an inch times the scale."""
    pages = (page.render(grayscale=True, scale=scale).to_numpy() for page in pypdfium2.PdfDocument(content))
    return [page.reshape(page.shape[:2]) / 255 for page in pages]


@pytest.mark.parametrize(("paper", "size"), [("a4", (596, 842)), ("letter", (612, 792))])
def test_pages_are_full_numbered_and_white_at_the_edges(
    paper: Paper, size: tuple[int, int], bach: list[Chorale]
) -> None:
    printed = pdf(four_pages(bach[0]), paper=paper)
    pages, texts = ink(printed), text_of(printed)
    assert 3 <= len(pages) <= 6
    for number, (page, text) in enumerate(zip(pages, texts, strict=True), start=1):
        assert page.shape == (size[1], size[0])
        assert page[:25].min() == page[-35:].min() == page[:, :35].min() == page[:, -35:].min() == 1
        rows = np.flatnonzero(page.min(axis=1) < 0.5)
        if number < len(pages):
            assert rows.max() > size[1] - 60  # full to the bottom
        assert ("Gelobt sei Gott" in text) == (number == 1)
        assert "\N{EN DASH}" not in text  # as verovio numbers pages
        assert text.split()[0] == ("Gelobt" if number == 1 else str(number))


def test_all_is_curves_and_text_with_fonts_inside() -> None:
    printed = pdf_of(WORDS)
    assert len(list(objects(printed, pdfium.FPDF_PAGEOBJ_PATH))) > 10
    assert not list(objects(printed, pdfium.FPDF_PAGEOBJ_IMAGE))
    letters = list(objects(printed, pdfium.FPDF_PAGEOBJ_TEXT))
    assert letters
    for letter in letters:
        assert pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(letter)) == 1


def test_words_titles_and_chord_symbols_can_be_selected() -> None:
    [text] = text_of(pdf_of(WORDS))
    for word in ("Zion hört", "Philipp Nicolai", "Wächter", "singen", "Tune"):
        assert text.count(word) == 1
    assert "X" not in text  # for which verovio makes room
    [bare] = text_of(pdf_of(WORDS, title=False))
    assert "Zion" not in bare
    assert "Nicolai" not in bare
    assert "Wächter" in bare


def test_a_flat_in_a_chord_symbol_is_verovio_s_own() -> None:
    """Neither Typst nor resvg reads the font within verovio's pictures: it once was a box."""
    [text] = text_of(pdf_of(WORDS))
    assert "\uea64" in text
    names = set()
    for letter in objects(pdf_of(WORDS), pdfium.FPDF_PAGEOBJ_TEXT):
        name = create_string_buffer(100)
        pdfium.FPDFFont_GetBaseFontName(pdfium.FPDFTextObj_GetFont(letter), name, 100)
        names.add(name.value.decode())
    assert len([name for name in names if "Leipzig" in name]) == 1, names


def test_a_staff_is_six_millimetres_high() -> None:
    page = ink(pdf_of(WORDS), scale=5)[0]
    lines = np.flatnonzero((page < 0.5).sum(axis=1) > 250)
    assert 6 < (lines.max() - lines.min()) / 5 / 72 * 25.4 < 7


@pytest.mark.parametrize("title", ["讃美歌", "\x01<&>\n#set text(red) *a*", "\U0001f600 \u05d0\u05b0", "W" * 500])
def test_any_title_is_printed(title: str) -> None:
    chorale = dataclasses.replace(SHORT, title=title)
    printed = pdf(chorale)
    assert len(text_of(printed)) == 1
    if "#set" in title:
        assert "<&> #set text(red) *a*" in text_of(printed)[0]


def test_the_same_music_gives_the_same_bytes_in_any_thread(bach: list[Chorale]) -> None:
    alone = [pdf(chorale) for chorale in bach[:2]]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(pdf, bach[:2])) == alone


def test_paper_that_isn_t_made_is_refused() -> None:
    with pytest.raises(OptionError, match="no paper 'a5'; expected a4 or letter"):
        pdf(SHORT, paper="a5")  # type: ignore[arg-type]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(MissingPackageError, match="needs typst"):
        pdf_of(to_musicxml(SHORT))
