"""Pictures: the engraver's SVG without style sheets, scripts and fonts, which the page's policy forbids."""

from xml.etree.ElementTree import Element, fromstring, register_namespace, tostring

_NAMESPACE = "{http://www.w3.org/2000/svg}"
register_namespace("", _NAMESPACE.strip("{}"))

_DRAWN = {
    *("svg", "g", "defs", "use", "symbol", "text", "tspan"),
    *("path", "rect", "ellipse", "circle", "line", "polygon", "polyline"),
}
# What the engraver's style sheet says of its classes, as attributes.
_BOLD, _SLANTED = ("font-weight", "bold"), ("font-style", "italic")
_LOOKS = {
    **dict.fromkeys(("ending", "fing", "reh", "tempo"), (_BOLD,)),
    **dict.fromkeys(("dir", "mNum"), (_SLANTED,)),
    "dynam": (_BOLD, _SLANTED),
}
_MUSIC_FONT = "Leipzig"
_SMALLER, _BEATS = 0.5625, 0.8  # sizes of letters, and of notes before a tempo, beside those of music signs

_DYNAMICS = dict(enumerate("pmfrszn", start=0xE520)) | dict(
    enumerate(
        (
            *("pppppp", "ppppp", "pppp", "ppp", "pp", "mp", "mf", "pf", "ff", "fff", "ffff", "fffff", "ffffff"),
            *("fp", "fz", "sf", "sfp", "sfpp", "sfz", "sfzp", "sffz", "rf", "rfz"),
        ),
        start=0xE527,
    )
)
_ACCIDENTALS = {
    **dict.fromkeys((0xE260, 0xEA64, 0xED60), "♭"),
    **dict.fromkeys((0xE261, 0xEA65, 0xED61), "♮"),
    **dict.fromkeys((0xE262, 0xEA66, 0xED62), "♯"),
    **dict.fromkeys((0xE263, 0xEA67, 0xED63), "♯♯"),
    **dict.fromkeys((0xE264, 0xEA63, 0xED64), "♭♭"),
}
_NOTES = ("\U0001d15d", "\U0001d15e", "♩", "♪", "♬")
_METRONOME = dict(zip((0xECA2, 0xECA3, 0xECA5, 0xECA7, 0xECA9), _NOTES, strict=True)) | {0xECB7: "."}
# Signs of music fonts, for which the letters of other fonts stand; those that have none are left out.
_LETTERS: dict[int, str | None] = dict.fromkeys(range(0xE000, 0xF900))
_LETTERS |= _DYNAMICS | _ACCIDENTALS | _METRONOME


def bare(picture: str) -> str:
    """Turn a picture's styles into attributes; drop all that isn't drawn.

    Music signs among letters become letters of any font: a page that forbids fonts has no other.

    Args:
        picture: The engraver's.

    >>> bare('<svg xmlns="http://www.w3.org/2000/svg"><style>*{}</style><g class="dir" onclick="x"><a/></g></svg>')
    '<svg xmlns="http://www.w3.org/2000/svg"><g class="dir" font-style="italic" /></svg>'
    """
    root = fromstring(picture)
    _clean(root)
    return tostring(root, encoding="unicode")


def _clean(element: Element) -> None:
    """Clean an element and its descendants in place."""
    for child in list(element):
        if not _is_drawn(child):
            element.remove(child)
        else:
            _clean(child)
    for name in list(element.attrib):
        linked = name.rpartition("}")[2] == "href" and not element.attrib[name].startswith("#")
        if name == "style" or name.lower().startswith("on") or linked:
            del element.attrib[name]
    kinds = element.get("class", "").split()
    for kind in kinds:
        element.attrib.update(_LOOKS.get(kind, ()))
    if "definition-scale" in kinds:
        element.attrib.pop("color", None)  # the page's, which may be light or dark
        element.attrib.update(stroke="currentColor", fill="currentColor")
    if element.tag == f"{_NAMESPACE}text":
        element.set("stroke", "none")
    if element.text:
        element.text = element.text.translate(_LETTERS)
    if element.get("font-family") == _MUSIC_FONT:
        _spell(element)


def _is_drawn(element: Element) -> bool:
    hidden = "placeholder" in element.get("class", "").split()
    return not hidden and str(element.tag).removeprefix(_NAMESPACE) in _DRAWN


def _spell(element: Element) -> None:
    """Give signs that became letters the size of letters, in place."""
    for name in ("font-family", "font-style", "letter-spacing"):
        element.attrib.pop(name, None)
    size = element.get("font-size", "").removesuffix("px")
    if size.replace(".", "", 1).isdecimal():
        factor = _BEATS if element.text in _NOTES else _SMALLER
        element.set("font-size", f"{float(size) * factor:g}px")
