"""Times within the measures of a MusicXML tree."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring

from bachlit.music.chorale import FRAMES_PER_QUARTER
from bachlit.scores.writing.durations import FINER, VALUES

# Elements of a note before its type.
_BEFORE_TYPE = (
    "grace", "chord", "cue", "pitch", "unpitched", "rest", "duration", "tie", "instrument", "footnote", "level",
    "voice",
)  # fmt: skip


_BEFORE_CLEF = ("footnote", "level", "divisions", "key", "time", "staves", "part-symbol", "instruments")
_CLEF = "<clef><sign>{}</sign><line>{}</line></clef>"


class Placed(NamedTuple):
    """Element of a measure with its time.

    Attributes:
        element: A child of the measure.
        onset: Quarters from the measure's beginning; of a chord's further notes, the chord's.
        length: Quarters that it takes, negative for a backup; 0 for what takes no time, such as grace notes.
        divisions: What its durations count a quarter as.
    """

    element: Element
    onset: Fraction
    length: Fraction
    divisions: Fraction


class PlacedMeasure(NamedTuple):
    """Measure with its children in order and their times.

    Attributes:
        element: The measure.
        children: Its children.
        end: Quarters at which its last child ends.
    """

    element: Element
    children: list[Placed]
    end: Fraction


def placed_measures(part: Element) -> Iterator[PlacedMeasure]:
    """Yield the measures of a part with their children's times.

    A part's first `<divisions>` hold from its beginning, also where notes stand before them.

    >>> from xml.etree.ElementTree import fromstring
    >>> note = "<note><rest/><duration>1</duration></note>"
    >>> late = "<attributes><divisions>2</divisions></attributes>"
    >>> part = fromstring(f"<part><measure>{note * 2}{late}</measure></part>")
    >>> [str(child.onset) for child in next(placed_measures(part)).children]
    ['0', '1/2', '1']
    """
    divisions = number(part.findtext("measure/attributes/divisions", "")) or Fraction(1)
    for measure in part.iterfind("measure"):
        children = []
        now = before = Fraction(0)
        for child in measure:
            divisions = number(child.findtext("divisions", "")) or divisions
            takes = number(child.findtext("duration", "")) / divisions
            if child.tag not in ("note", "forward", "backup") or child.find("grace") is not None:
                takes = Fraction(0)
            if child.tag == "backup":
                takes = -min(takes, now)
            if child.tag == "note" and child.find("chord") is not None:
                children.append(Placed(child, before, takes, divisions))
                continue
            children.append(Placed(child, now, takes, divisions))
            before = now if child.tag == "note" else before
            now += takes
        yield PlacedMeasure(measure, children, now)


def add_note_types(root: Element) -> None:
    """Add the values of notes that state only a duration, in place: engravers draw note heads by them.

    Args:
        root: A score-partwise document.
    """
    for part in root.iterfind("part"):
        for measure in placed_measures(part):
            for note, _, length, _ in measure.children:
                value = _value(length) if note.tag == "note" and note.find("type") is None else None
                rest = note.find("rest")
                if value is None or (rest is not None and rest.get("measure") == "yes"):
                    continue
                place = sum(child.tag in _BEFORE_TYPE for child in note)
                for _ in range(value[1]):
                    note.insert(place, Element("dot"))
                note.insert(place, SubElement(Element("note"), "type"))
                note[place].text = value[0]


def add_clefs(root: Element) -> None:
    """Add a clef to parts that state none, in place: treble, or bass if they are low.

    Args:
        root: A score-partwise document.
    """
    for part in root.iterfind("part"):
        first = part.find("measure")
        if first is None or part.find("measure/attributes/clef") is not None:
            continue
        octaves = [int(number(octave.text or "")) for octave in part.iterfind("measure/note/pitch/octave")]
        low = bool(octaves) and sum(octaves) < 3.5 * len(octaves)
        attributes = first.find("attributes")
        if attributes is None:
            attributes = Element("attributes")
            first.insert(0, attributes)
        place = sum(child.tag in _BEFORE_CLEF for child in attributes)
        attributes.insert(place, fromstring(_CLEF.format(*(("F", 4) if low else ("G", 2)))))


def _value(quarters: Fraction) -> tuple[str, int] | None:
    """Name and dots of a length; None if it is no single value."""
    frames = quarters * FRAMES_PER_QUARTER
    return VALUES.get(int(frames)) if frames.denominator == 1 else FINER.get(frames)


def number(text: str) -> Fraction:
    """Parse a positive number; 0 if it is none, or too long to be a duration."""
    return Fraction(text.strip()) if re.fullmatch(r"\s*\d{1,15}(\.\d{1,9})?\s*", text) else Fraction(0)
