"""Chord symbols as text ("Am7/G") -> `<harmony>` of MusicXML."""

import re
from xml.etree.ElementTree import Element, SubElement

_CHORD = re.compile(
    r"(?P<root>[A-G])(?P<alter>[#b♯♭]?)(?P<kind>[^/]{0,30}?)(?:/(?P<bass>[A-Ga-g])(?P<bass_alter>[#b♯♭]?))?"
)
_KINDS = {
    "major": ("", "maj", "M", "major"),
    "minor": ("m", "min", "mi", "-", "minor"),
    "augmented": ("aug", "+"),
    "diminished": ("dim", "o", "°"),
    "dominant": ("7", "dom7"),
    "major-seventh": ("maj7", "M7", "ma7", "j7", "Δ", "Δ7", "^7"),
    "minor-seventh": ("m7", "min7", "mi7", "-7"),
    "diminished-seventh": ("dim7", "o7", "°7"),
    "augmented-seventh": ("aug7", "+7"),
    "half-diminished": ("ø", "ø7", "m7b5", "-7b5", "min7b5"),
    "major-minor": ("mM7", "m(maj7)", "mmaj7", "minmaj7", "m(M7)"),
    "major-sixth": ("6", "maj6"),
    "minor-sixth": ("m6", "min6", "-6"),
    "dominant-ninth": ("9",),
    "major-ninth": ("maj9", "M9"),
    "minor-ninth": ("m9", "min9", "-9"),
    "dominant-11th": ("11",),
    "major-11th": ("maj11",),
    "minor-11th": ("m11", "min11"),
    "dominant-13th": ("13",),
    "major-13th": ("maj13", "M13"),
    "minor-13th": ("m13", "min13"),
    "suspended-second": ("sus2",),
    "suspended-fourth": ("sus4", "sus", "7sus4", "7sus", "9sus4", "9sus"),
    "power": ("5",),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_DEGREE = re.compile(r"[(,]?(?P<change>add|no|omit|sus|[#b+-])(?P<alter>[#b]?)(?P<value>1[0-3]|[1-9])\)?")
_ALTERATIONS = {"#": 1, "♯": 1, "+": 1, "b": -1, "♭": -1, "-": -1, "": 0}
_NONE = re.compile(r"n\.? ?c\.?", re.IGNORECASE)


def harmony(text: str) -> Element | None:
    """Write a chord symbol; None if the text isn't one.

    >>> [(element.tag, element.text) for element in harmony("F#m7/C").iter() if element.text]
    [('root-step', 'F'), ('root-alter', '1'), ('kind', 'minor-seventh'), ('bass-step', 'C')]
    >>> harmony("Fine") is None
    True
    """
    element = Element("harmony")
    if _NONE.fullmatch(text):
        root = SubElement(element, "root")
        SubElement(root, "root-step", text="").text = "C"
        SubElement(element, "kind", text="N.C.").text = "none"
        return element
    chord = _CHORD.fullmatch(text)
    kind = None if chord is None else _kind(chord["kind"])
    if chord is None or kind is None:
        return None
    _step(element, "root", chord["root"], chord["alter"])
    text, degrees = kind
    SubElement(element, "kind", {"text": text} if text else {}).text = _KIND_OF[text]
    if chord["bass"]:
        _step(element, "bass", chord["bass"].upper(), chord["bass_alter"])
    for value, alter, change in degrees:
        degree = SubElement(element, "degree")
        SubElement(degree, "degree-value").text = value
        SubElement(degree, "degree-alter").text = str(alter)
        SubElement(degree, "degree-type").text = change
    return element


def _step(parent: Element, name: str, step: str, alter: str) -> None:
    element = SubElement(parent, name)
    SubElement(element, f"{name}-step").text = step
    if alter:
        SubElement(element, f"{name}-alter").text = str(_ALTERATIONS[alter])


def _kind(text: str) -> tuple[str, list[tuple[str, int, str]]] | None:
    """Divide a chord's kind into a usual one and further degrees: (value, alteration, add, alter or subtract).

    >>> _kind("m7b5"), _kind("7b9"), _kind("madd9"), _kind("ine")
    (('m7b5', []), ('7', [('9', -1, 'add')]), ('m', [('9', 0, 'add')]), None)
    """
    for end in range(len(text), -1, -1):
        if text[:end] in _KIND_OF:
            degrees = _degrees(text[end:])
            if degrees is not None:
                return text[:end], degrees
    return None


def _degrees(text: str) -> list[tuple[str, int, str]] | None:
    degrees = []
    place = 0
    while place < len(text):
        found = _DEGREE.match(text, place)
        if found is None:
            return None
        place = found.end()
        change, value = found["change"], found["value"]
        if change in ("no", "omit"):
            degrees.append((value, 0, "subtract"))
        elif change in _ALTERATIONS:
            degrees.append((value, _ALTERATIONS[change], "alter" if value == "5" else "add"))
        else:
            if change == "sus":
                degrees.append(("3", 0, "subtract"))
            degrees.append((value, _ALTERATIONS[found["alter"]], "add"))
    return degrees
