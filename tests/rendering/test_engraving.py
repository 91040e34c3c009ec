"""Scores as pictures: all that sounds is drawn."""

import dataclasses
import io
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from chorales import chorales
from hypothesis import given, settings
from matplotlib.image import imread

from bachlit.chorale import VOICES, Chorale
from bachlit.errors import OptionError
from bachlit.rendering import MissingPackageError, png, svg
from bachlit.scores.notation import write_voice


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


@settings(max_examples=20, deadline=None)
@given(chorales())
def test_every_note_of_any_chorale_is_drawn_in_valid_xml(chorale: Chorale) -> None:
    picture = svg(chorale)
    assert drawn(picture, "notehead") == heads(chorale)
    root = ElementTree.fromstring(picture)
    texts = ["".join(text.itertext()) for text in root.findall("{http://www.w3.org/2000/svg}text")]
    assert texts == ([chorale.title] if chorale.title else [])


def test_a_piece_is_one_picture_however_long_and_the_same_each_time() -> None:
    halves = np.random.default_rng(0).integers(60, 72, (2 * 200, 4))
    long = Chorale.from_pitches(np.repeat(halves, 8, axis=0))
    picture = svg(long, width=300)
    assert picture.count("<svg y=") > 1  # more than verovio puts on a page
    tops = [int(top) for top in re.findall(r'<svg y="(\d+)"', picture)]
    assert tops[0] == 0
    assert tops == sorted(set(tops))
    assert drawn(picture, "notehead") == heads(long)
    short = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
    assert svg(short) == svg(short)


def test_a_narrow_picture_has_more_systems(bach: list[Chorale]) -> None:
    wide, narrow = (svg(bach[0], width=width) for width in (1000, 500))
    assert drawn(narrow, "system") > drawn(wide, "system")
    with pytest.raises(OptionError, match="at least 300"):
        svg(bach[0], width=100)


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
