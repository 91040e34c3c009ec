"""Scores as pictures: all that sounds is drawn."""

import dataclasses
import io
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from xml.etree import ElementTree

import numpy as np
import pytest
from chorales import chorales
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from matplotlib.font_manager import FontProperties
from matplotlib.image import imread
from matplotlib.textpath import TextPath
from sizes import size

from bachlit.errors import ChoraleError, OptionError
from bachlit.music.chorale import VOICES, Chorale
from bachlit.rendering import MissingPackageError, fonts, png, png_of, svg, svg_of
from bachlit.rendering.fonts import music_signs
from bachlit.rendering.headings import heading
from bachlit.scores import to_musicxml
from bachlit.scores.writing.notation import write_voice


def drawn(picture: str, kind: str) -> int:
    """How many elements of a kind verovio drew."""
    return len(re.findall(rf'class="{kind}"', picture))


def heads(chorale: Chorale) -> int:
    """Note heads of a chorale: several where a note is tied."""
    written = (symbol for voice in VOICES for measure in write_voice(chorale, voice) for symbol in measure)
    return sum(symbol.spelling is not None for symbol in written)


def test_every_note_of_bach_is_drawn(bach: list[Chorale]) -> None:
    for chorale in bach[::20]:
        picture = svg(chorale)
        assert drawn(picture, "notehead") == heads(chorale) > 100
        fermatas = np.diff(chorale.fermatas, prepend=False) & chorale.fermatas
        assert drawn(picture, "fermata") >= fermatas.sum()


def titles(picture: str) -> list[str]:
    """What stands above the music."""
    root = ElementTree.fromstring(picture)
    return ["".join(text.itertext()) for text in root.findall("{http://www.w3.org/2000/svg}text")]


SHORT = Chorale.from_pitches([[67, 64, 60, 48]] * 16)


@pytest.mark.parametrize(
    ("title", "drawn_title"),
    [("Herr\x01, <ich>\n& du", ["Herr, <ich> & du"]), ("\ud800Lob\udfff\ufffe", ["Lob"]), ("\x00\x1f ", [])],
)
def test_what_no_xml_holds_is_left_out_of_a_title(title: str, drawn_title: list[str]) -> None:
    """A control character in a title once ended `--png` in a traceback."""
    chorale = dataclasses.replace(SHORT, title=title)
    assert titles(svg(chorale)) == drawn_title
    svg(chorale).encode()
    assert png(chorale, zoom=1).startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [40, 300])
def test_a_title_fits_above_the_music(count: int) -> None:
    """The font's own measures are the oracle: guesses by the number of letters cut capitals off."""
    font = FontProperties("DejaVu Serif")
    letters = [letter for letter in map(chr, [*range(37, 0x180), *range(0x390, 0x460)]) if letter.isprintable()]
    for letter in letters[:: size(1, 9)]:
        title = letter * count
        text, pixels_high = heading(title, 460, 26)
        assert 12 <= pixels_high <= 26
        assert text == title or (text.endswith("…") and pixels_high == 12)
        assert TextPath((0, 0), text, size=pixels_high, prop=font).get_extents().width <= 460, letter


@pytest.mark.parametrize("title", ["W" * 4000, "WACHET AUF, RUFT UNS DIE STIMME " * 4, "m" * 60])
def test_the_longest_title_leaves_the_margins_white(title: str) -> None:
    above = pixels(dataclasses.replace(SHORT, title=title))[:56]
    assert above[:, 10:-10].min() < 0.5
    assert above[:, :10].min() == above[:, -10:].min() == 1


@settings(max_examples=20, deadline=None)
@given(chorales())
def test_every_note_of_any_chorale_is_drawn_in_valid_xml(chorale: Chorale) -> None:
    picture = svg(chorale)
    assert drawn(picture, "notehead") == heads(chorale)
    assert titles(picture) == ([chorale.title] if chorale.title else [])


def test_a_piece_is_one_picture_however_long_and_the_same_each_time() -> None:
    halves = np.random.default_rng(0).integers(60, 72, (2 * 200, 4))
    long = Chorale.from_pitches(np.repeat(halves, 8, axis=0))
    picture = svg(long, width=300)
    assert picture.count("<svg y=") > 1  # more than verovio puts on a page
    pages = [(int(top), int(high)) for top, high in re.findall(r'<svg y="(\d+)"[^>]* height="(\d+)px"', picture)]
    assert len(pages) == picture.count("<svg y=")
    ends = np.cumsum([high for _, high in pages]).tolist()
    assert [top for top, _ in pages] == [0, *ends[:-1]]  # each begins where the one above ends
    assert f'viewBox="0 0 300 {ends[-1]}"' in picture
    assert drawn(picture, "notehead") == heads(long)
    assert svg(SHORT) == svg(SHORT)


def test_threads_that_draw_at_once_get_what_one_thread_gets(bach: list[Chorale]) -> None:
    """In any thread but the one that had imported verovio, a picture once was empty, without an error."""
    pieces = bach[:4]
    alone = [svg(chorale) for chorale in pieces]
    ready = Barrier(4)

    def draw(first: int) -> dict[int, str]:
        ready.wait()
        return {index % 4: svg(pieces[index % 4]) for index in range(first, first + 4)}

    with ThreadPoolExecutor(4) as pool:
        for drawn_in_thread in pool.map(draw, range(4)):
            assert [drawn_in_thread[index] for index in range(4)] == alone
    assert [svg(chorale) for chorale in pieces] == alone


