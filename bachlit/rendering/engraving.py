"""Engrave a chorale as SVG or PNG, by verovio."""

import re
from html import escape
from pathlib import Path
from threading import Lock

from bachlit.errors import ChoraleError, OptionError
from bachlit.extras import require
from bachlit.music.chorale import Chorale
from bachlit.rendering.headings import heading
from bachlit.scores import to_musicxml
from bachlit.scores.writing.musicxml import one_line

_SCALE = 40  # per cent: a staff is about 29 pixels high
_OPTIONS = {
    "scale": _SCALE,
    "pageHeight": 60_000,  # verovio's maximum: about 80 systems, 300 bars
    "adjustPageHeight": True,
    "pageMarginLeft": 80,  # room for the voices' names in a wide font
    "header": "none",  # the title is drawn below: resvg misplaces verovio's
    "footer": "none",
    "smuflTextFont": "embedded",
    "xmlIdChecksum": True,  # ids by content: the same chorale gives the same bytes
}
_TITLE_SIZE, _TITLE_HEIGHT, _TITLE_MARGIN = 26, 56, 20  # pixels
_DRAWING = Lock()  # verovio's toolkits may share state


def require_engraver(ending: str) -> None:
    """Check that the packages for a score's picture are installed.

    Args:
        ending: .svg or .png.

    Raises:
        MissingPackageError: If one isn't installed.
    """
    for package in ("verovio", "resvg_py", "matplotlib") if ending == ".png" else ("verovio",):
        require(package, "A picture of a score")


def svg(chorale: Chorale, *, title: bool = True, width: int = 1000) -> str:
    """Engrave a score as one tall picture without background, with systems fit to the width.

    Thread-safe.

    Args:
        chorale: The music.
        title: Draw the chorale's title, if any, shortened if too long.
        width: In pixels; notes keep their size, so a narrow picture has more systems.

    Returns:
        An `<svg>` with a `viewBox`, so that it can be scaled.

    Raises:
        MissingPackageError: If verovio isn't installed.
        OptionError: If the width is less than 300 pixels.
        ChoraleError: If verovio can't draw the chorale.

    >>> picture = svg(Chorale.from_pitches([[67, 64, 60, 48]] * 16))
    >>> picture[:4], picture.count('class="notehead"')
    ('<svg', 4)
    """
    require_engraver(".svg")
    if width < 300:
        raise OptionError(f"A width of {width} pixels has no room for a bar; expected at least 300.")
    parts, height = [], 0
    text, size = heading(chorale.title if title else "", width - 2 * _TITLE_MARGIN, _TITLE_SIZE)
    if text:
        parts.append(
            f'<text x="{width / 2:g}" y="{_TITLE_HEIGHT - 16}" text-anchor="middle" font-family="Times, serif" '
            f'font-size="{size}px">{escape(text)}</text>'
        )
        height = _TITLE_HEIGHT
    for page in _pages(chorale, width):
        parts.append(page.replace("<svg ", f'<svg y="{height}" ', 1))
        height += _height(page)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def png(chorale: Chorale, *, title: bool = True, width: int = 1000, zoom: float = 2.0) -> bytes:
    """Engrave a score as one tall picture on white.

    Pictures are the same on all systems, except for titles with letters that DejaVu lacks, such as Japanese ones: these
    use system fonts, and letters that no font has are left out.

    Args:
        chorale: The music.
        title: Draw the chorale's title, if any, shortened if too long.
        width: Of the layout; notes keep their size, so a narrow picture has more systems.
        zoom: Pixels of the picture per pixel of the width, from 0.25 to 8; 2 is sharp on fine screens.

    Returns:
        A PNG file.

    Raises:
        MissingPackageError: If verovio, resvg_py or matplotlib isn't installed.
        OptionError: If the width is less than 300 pixels, or the zoom out of its range.
    """
    require_engraver(".png")
    if not 0.25 <= zoom <= 8:
        raise OptionError(f"A zoom of {zoom:g} isn't possible; expected 0.25 to 8.")
    import resvg_py  # noqa: PLC0415  # an extra
    from matplotlib import get_data_path  # noqa: PLC0415  # for its fonts: without fonts resvg draws no text
    from matplotlib.font_manager import get_font  # noqa: PLC0415  # an extra

    fonts = sorted(str(path) for path in (Path(get_data_path()) / "fonts" / "ttf").glob("DejaVuS*.ttf"))
    letters = get_font(next(path for path in fonts if path.endswith("DejaVuSerif.ttf"))).get_charmap()
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg(chorale, title=title, width=width),
        zoom=zoom,
        background="white",
        font_files=fonts,
        skip_system_fonts=not title or all(ord(letter) in letters for letter in one_line(chorale.title)),
        font_family="DejaVu Serif",
        serif_family="DejaVu Serif",
        sans_serif_family="DejaVu Sans",
    )
    return bytes(drawn)


def _pages(chorale: Chorale, width: int) -> list[str]:
    """Pages of the chorale, drawn by verovio."""
    import verovio  # noqa: PLC0415  # an extra

    music = to_musicxml(chorale)
    with _DRAWING:
        verovio.enableLog(verovio.LOG_OFF)
        # The path of verovio's fonts is per thread, and importing verovio sets it for one thread only.
        verovio.setDefaultResourcePath(str(Path(verovio.__file__).parent / "data"))
        toolkit = verovio.toolkit()
        toolkit.setOptions(_OPTIONS | {"pageWidth": round(100 * width / _SCALE)})
        if not toolkit.loadData(music):
            raise ChoraleError(f"verovio can't draw the chorale {chorale.name}; try reinstalling it.")
        return [toolkit.renderToSVG(number) for number in range(1, toolkit.getPageCount() + 1)]


def _height(page: str) -> int:
    """Height of verovio's picture in pixels."""
    match = re.search(r'<svg [^>]*height="(\d+)px"', page)
    assert match is not None
    return int(match[1])
