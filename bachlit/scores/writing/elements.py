"""Symbols -> MusicXML elements: notes and rests, with the accidentals to print."""

from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.chorale import FRAMES_PER_QUARTER
from bachlit.music.keys import alteration
from bachlit.scores.writing.durations import value_of
from bachlit.scores.writing.notation import Symbol

ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
"""Names of accidentals by their alteration in semitones."""


def add_text(parent: Element, tag: str, text: str | int) -> None:
    """Add an element that holds a text."""
    SubElement(parent, tag).text = str(text)


def accidentals_of(symbols: Sequence[Symbol], fifths: int) -> list[str | None]:
    """Accidentals to print before the symbols of a measure, in order of time; of one voice or several on a staff.

    A note tied to the one before needs none. After an altered note tied over the bar line the next note on its line or
    space needs one: the old accidental no longer holds, but readers remember it.

    Args:
        symbols: Notes and rests of a measure, in order of time.
        fifths: The key signature.
    """
    accidentals: list[str | None] = []
    in_force: dict[tuple[str, int], int | None] = {}
    for symbol in symbols:
        accidentals.append(None)
        if symbol.spelling is None:
            continue
        step, alter, octave = symbol.spelling
        signature = alteration(step, fifths)
        if symbol.tied_back:
            if symbol.position == symbols[0].position and alter != signature:
                in_force[step, octave] = None
        elif in_force.get((step, octave), signature) != alter:
            accidentals[-1] = ACCIDENTALS[alter]
            in_force[step, octave] = alter
    return accidentals


def note_element(
    symbol: Symbol,
    *,
    accidental: str | None = None,
    divisions: int = FRAMES_PER_QUARTER,
    voice: int = 1,
    chord: bool = False,
) -> Element:
    """Make a `<note>`; the order of its children is the schema's.

    Args:
        symbol: A note or rest.
        accidental: To print before it, such as "sharp".
        divisions: Of a quarter, in the part; the symbol's length must be a multiple.
        voice: Number of the voice.
        chord: Sounds with the note before.

    Raises:
        ValueError: If the divisions don't hold its length.

    >>> from bachlit.scores.writing.spelling import Spelling
    >>> note = note_element(Symbol(spelling=Spelling("F", 1, 4), position=0, length=6))
    >>> note.findtext("pitch/step"), note.findtext("duration"), note.findtext("type"), len(note.findall("dot"))
    ('F', '6', 'quarter', 1)
    """
    note = Element("note")
    if chord:
        SubElement(note, "chord")
    if symbol.spelling is None:
        SubElement(note, "rest", {"measure": "yes"} if symbol.fills_measure else {})
    else:
        pitch = SubElement(note, "pitch")
        step, alter, octave = symbol.spelling
        add_text(pitch, "step", step)
        if alter or symbol.tied_back or symbol.tied_on:  # music21 joins a natural's tie only if both ends have it
            add_text(pitch, "alter", alter)
        add_text(pitch, "octave", octave)
    add_text(note, "duration", _duration(symbol, divisions))
    for tie in _ties(symbol):
        SubElement(note, "tie", type=tie)
    add_text(note, "voice", voice)
    if not symbol.fills_measure:
        value, dots = value_of(symbol.value)
        add_text(note, "type", value)
        for _ in range(dots):
            SubElement(note, "dot")
    if accidental:
        add_text(note, "accidental", accidental)
    if symbol.tuplet:
        modification = SubElement(note, "time-modification")
        add_text(modification, "actual-notes", symbol.tuplet.actual)
        add_text(modification, "normal-notes", symbol.tuplet.normal)
    if not chord:
        for number, beam in enumerate(symbol.beams, start=1):
            SubElement(note, "beam", number=str(number)).text = beam
    _add_notations(note, symbol, chord=chord)
    return note


def _duration(symbol: Symbol, divisions: int) -> int:
    duration = Fraction(symbol.length * divisions, FRAMES_PER_QUARTER)
    if duration.denominator != 1:
        raise ValueError(f"divisions of {divisions} don't hold {symbol.length} sixteenths")
    return int(duration)


def _ties(symbol: Symbol) -> list[str]:
    return ["stop"] * symbol.tied_back + ["start"] * symbol.tied_on


def _add_notations(note: Element, symbol: Symbol, *, chord: bool) -> None:
    bracketed = symbol.tuplet is not None and (symbol.tuplet.begins or symbol.tuplet.ends) and not chord
    if not (symbol.tied_back or symbol.tied_on or symbol.fermata or bracketed):
        return
    notations = SubElement(note, "notations")
    for tie in _ties(symbol):
        SubElement(notations, "tied", type=tie)
    if symbol.tuplet is not None and bracketed:
        for kind, here in (("start", symbol.tuplet.begins), ("stop", symbol.tuplet.ends)):
            if here:
                SubElement(notations, "tuplet", type=kind)
    if symbol.fermata:
        SubElement(notations, "fermata", type="upright")
