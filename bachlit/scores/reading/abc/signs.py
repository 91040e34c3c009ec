"""Decorations, annotations and tempo of ABC -> elements of MusicXML."""

import re
from collections.abc import Callable
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from bachlit.scores.reading.abc.chord_symbols import harmony
from bachlit.scores.reading.abc.fields import Tempo
from bachlit.scores.reading.abc.text import plain
from bachlit.scores.reading.abc.values import note_values

SHORTHANDS = {
    "~": "roll", ".": "staccato", "u": "upbow", "v": "downbow", "T": "trill", "M": "lowermordent", "P": "uppermordent",
    "S": "segno", "O": "coda", "H": "fermata", "L": "accent", "J": "slide",
}  # fmt: skip
"""Decorations by the letters that stand for them; a field U: gives others."""

# Name: path below <notations>.
_NOTATIONS = {
    "staccato": "articulations/staccato", "tenuto": "articulations/tenuto", "wedge": "articulations/staccatissimo",
    "accent": "articulations/accent", "emphasis": "articulations/accent", ">": "articulations/accent",
    "marcato": "articulations/strong-accent", "^": "articulations/strong-accent", "slide": "articulations/scoop",
    "breath": "articulations/breath-mark", "caesura": "articulations/caesura", "roll": "ornaments/turn",
    "trill": "ornaments/trill-mark", "turn": "ornaments/turn", "turnx": "ornaments/turn",
    "invertedturn": "ornaments/inverted-turn", "invertedturnx": "ornaments/inverted-turn",
    "lowermordent": "ornaments/mordent", "mordent": "ornaments/mordent", "uppermordent": "ornaments/inverted-mordent",
    "pralltriller": "ornaments/inverted-mordent", "upbow": "technical/up-bow", "downbow": "technical/down-bow",
    "open": "technical/open-string", "thumb": "technical/thumb-position", "snap": "technical/snap-pizzicato",
    "plus": "technical/stopped", "+": "technical/stopped", "fermata": "fermata", "arpeggio": "arpeggiate",
    "invertedfermata": "fermata",
}  # fmt: skip
_DYNAMICS = re.compile(r"p{1,4}|f{1,4}|m[pf]|sffz|s?fz|sf|s?fp|rfz?")
_WEDGES = {
    "crescendo(": "crescendo", "<(": "crescendo", "diminuendo(": "diminuendo", ">(": "diminuendo",
    "crescendo)": "stop", "<)": "stop", "diminuendo)": "stop", ">)": "stop",
}  # fmt: skip
# Name without case, dots and spaces: words on the page.
_JUMPS = {
    "dc": "D.C.", "dacapo": "D.C.", "ds": "D.S.", "fine": "Fine", "dacoda": "Da Coda", "tocoda": "To Coda",
    "dcalfine": "D.C. al Fine", "dsalfine": "D.S. al Fine", "dcalcoda": "D.C. al Coda", "dsalcoda": "D.S. al Coda",
}  # fmt: skip
_SOUNDS = (
    (re.compile(r"d\. ?c\.|d\.?c\.? al\b|da ?capo\b", re.IGNORECASE), "dacapo", "yes"),
    (re.compile(r"d\. ?s\.|d\.?s\.? al\b|dal ?segno\b", re.IGNORECASE), "dalsegno", "segno"),
    (re.compile(r"(?:da|to) ?coda\b", re.IGNORECASE), "tocoda", "coda"),
    (re.compile(r"fine\b", re.IGNORECASE), "fine", "yes"),
    (re.compile(r"segno\b", re.IGNORECASE), "segno", "segno"),
    (re.compile(r"coda\b", re.IGNORECASE), "coda", "coda"),
)
_PLACES = {"^": "above", "_": "below"}


def notation(name: str) -> Callable[[Element], None] | None:
    """Find what writes a decoration into `<notations>`; None if it stands beside the notes instead."""
    if name in _SPANNERS:
        return _SPANNERS[name]
    if name in _NOTATIONS:
        parent, _, child = _NOTATIONS[name].rpartition("/")
        upside_down = {"type": "inverted"} if name == "invertedfermata" else {}
        return lambda notations: _add(notations, parent, child, upside_down)
    if re.fullmatch("[0-5]", name):
        return lambda notations: _add(notations, "technical", "fingering", text=name)
    if _is_direction(name):
        return None
    return lambda notations: _add(notations, "", "other-notation", {"type": "single"}, text=plain(name))


