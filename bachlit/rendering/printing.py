"""Print scores as PDF: verovio's pages, put together by Typst."""

import re
from typing import Literal, get_args
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from bachlit.errors import OptionError
from bachlit.music.chorale import Chorale
from bachlit.rendering.engraving import engrave, require_engraver
from bachlit.rendering.fonts import fonts_for, have_letters
from bachlit.rendering.headings import heading
from bachlit.scores import to_musicxml

Paper = Literal["a4", "letter"]

_SIZES: dict[Paper, tuple[int, int]] = {"a4": (2100, 2970), "letter": (2159, 2794)}  # tenths of a millimetre
_MARGIN = 150  # tenths of a millimetre
_POINTS = 72 / 254  # per tenth of a millimetre
_TITLE_SIZE, _COMPOSER_SIZE = 18, 11  # points
_OPTIONS = {
    "scale": 100,
    "pageMarginLeft": _MARGIN,
    "pageMarginRight": _MARGIN,
    "pageMarginTop": _MARGIN,
    "pageMarginBottom": _MARGIN,
    "spacingSystem": 10,
    "spacingStaff": 9,
    "spacingBracketGroup": 9,  # four systems a page
    "justifyVertically": True,
    "header": "auto",  # leaves room for the title and the pages' numbers
}
_HEADER = re.compile(r'<g [^>]*class="pgHead[^>]*/>|<g [^>]*class="pgHead.*?</g>', re.DOTALL)

# What is typed by users comes in by `sys.inputs`, so that it is never read as Typst's markup.
_BOOK = """
#let given = sys.inputs
#set page(width: float(given.width) * 1mm, height: float(given.height) * 1mm, margin: 0pt)
#set document(title: given.title, date: none)
#set text(font: ("Libertinus Serif", "DejaVu Serif"), size: 11pt)
#for number in range(1, int(given.pages) + 1) {
  if number > 1 { pagebreak() }
  if number > 1 {
    place(top + center, dy: 11mm, str(number))
  } else {
    place(top + center, dy: 11mm, text(size: float(given.title-size) * 1pt, given.title))
    place(top + right, dx: -15mm, dy: 18.5mm, text(size: float(given.composer-size) * 1pt, given.composer))
  }
  place(image(bytes(given.at("page-" + str(number))), format: "svg", width: 100%))
}
"""


def pdf(chorale: Chorale, *, paper: Paper = "a4", title: bool = True) -> bytes:
    """Engrave a chorale on pages to print, as `pdf_of` does.

    Args:
        chorale: The music.
        paper: Size of the pages.
        title: Whether its title is printed above.

    >>> pdf(Chorale.from_pitches([[67, 64, 60, 48]] * 16))[:5]
    b'%PDF-'
    """
    return pdf_of(to_musicxml(chorale), paper=paper, title=title)


def pdf_of(music: str, *, paper: Paper = "a4", title: bool = True) -> bytes:
    """Engrave a score on pages to print, as a PDF.

    Drawn as curves and text, with all fonts inside; the same music gives the same bytes, except for letters that
    Libertinus and DejaVu lack, such as Japanese ones, which use system fonts. Thread-safe.

    Args:
        music: A MusicXML document.
        paper: Format of the pages, upright.
        title: Print the document's title and composer, if any, above the first page.

    Returns:
        A PDF file; pages are numbered from the second.

    Raises:
        MissingPackageError: If verovio, typst or matplotlib isn't installed.
        OptionError: If there is no such paper.
        ChoraleError: If verovio can't draw the music.
    """
    if paper not in get_args(Paper):
        raise OptionError(f"There is no paper {paper!r}; expected {' or '.join(get_args(Paper))}.")
    require_engraver(".pdf")
    import typst  # noqa: PLC0415  # an extra

    width, height = _SIZES[paper]
    root = fromstring(music)
    room = (width - 2 * _MARGIN) * _POINTS
    above, size = heading(title_of(root) if title else "", room, _TITLE_SIZE)
    composer, composer_size = heading(composer_of(root) if title else "", room / 2, _COMPOSER_SIZE)
    _leave_room(root, titled=bool(above or composer))
    options = _OPTIONS | {"pageWidth": width, "pageHeight": height, "unit": _unit(root)}
    pages = [_printed(page) for page in engrave(tostring(root, encoding="unicode"), options)]
    inputs = {
        "width": str(width / 10),
        "height": str(height / 10),
        "title": above,
        "title-size": str(size),
        "composer": composer,
        "composer-size": str(composer_size),
        "pages": str(len(pages)),
        **{f"page-{number}": page for number, page in enumerate(pages, start=1)},
    }
    known = have_letters(f"{above}{composer}{''.join(pages)}")
    with fonts_for(pages) as folder:
        fonts = typst.Fonts(include_system_fonts=not known, font_paths=[str(folder)])
        return typst.compile(_BOOK.encode(), font_paths=fonts, sys_inputs=inputs, format="pdf", pdf_tags=False)


def title_of(root: Element) -> str:
    """Title of a MusicXML document: the work's, else the movement's; empty if there is none."""
    return root.findtext("work/work-title", "").strip() or root.findtext("movement-title", "").strip()


def composer_of(root: Element) -> str:
    """Composer of a MusicXML document, empty if there is none.

    music21 puts its own name where none is known.
    """
    name = root.findtext("identification/creator[@type='composer']", "").strip()
    return "" if name == "Music21" else name


def _leave_room(root: Element, *, titled: bool) -> None:
    """Have verovio's header leave room for a title, if there is one."""
    for tag in ("work", "movement-number", "movement-title", "credit"):
        for element in root.findall(tag):
            root.remove(element)
    if titled:
        work = Element("work")
        SubElement(work, "work-title").text = "X"
        root.insert(0, work)


def _unit(root: Element) -> float:
    """Half the distance of two staff lines in tenths of a millimetre: 6.4 mm a staff, less if there are many."""
    staves = sum(
        max((int(text) for staves in part.iter("staves") if (text := staves.text or "").isdecimal()), default=1)
        for part in root.iterfind("part")
    )
    return 8 if staves <= 4 else 7 if staves <= 8 else max(4.5, min(7, 92 / staves))


def _printed(page: str) -> str:
    """Page without verovio's header, in the fonts of print."""
    return _HEADER.sub("", page).replace('font-family="Times, serif"', 'font-family="Libertinus Serif, DejaVu Serif"')
