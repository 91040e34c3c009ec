"""Voices of a chorale -> MusicXML parts."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from xml.etree.ElementTree import Element, SubElement, fromstring

from bachlit.music.chorale import FRAMES_PER_QUARTER, Chorale, Voice
from bachlit.scores.writing.elements import accidentals_of, note_element
from bachlit.scores.writing.frame import MeasureFrame, attributes_of, divisions_element
from bachlit.scores.writing.notation import Symbol, write_voice

_MOST_DIVISIONS = 10_080  # of a quarter, in parts with measures finer than sixteenths

_TREBLE = "<clef><sign>G</sign><line>2</line></clef>"
_CLEFS: dict[Voice, str] = {
    "soprano": _TREBLE,
    "alto": _TREBLE,
    "tenor": _TREBLE.replace("</clef>", "<clef-octave-change>-1</clef-octave-change></clef>"),
    "bass": "<clef><sign>F</sign><line>4</line></clef>",
}


def new_part(chorale: Chorale, voice: Voice, frames: Sequence[MeasureFrame]) -> Element:
    """Write a voice as a `<part>`, at concert pitch.

    Args:
        chorale: The music.
        voice: Which voice.
        frames: What the measures have besides notes.
    """
    part = Element("part")
    divisions = divisions_for(frames)
    for index, (frame, symbols) in enumerate(zip(frames, write_voice(chorale, voice), strict=True)):
        measure = SubElement(part, "measure", frame.attributes)
        measure.extend(frame.left)
        notes = note_elements(symbols, frame, divisions)
        beginning = [element for time, element in frame.signatures if time == 0]
        if index == 0:
            beginning += [divisions_element(divisions), fromstring(_CLEFS[voice])]
        if beginning:
            measure.append(attributes_of(*beginning))
        later = [(time, element) for time, element in frame.signatures if time > 0]
        for time, note in notes:
            while later and later[0][0] <= time:
                measure.append(attributes_of(later.pop(0)[1]))
            measure.append(note)
        measure.extend(attributes_of(element) for _, element in later)
        measure.extend(frame.right)
    return part


def divisions_for(frames: Sequence[MeasureFrame]) -> int:
    """Divisions of a quarter that hold sixteenths, and the lengths of all measures."""
    needed = lcm(*(frame.length.denominator for frame in frames))
    return FRAMES_PER_QUARTER * (needed if needed * FRAMES_PER_QUARTER <= _MOST_DIVISIONS else 1)


def note_elements(symbols: Sequence[Symbol], frame: MeasureFrame, divisions: int) -> list[tuple[Fraction, Element]]:
    """Write the notes and rests of a measure, each with its time in it.

    In a measure that isn't a whole number of sixteenths the last one is longer or shorter by the rest.
    """
    accidentals = accidentals_of(symbols, frame.fifths)
    notes = []
    now = Fraction(0)
    for symbol, accidental in zip(symbols, accidentals, strict=True):
        notes.append((now, note_element(symbol, accidental=accidental, divisions=divisions)))
        now += Fraction(symbol.length)
    if notes and now != frame.length:
        _stretch(notes[-1][1], (frame.length - now) * divisions / FRAMES_PER_QUARTER)
    return notes


def _stretch(note: Element, divisions: Fraction) -> None:
    """Change a note's duration; its value is then left to the reader."""
    duration = note.find("duration")
    assert duration is not None
    duration.text = str(max(1, round(int(duration.text or 0) + divisions)))
    for tag in ("type", "dot", "beam"):
        for child in note.findall(tag):
            note.remove(child)
