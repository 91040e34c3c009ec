"""Write labels of the harmony under a part of MusicXML."""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.chorale import FRAMES_PER_QUARTER
from bachlit.scores.writing.placing import PlacedMeasure, placed_measures

LabelKind = Literal["chords", "roman"]

_KINDS = {
    "": "major",
    "m": "minor",
    "dim": "diminished",
    "aug": "augmented",
    "7": "dominant",
    "m7": "minor-seventh",
    "maj7": "major-seventh",
    "m7b5": "half-diminished",
    "dim7": "diminished-seventh",
}
_SYMBOL = re.compile(r"([A-G])([#b]*)([a-z0-9]*)(?:/([A-G])([#b]*))?")
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")


def label(part: Element, labels: Iterable[tuple[int, str]], starts: Sequence[int], kind: LabelKind) -> None:
    """Write labels under a part, in place.

    They replace other labels there. Both are written as `<harmony>`, which engravers put on one line and make room for.

    Args:
        part: The `<part>` of the lowest voice.
        labels: Frames and labels, of `chord_symbols` or `roman_numerals`.
        starts: First frame of each measure.
        kind: Which of the two.
    """
    for labelled in part.iterfind("measure"):
        for old in [old for old in labelled.findall("harmony") if old.get("placement") == "below"]:
            labelled.remove(old)
    written = sorted(labels)
    measures = list(placed_measures(part))
    for measure, (first, end) in zip(measures, pairwise([*starts, 2**31]), strict=False):
        for frame, text in written:
            if not first <= frame < end:
                continue
            element = _harmony(text) if kind == "chords" else _numeral(text)
            _insert(measure, element, Fraction(frame - first, FRAMES_PER_QUARTER))


def _insert(measure: PlacedMeasure, element: Element, time: Fraction) -> None:
    """Insert an element before the first voice's note at a time, or with an offset from the one that sounds there."""
    before = len(measure.element)
    offset = Fraction(0)
    for child in measure.children:
        if child.element.tag == "backup":
            break
        takes = child.length > 0 and child.element.find("chord") is None
        if takes and child.onset <= time < child.onset + child.length:
            before = list(measure.element).index(child.element)
            offset = (time - child.onset) * child.divisions
            break
    if offset:
        at = next((index for index, child in enumerate(element) if child.tag in ("staff", "sound")), len(element))
        shown = Element("offset")
        shown.text = str(offset) if offset.denominator == 1 else f"{float(offset):.4f}"
        element.insert(at, shown)
    measure.element.insert(before, element)


def _harmony(symbol: str) -> Element:
    """Chord symbol as an element.

    >>> _harmony("F#m7b5/A").findtext("kind")
    'half-diminished'
    """
    match = _SYMBOL.fullmatch(symbol)
    if match is None or match[3] not in _KINDS:
        raise ValueError(f"There is no chord {symbol!r}.")
    element = Element("harmony", placement="below")
    for tag, letter, sign in (("root", match[1], match[2]), ("bass", match[4], match[5])):
        if letter:
            tone = SubElement(element, tag)
            SubElement(tone, f"{tag}-step").text = letter
            if sign:
                SubElement(tone, f"{tag}-alter").text = str(sign.count("#") - sign.count("b"))
        if tag == "root":
            SubElement(element, "kind", text=match[3].replace("b", "♭")).text = _KINDS[match[3]]
    return element


def _numeral(numeral: str) -> Element:
    """Roman numeral as an element.

    >>> _numeral("viio65/V").find("kind").get("text")
    'vii°65/V'
    """
    parts = numeral.split("/")
    text = "/".join(parts).replace("o", "°").replace("#", "♯").replace("b", "♭")
    element = Element("harmony", placement="below")
    root = SubElement(SubElement(element, "numeral"), "numeral-root", text="")  # the text stands with the kind
    root.text = str(_NUMERALS.index(re.sub("[^IV]", "", parts[0].upper())) + 1)
    SubElement(element, "kind", text=text).text = "none"
    return element