def _add(
    notations: Element, parent: str, child: str, attributes: dict[str, str] | None = None, *, text: str | None = None
) -> None:
    found = notations.find(parent) if parent else notations
    if found is None:
        found = SubElement(notations, parent)
    SubElement(found, child, attributes or {}).text = text


def _trill(kind: str) -> Callable[[Element], None]:
    def write(notations: Element) -> None:
        if kind == "start":
            _add(notations, "ornaments", "trill-mark")
        _add(notations, "ornaments", "wavy-line", {"type": kind})

    return write


_SPANNERS = {"trill(": _trill("start"), "trill)": _trill("stop")}


def _jump(name: str) -> str:
    return _JUMPS.get(re.sub(r"[. ]", "", name.lower()), "")


def _is_direction(name: str) -> bool:
    return bool(name.lower() in ("segno", "coda") or name in _WEDGES or _DYNAMICS.fullmatch(name) or _jump(name))


def direction(name: str) -> Element:
    """Write a decoration that stands beside the notes: dynamics, hairpin, segno, coda or the words of a jump."""
    if (sign := name.lower()) in ("segno", "coda"):
        element, kind = _direction("above")
        SubElement(kind, sign)
        SubElement(element, "sound", {sign: sign})
        return element
    if name in _WEDGES:
        element, kind = _direction("below")
        SubElement(kind, "wedge", type=_WEDGES[name])
        return element
    if _DYNAMICS.fullmatch(name):
        element, kind = _direction("below")
        SubElement(SubElement(kind, "dynamics"), name)
        return element
    return words(_jump(name) or name)


def text_sign(text: str) -> Element | None:
    """Write a text in quotes: a chord symbol, else words (^ above, _ below the staff); None if it is empty."""
    shown = plain(text)
    chord = harmony(shown)
    if chord is not None:
        return chord
    place = _PLACES.get(shown[:1], "above")
    if shown[:1] in ("^", "_", "<", ">", "@"):
        shown = re.sub(r"^@-?[\d.]+,-?[\d.]+", "", shown).lstrip("@") if shown[0] == "@" else shown[1:]
    return words(shown.strip(), place) if shown.strip() else None


def words(text: str, place: str = "above") -> Element:
    """Write words, and the jump that they mean, such as D.C. al Fine."""
    element, kind = _direction(place)
    SubElement(kind, "words").text = text
    found = [(name, value) for pattern, name, value in _SOUNDS if pattern.match(text)]
    if found:
        SubElement(element, "sound", dict(found))
    return element


def rehearsal(text: str) -> Element:
    """Write the label of a part of the tune (P:)."""
    element, kind = _direction("above")
    SubElement(kind, "rehearsal").text = text
    return element


def tempo_sign(tempo: Tempo) -> Element:
    """Write a tempo: words, beat and rate."""
    element, kind = _direction("above")
    if tempo.words:
        SubElement(kind, "words").text = plain(tempo.words)
    values = note_values(tempo.beat) if tempo.beat else ()
    if len(values) == 1:
        kind = SubElement(element, "direction-type") if tempo.words else kind
        metronome = SubElement(kind, "metronome")
        SubElement(metronome, "beat-unit").text = values[0].type
        for _ in range(values[0].dots):
            SubElement(metronome, "beat-unit-dot")
        SubElement(metronome, "per-minute").text = _decimal(tempo.rate)
    elif values and not tempo.words:
        SubElement(kind, "words").text = f"{tempo.beat}={_decimal(tempo.rate)}"
    if tempo.beat:
        SubElement(element, "sound", tempo=_decimal(tempo.rate * tempo.beat * 4))
    return element


def _decimal(value: Fraction) -> str:
    return f"{float(value):.6g}"


def _direction(place: str) -> tuple[Element, Element]:
    element = Element("direction", placement=place)
    return element, SubElement(element, "direction-type")
