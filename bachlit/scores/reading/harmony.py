"""Chord symbols and figures of MusicXML as text."""

import re
from xml.etree.ElementTree import Element

from bachlit.music.keys import STEPS
from bachlit.scores.reading.numbers import decimal, ordinal

_KINDS = {
    "major": "", "minor": "m", "augmented": "aug", "diminished": "dim", "dominant": "7", "major-seventh": "maj7",
    "minor-seventh": "m7", "diminished-seventh": "dim7", "augmented-seventh": "aug7", "half-diminished": "m7b5",
    "major-minor": "mM7", "major-sixth": "6", "minor-sixth": "m6", "dominant-ninth": "9", "major-ninth": "maj9",
    "minor-ninth": "m9", "dominant-11th": "11", "major-11th": "maj9", "minor-11th": "m11", "dominant-13th": "13",
    "major-13th": "maj13", "minor-13th": "m13", "suspended-second": "sus2", "suspended-fourth": "sus4", "power": "5",
}  # fmt: skip
# Kinds with one degree, added or altered.
_DEGREES = {
    ("7", 5, 1): "7#5", ("7", 5, -1): "7b5", ("7", 9, -1): "7b9", ("7", 9, 1): "7#9", ("7", 9, 0): "9",
    ("sus4", 7, 0): "7sus4", ("sus4", 7, -1): "7sus4", ("", 9, 0): "add9", ("m", 9, 0): "madd9", ("m7", 5, -1): "m7b5",
    ("", 6, 0): "6", ("m", 6, 0): "m6",
}  # fmt: skip
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_SIGNS = {"sharp": "#", "flat": "b", "natural": "n", "slash": "#", "cross": "#", "back-slash": "#", "vertical": "#"}


def chord_symbol(harmony: Element, transposition: int = 0) -> str:
    """Name a `<harmony>` as chord tones are typed, at sounding pitch: `Am7/C`; `.` if it is no chord.

    Of degrees added or altered, one that makes a usual chord counts. It is empty if the root isn't named.

    Args:
        harmony: The element.
        transposition: Semitones from written to sounding pitch.
    """
    root = _pitch_class(harmony, "root", transposition)
    kind = harmony.findtext("kind", "major").strip()
    if kind == "none":
        return "."
    if root is None:
        return ""
    bass = _pitch_class(harmony, "bass", transposition)
    quality = _KINDS.get(kind, "")
    for degree in harmony.iterfind("degree"):
        value, alter = ordinal(degree.findtext("degree-value", "")), degree.findtext("degree-alter", "").strip() or "0"
        quality = _DEGREES.get((quality, value, int(decimal(alter, "degree-alter"))), quality)
    return f"{root}{quality}" + (f"/{bass}" if bass else "")


def transposed(symbol: str, semitones: int) -> str:
    """Transpose a chord symbol.

    >>> transposed("F#m7/E", 2), transposed(".", 2)
    ('Abm7/F#', '.')
    """

    def moved(name: re.Match[str]) -> str:
        return _NAMES[(STEPS[name[1]] + {"#": 1, "b": -1, "": 0}[name[2]] + semitones) % 12]

    return re.sub(r"(?<![^/])([A-G])([#b]?)", moved, symbol)


def _pitch_class(harmony: Element, which: str, transposition: int) -> str | None:
    step = STEPS.get(harmony.findtext(f"{which}/{which}-step", "").strip().upper())
    if step is None:
        return None
    alter = harmony.findtext(f"{which}/{which}-alter", "").strip()
    return _NAMES[(step + round(decimal(alter, f"{which}-alter") if alter else 0) + transposition) % 12]


def figures(figured_bass: Element) -> str:
    """Write the figures of a `<figured-bass>` as they are typed, from the top down: `6,#4`."""
    written = []
    for figure in figured_bass.iterfind("figure"):
        number = ordinal(figure.findtext("figure-number", ""))
        signs = [_SIGNS.get(figure.findtext(tag, "").strip(), "") for tag in ("prefix", "suffix")]
        written.append((signs[0] or signs[1]) + (str(number) if number else ""))
    return ",".join(filter(None, written)) or "."
