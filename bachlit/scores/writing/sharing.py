"""Two voices of one staff: stems, and what they share."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.keys import FIFTHS, alteration
from bachlit.scores.writing.elements import ACCIDENTALS
from bachlit.scores.writing.placing import Placed

# Elements of a note after its stem, in the schema's order.
_AFTER_STEM = ("notehead", "notehead-text", "staff", "beam", "notations", "lyric", "play", "listen")
_AFTER_VOICE = ("type", "dot", "accidental", "time-modification", "stem", *_AFTER_STEM)
_AFTER_ACCIDENTAL = ("time-modification", "stem", *_AFTER_STEM)


class Line(NamedTuple):
    """Place of a voice on its staff."""

    voice: int  # its number; further voices of its part follow by twos
    stem: str
    orientation: str
    fermata: str


UPPER, LOWER = Line(1, "up", "over", "upright"), Line(2, "down", "under", "inverted")


def dress(note: Element, line: Line, voices: dict[str, int]) -> None:
    """Give a note its voice's number, stem and curves."""
    for tag in ("instrument", "staff"):
        for child in note.findall(tag):
            note.remove(child)
    voice = note.find("voice")
    typed = "1" if voice is None else (voice.text or "1").strip()
    if voice is None:
        voice = Element("voice")
        insert(note, voice, _AFTER_VOICE)
    voice.text = str(voices.setdefault(typed, line.voice + 2 * len(voices)))
    stem = note.find("stem")
    if note.find("rest") is None and (stem is None or stem.text != "none"):
        if stem is not None:
            note.remove(stem)
        stem = Element("stem")
        stem.text = line.stem
        insert(note, stem, _AFTER_STEM)
    for curve in (*note.iterfind("notations/tied"), *note.iterfind("notations/slur")):
        if curve.get("type") == "start":
            curve.set("orientation", line.orientation)
            curve.attrib.pop("placement", None)
    for fermata in note.iterfind("notations/fermata"):
        fermata.set("type", line.fermata)


def share_rests(upper: Sequence[Placed], lower: Sequence[Placed], middle: tuple[str, int]) -> None:
    """Print a rest of both voices once, in the middle of the staff."""
    rests = {(note.onset, note.length): rest for note in upper if (rest := note.element.find("rest")) is not None}
    for note in lower:
        shared = rests.get((note.onset, note.length))
        if note.element.find("rest") is not None and shared is not None:
            note.element.set("print-object", "no")
            if not len(shared):
                step, octave = middle
                SubElement(shared, "display-step").text = step
                SubElement(shared, "display-octave").text = str(octave)


def share_fermatas(kept: Sequence[Placed], other: Sequence[Placed]) -> None:
    """Leave out the fermatas of a voice where the other voice of its staff has one."""
    ends = {note.onset + note.length for note in kept if note.element.find("notations/fermata") is not None}
    for note in other:
        notations = note.element.find("notations")
        if notations is not None and note.onset + note.length in ends:
            for fermata in notations.findall("fermata"):
                notations.remove(fermata)
            if not len(notations):
                note.element.remove(notations)


def add_accidentals(children: Sequence[Placed], fifths: int) -> int:
    """Add accidentals that notes of one voice need after the other's, and leave out those of unisons.

    Args:
        children: Both voices' elements of a measure.
        fifths: Key signature at its beginning.

    Returns:
        The key signature at its end.
    """
    in_force: dict[tuple[str, int], int] = {}
    printed: set[tuple[Fraction, str, int]] = set()
    for child in sorted(children, key=lambda child: child.onset):
        note = child.element
        if (signature := note.findtext("key/fifths", "").strip()).lstrip("+-").isdecimal():
            fifths = int(signature)
        step, alter, octave = (note.findtext(f"pitch/{tag}", "0").strip() for tag in ("step", "alter", "octave"))
        if step not in FIFTHS or not octave.isdecimal() or not alter.lstrip("+-").isdecimal():
            continue
        line, place = (step, int(octave)), (child.onset, step, int(octave))
        accidental = note.find("accidental")
        tied_back = any(tie.get("type") == "stop" for tie in note.iterfind("tie"))
        if accidental is not None:
            if place in printed and in_force.get(line) == int(alter) and note.find("pitch/alter") is not None:
                note.remove(accidental)
        elif not tied_back and in_force.get(line, alteration(step, fifths)) != int(alter) and int(alter) in ACCIDENTALS:
            accidental = Element("accidental")
            accidental.text = ACCIDENTALS[int(alter)]
            insert(note, accidental, _AFTER_ACCIDENTAL)
        if accidental is not None:
            printed.add(place)
        if accidental is not None or not tied_back:
            in_force[line] = int(alter)
    return fifths


def insert(parent: Element, child: Element, after: Sequence[str]) -> None:
    """Insert an element before those that come after it in the schema."""
    index = next((index for index, other in enumerate(parent) if other.tag in after), len(parent))
    parent.insert(index, child)
