"""Fonts for the text of engraved scores."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from bachlit.extras import require

FAMILY = "Leipzig"
"""Verovio's music font: flats in chord symbols, notes in tempo marks, dynamics in words."""

_UNITS_PER_EM = 1000
_LONG_AGO = 2_082_844_800  # 1970, in seconds since 1904: no date of today in what is drawn


def text_fonts() -> list[Path]:
    """Paths of text fonts that come with Matplotlib.

    STIX is as wide as Times, for which verovio makes room; DejaVu has letters that STIX lacks.

    Raises:
        MissingPackageError: If Matplotlib isn't installed.
    """
    require("matplotlib", "A picture of a score")
    from matplotlib import get_data_path  # noqa: PLC0415  # an extra

    folder = Path(get_data_path()) / "fonts" / "ttf"
    return [*sorted(folder.glob("STIXGeneral*.ttf")), *sorted(folder.glob("DejaVuSerif*.ttf"))]


def have_letters(picture: str) -> bool:
    """Check whether these fonts have all letters of a picture.

    >>> have_letters("<text>Łódź</text>"), have_letters("<text>讃美歌</text>")
    (True, False)
    """
    return _letters().issuperset(set(re.sub("<[^>]*>", "", picture)).difference(music_signs(picture)))


@cache
def _letters() -> frozenset[str]:
    from matplotlib.font_manager import get_font  # noqa: PLC0415  # an extra

    serif = next(path for path in text_fonts() if path.name == "DejaVuSerif.ttf")
    return frozenset("\t\n\r").union(map(chr, get_font(str(serif)).get_charmap()))


def music_signs(picture: str) -> str:
    """Collect the signs of the music font in the text of verovio's picture, each once, in order.

    Viewers get them from a font within the SVG; resvg and Typst can't read that one.
    """
    texts = re.findall(rf'<tspan [^>]*font-family="{FAMILY}"[^>]*>([^<]+)', picture)
    return "".join(sorted({sign for text in texts for sign in text.strip()}))


@contextmanager
def fonts_for(pictures: Iterable[str]) -> Iterator[Path]:
    """Lend a folder with the fonts that verovio's pictures are drawn with.

    Raises:
        MissingPackageError: If Matplotlib isn't installed.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows removes no open file
        for path in text_fonts():
            copyfile(path, Path(folder) / path.name)
        if signs := music_signs("".join(pictures)):
            _write_music_font(Path(folder) / f"{FAMILY}.otf", signs)
        yield Path(folder)


def _write_music_font(place: Path, signs: str) -> None:
    """Write an OpenType font of some of verovio's signs; the same signs give the same bytes."""
    import verovio  # noqa: PLC0415  # an extra
    from fontTools.fontBuilder import FontBuilder  # noqa: PLC0415  # an extra
    from fontTools.pens.t2CharStringPen import T2CharStringPen  # noqa: PLC0415  # an extra
    from fontTools.svgLib.path import parse_path  # noqa: PLC0415  # an extra

    folder = Path(verovio.__file__).parent / "data"
    listed = (folder / f"{FAMILY}.xml").read_text(encoding="utf-8")
    widths = {code: float(width) for code, width in re.findall(r'c="([0-9A-F]+)"[^>]* h-a-x="([\d.]+)"', listed)}
    outlines, advances, names = {".notdef": ""}, {".notdef": 0.0}, {}
    for sign in signs:
        code = f"{ord(sign):04X}"
        if code in widths:
            drawn = re.search(r' d="([^"]*)"', (folder / FAMILY / f"{code}.xml").read_text(encoding="utf-8"))
            names[ord(sign)] = f"uni{code}"
            outlines[f"uni{code}"], advances[f"uni{code}"] = drawn[1] if drawn else "", widths[code]
    glyphs = {}
    for name, path in outlines.items():
        pen = T2CharStringPen(round(advances[name]), None)
        parse_path(path, pen)
        glyphs[name] = pen.getCharString()
    builder = FontBuilder(_UNITS_PER_EM, isTTF=False)
    builder.setupGlyphOrder(list(outlines))
    builder.setupCharacterMap(names)
    builder.setupCFF(FAMILY, {}, glyphs, {})
    builder.setupHorizontalMetrics({name: (round(advance), 0) for name, advance in advances.items()})
    builder.setupHorizontalHeader(ascent=_UNITS_PER_EM, descent=-_UNITS_PER_EM)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular", "psName": FAMILY})
    builder.setupOS2()
    builder.setupPost()
    builder.updateHead(created=_LONG_AGO, modified=_LONG_AGO)
    builder.font.recalcTimestamp = False
    builder.save(place)