def test_a_score_that_verovio_does_not_read_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As where its fonts are gone: no empty picture."""
    import verovio  # noqa: PLC0415

    monkeypatch.setattr(verovio, "__file__", str(tmp_path / "__init__.py"))
    with ThreadPoolExecutor(1) as pool, pytest.raises(ChoraleError, match="can't draw the chorale"):
        pool.submit(svg, SHORT).result()


def test_a_narrow_picture_has_more_systems(bach: list[Chorale]) -> None:
    wide, narrow = (svg(bach[0], width=width) for width in (1000, 500))
    assert drawn(narrow, "system") > drawn(wide, "system")
    with pytest.raises(OptionError, match="at least 300"):
        svg(bach[0], width=100)


@pytest.mark.parametrize("zoom", [0, -1, 100, float("nan")])
def test_a_zoom_out_of_measure_is_refused(zoom: float) -> None:
    with pytest.raises(OptionError, match=r"expected 0\.25 to 8"):
        png(SHORT, zoom=zoom)


def pixels(chorale: Chorale, **options: bool) -> np.ndarray:
    """Grey values (height, width) from 0, black, to 1."""
    return imread(io.BytesIO(png(chorale, zoom=1, **options)))[:, :, :3].mean(2)


def test_a_png_is_black_on_white_with_its_text() -> None:
    chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 32)
    plain = pixels(chorale)
    assert plain.shape[1] == 1000
    assert plain[0].min() == plain[:, 0].min() == 1
    assert 0.005 < (plain < 0.5).mean() < 0.2
    assert plain[:, 16:90].min() < 0.3  # the names of the voices
    titled = dataclasses.replace(chorale, title="Ein Titel & <mehr>")
    above = pixels(titled)[: -len(plain)]
    assert above.min() < 0.3
    assert np.array_equal(pixels(titled, title=False), plain)


@pytest.mark.parametrize("package", ["verovio", "resvg_py", "matplotlib"])
def test_a_missing_package_is_named_with_what_to_do(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"needs {package}, .*expected .*; install it: pip install 'bachlit"):
        png(Chorale.from_pitches([[67, 64, 60, 48]]))


CHORDS = """<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Tune</part-name></score-part>
</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes><harmony><root>
<root-step>B</root-step><root-alter>-1</root-alter></root><kind>dominant</kind></harmony><note><pitch><step>B</step>
<octave>4</octave></pitch><duration>4</duration><voice>1</voice><type>whole</type><lyric><text>WORD</text></lyric>
</note></measure></part></score-partwise>"""


def test_a_score_s_own_chord_symbols_and_words_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = svg_of(CHORDS)
    assert "WORD" in picture
    assert drawn(picture, "harm") == 1
    assert music_signs(picture) == "\uea64"  # a flat
    assert re.search(r">B</tspan><tspan[^>]*>\uea64</tspan><tspan[^>]*>7<", picture)  # without blanks between
    pictures = [imread(io.BytesIO(png_of(CHORDS)))[:, :, 0]]
    monkeypatch.setattr(fonts, "music_signs", lambda _: "")
    pictures.append(imread(io.BytesIO(png_of(CHORDS)))[:, :, 0])
    rows, columns = np.nonzero(pictures[0] != pictures[1])
    assert len(rows) > 30  # resvg reads no font within a picture
    assert np.ptp(rows) < 60
    assert np.ptp(columns) < 100


def test_letters_that_no_font_has_leave_the_others() -> None:
    assert png_of(CHORDS.replace("WORD", "讃W")).startswith(b"\x89PNG")


def test_words_are_as_wide_as_verovio_makes_room_for() -> None:
    """In DejaVu, which is wider, they once ran into each other."""
    import verovio  # noqa: PLC0415

    listed = (Path(verovio.__file__).parent / "data" / "text" / "Times.xml").read_text()
    room = {chr(int(code, 16)): float(width) for code, width in re.findall(r'c="(\w+)"[^>]* h-a-x="([\d.]+)"', listed)}
    per_em = float(re.search(r'units-per-em="(\d+)', listed)[1])  # type: ignore[index]
    font = TTFont(fonts.text_fonts()[0])
    for letter in room.keys() & set("abcdefghijklmnopqrstuvwxyzABCDEFHIKLMNOPRSTVW,."):  # verovio lacks some
        drawn_width = font["hmtx"][font.getBestCmap()[ord(letter)]][0] / font["head"].unitsPerEm
        assert drawn_width == pytest.approx(room[letter] / per_em, rel=0.03), letter


def test_many_passes_of_repeats_take_no_time() -> None:
    # Each of these repeats all before it 99 times: a file of 11 kB kept a worker of the service busy until its timeout.
    music = to_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * (16 * 40)))
    sign = '<barline location="right"><repeat direction="backward"{}/></barline></measure>'
    often, once = (music.replace("</measure>", sign.format(times)) for times in (' times="99"', ""))
    assert svg_of(often) == svg_of(once)
