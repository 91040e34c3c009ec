"""Marked score: a chorale's own score with some notes coloured and labelled."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.errors import ChoraleError, OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale, Voice
from bachlit.scores.reading.musicxml import read_tree
from bachlit.scores.reading.notes import Span, sung_notes
from bachlit.scores.reading.signs import signs_of
from bachlit.scores.source import GivenPart, ScoreSource, SungNote, changed_measures, source_of
from bachlit.scores.writing.elements import add_text
from bachlit.scores.writing.musicxml import add_kept_parts, as_text, document_of, one_line, retitle
from bachlit.scores.writing.placing import placed_measures
from bachlit.scores.writing.sharing import insert
from bachlit.scores.writing.transposing import transpose_part

# Elements of a note after the shape of its head.
_AFTER_SHAPE = ("notehead-text", "staff", "beam", "notations", "lyric", "play", "listen")
_BLANK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Mark:
    """Colour and label of a note.

    Attributes:
        frame: Where the note sounds, in sixteenths from the beginning.
        voice: 0 soprano, 1 alto, 2 tenor, 3 bass.
        colour: As in HTML, such as "#D55E00".
        label: A few letters beside the note; empty for none.

    Raises:
        OptionError: If there is no such voice or colour, or the label means a jump, such as Fine.
    """

    frame: int
    voice: int
    colour: str
    label: str = ""

    def __post_init__(self) -> None:
        """Check voice, colour and label."""
        if not re.fullmatch("#[0-9A-Fa-f]{6}", self.colour):
            raise OptionError(
                f"There is no colour {self.colour[:20]!r}; expected # and six hexadecimal digits, such as #D55E00; "
                "correct it."
            )
        if not 0 <= self.voice < len(VOICES):
            raise OptionError(f"There is no voice {self.voice}; expected 0 (soprano) to 3 (bass); correct it.")
        measure = Element("measure")
        measure.append(_direction(self.label, self.colour, "above"))
        if any(signs_of(measure)):
            raise OptionError(
                f"The label {self.label[:20]!r} means a jump in a score; expected a plain text; choose another."
            )


def marked_musicxml(chorale: Chorale, marks: Sequence[Mark]) -> bytes:
    """Write a chorale's own score with some notes coloured and labelled.

    A chorale that was read from a score gets that score back whole, element for element, in its layout and with parts
    that are no voice; only colours of note heads and labels are added. If its notes have changed since, or it has no
    score, it is written as by `to_musicxml`.

    All heads of a tied note are coloured. Labels stand above the head that sounds at the mark's frame, or below if the
    note is the lower one of two voices on a staff. Of several marks of a note the first gives the colour.

    Args:
        chorale: The music.
        marks: Notes to mark.

    Returns:
        A MusicXML document in UTF-8.

    Raises:
        ChoraleError: If a mark is at a rest, or after the end.

    >>> chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 4)
    >>> score = marked_musicxml(chorale, [Mark(0, 3, "#D55E00", "8"), Mark(2, 3, "#0072B2", "5")]).decode()
    >>> score.count('<notehead color="#D55E00">normal</notehead>'), 'font-weight="bold">8, 5</words>' in score
    (1, True)
    """
    root, voices = own_score(chorale)
    parts = root.findall("part")
    heads = {place: _heads(parts[place], chorale) for place in {given.place for given in voices.values()}}
    colours: dict[Element, str] = {}
    labels: dict[tuple[Voice, _Head], list[str]] = {}
    for mark in marks:
        voice = VOICES[mark.voice]
        written = [heads[voices[voice].place][index] for index in _note_at(voices[voice].notes, mark).heads]
        for head in written:
            colours.setdefault(head.note, mark.colour)
        here = [head for head in written if head.start <= mark.frame]
        texts = labels.setdefault((voice, (here or written)[-1]), [])
        if (text := one_line(mark.label)) and text not in texts:
            texts.append(text)
    for (voice, head), texts in labels.items():
        if texts:
            _label(head, ", ".join(texts), colours[head.note], "below" if _is_lower(voice, voices) else "above")
    for note, colour in colours.items():
        _paint(note, colour)
    return as_text(root).encode()


class _Head(NamedTuple):
    """Note head: a `<note>` with its measure and the frame at which it begins."""

    note: Element
    measure: Element
    start: int


def own_score(chorale: Chorale) -> tuple[Element, Mapping[Voice, GivenPart]]:
    """Copy the score of a chorale, or write it if it has other notes, and find its voices there.

    Returns:
        A document that may be changed, and where each voice stands in it.
    """
    source = source_of(chorale)
    if source is None or not all(_is_source_s(chorale, source, voice) for voice in VOICES):
        root = document_of(chorale)
        add_kept_parts(root, chorale)
        return root, voices_in(root, chorale)
    root = copy.deepcopy(source.document)
    if chorale.title != source.title:
        retitle(root, chorale.title)
    if source.semitones:
        for part in root.iterfind("part"):
            transpose_part(part, source.semitones)
    return root, {voice: _moved(part, source.semitones) for voice, part in source.voices.items()}


def _moved(part: GivenPart, semitones: int) -> GivenPart:
    return replace(part, notes=[note._replace(pitch=note.pitch + semitones) for note in part.notes])


def _is_source_s(chorale: Chorale, source: ScoreSource, voice: Voice) -> bool:
    return voice in source.voices and not changed_measures(chorale, source, voice)


def voices_in(root: Element, chorale: Chorale, voices: Sequence[Voice] = VOICES) -> dict[Voice, GivenPart]:
    """Find the voices of a chorale's document: one part each, before all others.

    Args:
        root: From `document_of`.
        chorale: The music.
        voices: Those that were written.
    """
    source = source_of(chorale)
    lengths = [Fraction(bar.length) for bar in chorale.measures] if source is None else source.lengths
    spans = [Span(bar.start, bar.length, length) for bar, length in zip(chorale.measures, lengths, strict=True)]
    return {
        voice: GivenPart(part.place, "", None, sung_notes(part, spans, voice, tune=True)[0])
        for voice, part in zip(voices, read_tree(root).parts, strict=False)
    }


def _heads(part: Element, chorale: Chorale) -> list[_Head]:
    """List the notes of a part, rests too, as a source counts them."""
    return [
        _Head(child.element, measure.element, bar.start + ceil(child.onset * FRAMES_PER_QUARTER))
        for measure, bar in zip(placed_measures(part), chorale.measures, strict=False)
        for child in measure.children
        if child.element.tag == "note"
    ]


def _note_at(notes: Sequence[SungNote], mark: Mark) -> SungNote:
    """Note of a voice that sounds at a mark's frame."""
    for note in notes:
        if ceil(note.start) <= mark.frame < ceil(note.end):
            return note
    raise ChoraleError(
        f"The {VOICES[mark.voice]} has no note at frame {mark.frame} to mark; expected one that sounds; mark another."
    )


