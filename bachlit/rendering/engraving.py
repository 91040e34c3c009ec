"""Engrave a chorale as SVG or PNG, by verovio."""

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import fromstring, tostring

from bachlit.errors import ChoraleError, OptionError
from bachlit.extras import require
from bachlit.music.chorale import Chorale
from bachlit.rendering.fonts import fonts_for, have_letters
from bachlit.rendering.headings import heading
from bachlit.scores import to_musicxml
from bachlit.scores.writing.placing import add_clefs, add_note_types

_SCALE = 40  # per cent: a staff is about 29 pixels high
_DRAWING = {
    "footer": "none",
    "smuflTextFont": "embedded",
    "svgFormatRaw": True,  # otherwise viewers show blanks within chord symbols
    "xmlIdChecksum": True,  # ids by content: the same music gives the same bytes
}
_OPTIONS = {
    "scale": _SCALE,
    "pageHeight": 60_000,  # verovio's maximum: about 80 systems, 300 bars
    "adjustPageHeight": True,
    "pageMarginLeft": 80,  # room for the voices' names in a wide font
    "header": "none",  # the title is drawn below: resvg misplaces verovio's
}
_TITLE_SIZE, _TITLE_HEIGHT, _TITLE_MARGIN = 26, 56, 20  # pixels
_ONE_AT_A_TIME = Lock()  # verovio's toolkits may share state


def require_engraver(ending: str) -> None:
    """Check that the packages for a score's picture are installed.

    Args:
        ending: .svg, .png or .pdf.

    Raises:
        MissingPackageError: If one isn't installed.
    """
    others = {".png": ("resvg_py", "matplotlib"), ".pdf": ("typst", "matplotlib")}
    for package in ("verovio", *others.get(ending, ())):
        require(package, "A picture of a score")


def svg(chorale: Chorale, *, title: bool = True, width: int = 1000) -> str:
    """Engrave a chorale as one tall picture, as `svg_of` does, with its title if `title`.

    Args:
        chorale: The music.
        title: Whether its title is drawn above.
        width: In pixels; notes keep their size, so a narrow picture has more systems.

    >>> picture = svg(Chorale.from_pitches([[67, 64, 60, 48]] * 16))
    >>> picture[:4], picture.count('class="notehead"')
    ('<svg', 4)
    """
    return svg_of(to_musicxml(chorale), title=chorale.title if title else "", width=width)


def svg_of(
    music: str,
    *,
    title: str = "",
    width: int = 1000,
    options: Mapping[str, Any] = MappingProxyType({}),
    finish: Callable[[str], str] = str,
) -> str:
    """Engrave a score as one tall picture without background, with systems fit to the width.

    Thread-safe.

    Args:
        music: A MusicXML document.
        title: Drawn above, shortened if too long; those in the document aren't drawn.
        width: In pixels; notes keep their size, so a narrow picture has more systems.
        options: More of verovio's options.
        finish: Changes verovio's own `<svg>`, of which a long piece has several.

    Returns:
        An `<svg>` with a `viewBox`, so that it can be scaled.

    Raises:
        MissingPackageError: If verovio isn't installed.
        OptionError: If the width is less than 300 pixels.
        ChoraleError: If verovio can't draw the music.
    """
    require_engraver(".svg")
    if width < 300:
        raise OptionError(f"A width of {width} pixels has no room for a bar; expected at least 300.")
    parts, height = [], 0
    text, size = heading(title, width - 2 * _TITLE_MARGIN, _TITLE_SIZE)
    if text:
        parts.append(
            f'<text x="{width / 2:g}" y="{_TITLE_HEIGHT - 16}" text-anchor="middle" font-family="Times, serif" '
            f'font-size="{size}px">{escape(text)}</text>'
        )
        height = _TITLE_HEIGHT
    for page in engrave(music, {**_OPTIONS, "pageWidth": round(100 * width / _SCALE), **options}):
        parts.append(finish(page).replace("<svg ", f'<svg y="{height}" ', 1))
        height += _height(page)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def png(chorale: Chorale, *, title: bool = True, width: int = 1000, zoom: float = 2.0) -> bytes:
    """Engrave a chorale as one tall picture on white, as `png_of` does, with its title if `title`.

    Args:
        chorale: The music.
        title: Whether its title is drawn above.
        width: Of the layout in pixels; notes keep their size, so a narrow picture has more systems.
        zoom: Pixels of the picture per pixel of the width, from 0.25 to 8; 2 is sharp on fine screens.
    """
    return png_of(to_musicxml(chorale), title=chorale.title if title else "", width=width, zoom=zoom)


def png_of(music: str, *, title: str = "", width: int = 1000, zoom: float = 2.0) -> bytes:
    """Engrave a score as one tall picture on white.

    Pictures are the same on all systems, except for titles and words with letters that DejaVu lacks, such as Japanese
    ones: these use system fonts, and letters that no font has are left out.

    Args:
        music: A MusicXML document.
        title: Drawn above, shortened if too long.
        width: Of the layout; notes keep their size, so a narrow picture has more systems.
        zoom: Pixels of the picture per pixel of the width, from 0.25 to 8; 2 is sharp on fine screens.

    Returns:
        A PNG file.

    Raises:
        MissingPackageError: If verovio, resvg_py or matplotlib isn't installed.
        OptionError: If the width is less than 300 pixels, or the zoom out of its range.
        ChoraleError: If verovio can't draw the music.
    """
    require_engraver(".png")
    if not 0.25 <= zoom <= 8:
        raise OptionError(f"A zoom of {zoom:g} isn't possible; expected 0.25 to 8.")
    import resvg_py  # noqa: PLC0415  # an extra

    picture = svg_of(music, title=title, width=width)
    with fonts_for([picture]) as folder:
        drawn = resvg_py.svg_to_bytes(
            svg_string=picture,
            zoom=zoom,
            background="white",
            font_files=sorted(map(str, folder.iterdir())),
            skip_system_fonts=have_letters(picture),
            font_family="STIXGeneral",
            serif_family="STIXGeneral",
        )
    return bytes(drawn)


def engrave(music: str, options: Mapping[str, Any]) -> list[str]:
    """Draw a score by verovio, one SVG a page.

    Thread-safe.

    Args:
        music: A MusicXML document.
        options: Verovio's options of layout.

    Raises:
        ChoraleError: If verovio can't draw it.
    """
    import verovio  # noqa: PLC0415  # an extra

    root = fromstring(music)
    add_note_types(root)
    add_clefs(root)
    for sign in root.iter("repeat"):
        sign.attrib.pop("times", None)  # isn't drawn, but verovio lists all passes: repeats in repeats take hours
    with _ONE_AT_A_TIME:
        verovio.enableLog(verovio.LOG_OFF)
        # The path of verovio's fonts is per thread, and importing verovio sets it for one thread only.
        verovio.setDefaultResourcePath(str(Path(verovio.__file__).parent / "data"))
        toolkit = verovio.toolkit()
        toolkit.setOptions({**_DRAWING, **options})
        if not toolkit.loadData(tostring(root, encoding="unicode")):
            raise ChoraleError("verovio can't draw the chorale; try reinstalling it.")
        return [toolkit.renderToSVG(number) for number in range(1, toolkit.getPageCount() + 1)]


def _height(page: str) -> int:
    """Height of verovio's picture in pixels."""
    match = re.search(r'<svg [^>]*height="(\d+)px"', page)
    assert match is not None
    return int(match[1])
