"""Tempo marks of MusicXML."""

import re
from fractions import Fraction
from xml.etree.ElementTree import Element

_SLOWEST, _FASTEST = 4.0, 1000.0  # quarters per minute that MIDI can hold
_QUARTERS = {
    "breve": Fraction(8), "whole": Fraction(4), "half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2),
    "16th": Fraction(1, 4), "32nd": Fraction(1, 8),
}  # fmt: skip


def tempo_of(element: Element) -> float | None:
    """Read the tempo of a `<direction>` or `<sound>`, in quarters per minute: what sounds, else the mark; None if none.

    >>> tempo_of(Element("sound", tempo="72"))
    72.0
    """
    sound = element if element.tag == "sound" else element.find("sound")
    tempo = _number(sound.get("tempo")) if sound is not None else None
    mark = element.find("direction-type/metronome")
    if tempo is None and mark is not None:
        beats = _number(mark.findtext("per-minute"))
        quarters = _QUARTERS.get(mark.findtext("beat-unit", "").strip())
        if beats and quarters:
            dots = len(mark.findall("beat-unit-dot"))
            tempo = beats * float(quarters * (2 - Fraction(1, 2**dots)))
    return tempo if tempo and _SLOWEST <= tempo <= _FASTEST else None


def _number(text: str | None) -> float | None:
    """First number in a text, such as 60 in "ca. 60"; None if there is none."""
    found = re.search(r"\d{1,4}(\.\d{1,6})?", text or "")
    return float(found[0]) if found else None
