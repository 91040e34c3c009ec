"""Notes, chords and rests of ABC -> `<note>` elements."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.scores.reading.abc.bars import Head, Sound
from bachlit.scores.reading.abc.values import Value, flags, note_values, ratio_of
from bachlit.scores.reading.abc.words import Lyric

_OCTAVES = range(10)  # that MusicXML has
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


class Piece(NamedTuple):
    """One of the tied values of a sound.

    Attributes:
        value: As drawn.
        ratio: Notes of a tuplet (actual, normal).
        length: Time that it takes, in whole notes.
        first, last: Its place among the sound's pieces.
    """

    value: Value
    ratio: tuple[int, int]
    length: Fraction
    first: bool
    last: bool


def pieces_of(sound: Sound) -> list[Piece]:
    """Divide a sound into values: one, or several where none has its length."""
    if sound.fills:
        return [Piece(Value("", 0, sound.written), (1, 1), sound.length, True, True)]
    actual, normal = ratio_of(sound.written)
    ratio = sound.ratio[0] * actual, sound.ratio[1] * normal
    values = note_values(sound.written * actual / normal)
    return [
        Piece(value, ratio, value.length * ratio[1] / ratio[0], index == 0, index == len(values) - 1)
        for index, value in enumerate(values)
    ]


def add_sound(
    measure: Element, sound: Sound, *, layer: int, higher: int, divisions: int, beams: Sequence[str] = ()
) -> None:
    """Add the notes of a sound to a measure: one per value and head.

    Args:
        measure: `<measure>`.
        sound: Note, chord or rest.
        layer: Number of its voice.
        higher: Octaves from the notes of ABC to those on the staff.
        divisions: Of a quarter.
        beams: From eighths down.

    Raises:
        ValueError: If a note is in an octave that MusicXML doesn't have.
    """
    pieces = pieces_of(sound)
    for piece in pieces:
        for place, head in enumerate(sound.heads or [None]):
            note = SubElement(measure, "note", {"print-object": "no"} if sound.hidden else {})
            if sound.grace:
                SubElement(note, "grace", {"slash": "yes"} if sound.slashed else {})
            if place:
                SubElement(note, "chord")
            _add_pitch(note, head, sound, higher)
            if not sound.grace:
                SubElement(note, "duration").text = str(int(piece.length * 4 * divisions))
            ties = _ties(head, piece)
            for tie in ties:
                SubElement(note, "tie", type=tie)
            SubElement(note, "voice").text = str(layer)
            _add_value(note, piece, grace=sound.grace, accidental=_accidental(head, sound, piece))
            if not place and len(pieces) == 1:
                for number, beam in enumerate(beams, start=1):
                    SubElement(note, "beam", number=str(number)).text = beam
            _add_notations(note, ties, None if place else sound, piece)
            if not place and piece.first:
                for verse, lyric in sorted(sound.words.items()):
                    _add_lyric(note, verse, lyric)


def _add_pitch(note: Element, head: Head | None, sound: Sound, higher: int) -> None:
    if head is None:
        SubElement(note, "rest", {"measure": "yes"} if sound.fills else {})
        return
    octave = head.octave + higher
    if octave not in _OCTAVES:
        raise ValueError(f"a note of it is in octave {octave}")
    pitch = SubElement(note, "unpitched" if sound.unpitched else "pitch")
    name = "display-" if sound.unpitched else ""
    SubElement(pitch, f"{name}step").text = head.step
    if head.alter and not sound.unpitched:
        SubElement(pitch, "alter").text = str(head.alter)
    SubElement(pitch, f"{name}octave").text = str(octave)


def _ties(head: Head | None, piece: Piece) -> list[str]:
    if head is None:
        return []
    return ["stop"] * (head.tied_back or not piece.first) + ["start"] * (head.tied_on or not piece.last)


def _accidental(head: Head | None, sound: Sound, piece: Piece) -> str:
    """Accidental that is drawn; empty if none is."""
    return _ACCIDENTALS[head.alter] if head is not None and head.shown and piece.first and not sound.unpitched else ""


def _add_value(note: Element, piece: Piece, *, grace: bool, accidental: str) -> None:
    """Add type, dots, accidental and a tuplet's ratio."""
    if piece.value.type:
        SubElement(note, "type").text = piece.value.type
    for _ in range(piece.value.dots):
        SubElement(note, "dot")
    if accidental:
        SubElement(note, "accidental").text = accidental
    if piece.ratio[0] != piece.ratio[1] and not grace:
        modification = SubElement(note, "time-modification")
        SubElement(modification, "actual-notes").text = str(piece.ratio[0])
        SubElement(modification, "normal-notes").text = str(piece.ratio[1])


def _add_notations(note: Element, ties: Sequence[str], sound: Sound | None, piece: Piece) -> None:
    """Add ties, and at the first head of a sound its slurs, brackets and decorations."""
    notations = Element("notations")
    for tie in ties:
        SubElement(notations, "tied", type=tie)
    if sound is not None:
        for number, kind, dotted in sound.slurs:
            if piece.first if kind == "start" else piece.last:
                style = {"line-type": "dotted"} if dotted else {}
                SubElement(notations, "slur", {"number": str(number), "type": kind} | style)
        for kind in sound.tuplet:
            if piece.first if kind == "start" else piece.last:
                SubElement(notations, "tuplet", type=kind)
        if piece.first:
            for write in sound.marks:
                write(notations)
    if len(notations):
        note.append(notations)


def _add_lyric(note: Element, verse: int, lyric: Lyric) -> None:
    element = SubElement(note, "lyric", number=str(verse))
    SubElement(element, "syllabic").text = lyric.syllabic
    SubElement(element, "text").text = lyric.text
    if lyric.extended:
        SubElement(element, "extend")


def beams_of(sounds: Sequence[Sound]) -> dict[int, list[str]]:
    """Beams of a layer's notes, by their identity: those shorter than a quarter without a space between them."""
    groups: list[list[tuple[int, int]]] = [[]]  # identity and number of beams
    for sound in sounds:
        values = note_values(sound.written)
        num_beams = flags(values[0].type) if len(values) == 1 and sound.heads else 0
        if not sound.joined or not num_beams:
            groups.append([])
        if num_beams:
            groups[-1].append((id(sound), num_beams))
    beams: dict[int, list[str]] = {}
    for group in groups:
        if len(group) > 1:
            for index, (identity, num_beams) in enumerate(group):
                before = group[index - 1][1] if index else 0
                after = group[index + 1][1] if index + 1 < len(group) else 0
                beams[identity] = [_beam(level, before, after) for level in range(1, num_beams + 1)]
    return beams


def _beam(level: int, before: int, after: int) -> str:
    """Kind of a beam, by the numbers of beams of the notes beside it."""
    if level <= before:
        return "continue" if level <= after else "end"
    return "begin" if level <= after else "backward hook" if before else "forward hook"