def _is_lower(voice: Voice, voices: Mapping[Voice, GivenPart]) -> bool:
    """Check whether a voice is the lower one of two on a staff."""
    staff = voices[voice].place, voices[voice].staff
    return any((voices[other].place, voices[other].staff) == staff for other in VOICES[: VOICES.index(voice)])


def _paint(note: Element, colour: str) -> None:
    """Colour the head of a `<note>`, not its words: engravers colour them too if the `<note>` has the colour."""
    shape = note.find("notehead")
    if shape is None:
        shape = Element("notehead")
        shape.text = "normal"
        insert(note, shape, _AFTER_SHAPE)
    shape.set("color", colour)


def _label(head: _Head, text: str, colour: str, placement: str) -> None:
    """Write a text before a note, or before the chord to which it belongs.

    A single letter is narrower than a note head, and engravers would put it beside the stem: a blank moves it above.
    """
    beside = len(text) == 1 and placement == "above"
    direction = _direction(f"{_BLANK}{text}" if beside else text, colour, placement)
    for tag in ("voice", "staff"):
        if (written := head.note.findtext(tag)) is not None:
            add_text(direction, tag, written)
    notes = head.measure.findall("note")
    first = notes.index(head.note)
    while first and notes[first].find("chord") is not None:
        first -= 1
    head.measure.insert(list(head.measure).index(notes[first]), direction)


def _direction(text: str, colour: str, placement: str) -> Element:
    """Make a text in upright letters: italics of some fonts lack signs such as ∥."""
    direction = Element("direction", placement=placement)
    look = {"color": colour, "font-style": "normal", "font-weight": "bold"}
    SubElement(SubElement(direction, "direction-type"), "words", look).text = text
    return direction
