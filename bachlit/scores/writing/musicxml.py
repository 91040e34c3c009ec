"""Chorale -> MusicXML 4.0, one part per voice."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement, fromstring

from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale, Voice
from bachlit.music.keys import Key, alteration
from bachlit.music.notes import measures_of
from bachlit.scores.writing.durations import VALUES
from bachlit.scores.writing.notation import Symbol, write_voice

_QUARTERS_PER_MINUTE = 80
_CHOIR_AAHS = 53  # General MIDI, counted from 1 as in MusicXML

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
"""
_TREBLE = "<clef><sign>G</sign><line>2</line></clef>"
_CLEFS: dict[Voice, str] = {
    "soprano": _TREBLE,
    "alto": _TREBLE,
    "tenor": _TREBLE.replace("</clef>", "<clef-octave-change>-1</clef-octave-change></clef>"),
    "bass": "<clef><sign>F</sign><line>4</line></clef>",
}
ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_musicxml(chorale: Chorale, *, voices: Sequence[Voice] = VOICES) -> str:
    """Make a MusicXML document of a chorale, to be saved as UTF-8.

    The same chorale always gives the same text: there is no date in it.

    Args:
        chorale: The music.
        voices: Voices to write, from the top down, one staff each.

    >>> score = to_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 4), voices=("soprano",))
    >>> score.count("<note>"), "<part-name>Soprano</part-name>" in score
    (1, True)
    """
    root = Element("score-partwise", version="4.0")
    if title := one_line(chorale.title):
        _text(SubElement(root, "work"), "work-title", title)
    encoding = SubElement(SubElement(root, "identification"), "encoding")
    _text(encoding, "software", "bachlit")
    for element in ("accidental", "beam"):
        SubElement(encoding, "supports", element=element, type="yes")
    root.append(_part_list(voices))
    for number, voice in enumerate(voices, start=1):
        _add_part(root, f"P{number}", chorale, voice, conducts=number == 1)
    ElementTree.indent(root)
    return _HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


def one_line(title: str) -> str:
    r"""Put a title on one line, without characters that XML forbids.

    >>> one_line("Ein feste\x01\n Burg")
    'Ein feste Burg'
    """
    return " ".join(_NOT_XML.sub("", title).split())


def _text(parent: Element, tag: str, text: str | int) -> None:
    SubElement(parent, tag).text = str(text)


def _part_list(voices: Sequence[Voice]) -> Element:
    parts = [
        f'<score-part id="P{number}"><part-name>{voice.capitalize()}</part-name>'
        f"<part-abbreviation>{voice[0].upper()}.</part-abbreviation>"
        f'<score-instrument id="P{number}-I1"><instrument-name>{voice.capitalize()}</instrument-name>'
        "</score-instrument>"
        f'<midi-instrument id="P{number}-I1"><midi-channel>{number}</midi-channel>'
        f"<midi-program>{_CHOIR_AAHS}</midi-program></midi-instrument></score-part>"
        for number, voice in enumerate(voices, start=1)
    ]
    if len(voices) > 1:  # a bracket without joined bar lines, as in choral scores
        bracket = "<group-symbol>bracket</group-symbol><group-barline>no</group-barline>"
        parts.insert(0, f'<part-group number="1" type="start">{bracket}</part-group>')
        parts.append('<part-group number="1" type="stop" />')
    return fromstring(f"<part-list>{''.join(parts)}</part-list>")


def _add_part(root: Element, name: str, chorale: Chorale, voice: Voice, *, conducts: bool) -> None:
    part = SubElement(root, "part", id=name)
    measures = measures_of(chorale)
    for measure, symbols in zip(measures, write_voice(chorale, voice), strict=True):
        pickup = {"implicit": "yes"} if measure.position else {}
        element = SubElement(part, "measure", {"number": str(measure.number), **pickup})
        if measure is measures[0]:
            element.append(_attributes(chorale, voice))
            if conducts:
                SubElement(element, "sound", tempo=str(_QUARTERS_PER_MINUTE))
        for symbol, accidental in zip(symbols, _accidentals(symbols, chorale.key), strict=True):
            _add_note(element, symbol, accidental)
        if measure is measures[-1]:
            _text(SubElement(element, "barline", location="right"), "bar-style", "light-heavy")


def _attributes(chorale: Chorale, voice: Voice) -> Element:
    key, (beats, beat_type) = chorale.key, chorale.time_signature
    return fromstring(
        f"<attributes><divisions>{FRAMES_PER_QUARTER}</divisions>"
        f"<key><fifths>{key.fifths}</fifths><mode>{key.mode}</mode></key>"
        f"<time><beats>{beats}</beats><beat-type>{beat_type}</beat-type></time>{_CLEFS[voice]}</attributes>"
    )


def _accidentals(symbols: list[Symbol], key: Key) -> list[str | None]:
    """Accidentals to print before the symbols of a measure.

    A note tied to the one before needs none. After an altered note tied over the bar line the next note on its line or
    space needs one: the old accidental no longer holds, but readers remember it.
    """
    accidentals: list[str | None] = []
    in_force: dict[tuple[str, int], int | None] = {}
    for index, symbol in enumerate(symbols):
        accidentals.append(None)
        if symbol.spelling is None:
            continue
        step, alter, octave = symbol.spelling
        signature = alteration(step, key.fifths)
        if symbol.tied_back:
            if index == 0 and alter != signature:
                in_force[step, octave] = None
        elif in_force.get((step, octave), signature) != alter:
            accidentals[-1] = ACCIDENTALS[alter]
            in_force[step, octave] = alter
    return accidentals


def _add_note(measure: Element, symbol: Symbol, accidental: str | None) -> None:
    """Add a note or rest; the order of its children is the schema's."""
    note = SubElement(measure, "note")
    if symbol.spelling is None:
        SubElement(note, "rest", {"measure": "yes"} if symbol.fills_measure else {})
    else:
        pitch = SubElement(note, "pitch")
        step, alter, octave = symbol.spelling
        _text(pitch, "step", step)
        if alter or symbol.tied_back or symbol.tied_on:  # music21 joins a natural's tie only if both ends have it
            _text(pitch, "alter", alter)
        _text(pitch, "octave", octave)
    _text(note, "duration", symbol.length)
    ties = ["stop"] * symbol.tied_back + ["start"] * symbol.tied_on
    for tie in ties:
        SubElement(note, "tie", type=tie)
    _text(note, "voice", 1)
    if not symbol.fills_measure:
        value, dots = VALUES[symbol.length]
        _text(note, "type", value)
        for _ in range(dots):
            SubElement(note, "dot")
    if accidental:
        _text(note, "accidental", accidental)
    for number, beam in enumerate(symbol.beams, start=1):
        SubElement(note, "beam", number=str(number)).text = beam
    if ties or symbol.fermata:
        notations = SubElement(note, "notations")
        for tie in ties:
            SubElement(notations, "tied", type=tie)
        if symbol.fermata:
            SubElement(notations, "fermata", type="upright")
