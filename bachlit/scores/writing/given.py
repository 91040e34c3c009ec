"""Given parts of a chorale, as its source has them."""

import copy
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale, Voice
from bachlit.scores.reading.numbers import decimal, whole
from bachlit.scores.source import ScoreSource, changed_measures
from bachlit.scores.writing.frame import MeasureFrame, frames_of_part
from bachlit.scores.writing.notation import Symbol, write_voice
from bachlit.scores.writing.parts import note_elements
from bachlit.scores.writing.taking import refill, take_voice
from bachlit.scores.writing.transposing import transpose_note, transpose_part
from bachlit.scores.writing.tying import tie_over


class Given(NamedTuple):
    """Part of a source with its entry in the list of parts: `<part>` and `<score-part>`."""

    part: Element
    entry: Element


def given_part(chorale: Chorale, source: ScoreSource, voice: Voice) -> Given:
    """Copy a given part from the source; measures that the chorale has otherwise are written anew.

    A part that holds more than the voice is reduced to it.
    """
    given = source.voices[voice]
    part = copy.deepcopy(source.document.findall("part")[given.place])
    entry = _entry_of(source.document, part)
    if given.heads is not None:
        take_voice(part, given.heads, given.staff)
        sharing = [other for other in VOICES if other in source.voices and source.voices[other].place == given.place]
        _keep_shared_once(part, is_first=voice == sharing[0], is_last=voice == sharing[-1])
        if given.name or len(sharing) > 1:
            _rename(entry, given.name or voice.capitalize())
    if not " ".join(entry.findtext("part-name", "").split()):
        _rename(entry, voice.capitalize())
    if source.semitones:
        transpose_part(part, source.semitones)
    _add_missing(part, source.lengths)
    changed = changed_measures(chorale, source, voice)
    if changed:
        _rewrite(part, chorale, voice, changed, frames_of_part(part, source.lengths))
    return Given(part, entry)


def other_parts(source: ScoreSource) -> list[Given]:
    """Copy the parts of a source that aren't given whole, with their entries."""
    whole_parts = {given.place for given in source.voices.values() if given.heads is None}
    others = []
    for place, part in enumerate(source.document.iterfind("part")):
        if place not in whole_parts:
            copied = copy.deepcopy(part)
            if source.semitones:
                transpose_part(copied, source.semitones)
            others.append(Given(copied, _entry_of(source.document, copied)))
    return others


def _entry_of(document: Element, part: Element) -> Element:
    """Copy a part's entry in the list of parts, or make one."""
    for entry in document.iterfind("part-list/score-part"):
        if entry.get("id") == part.get("id"):
            return copy.deepcopy(entry)
    entry = Element("score-part", id=part.get("id") or "P1")
    SubElement(entry, "part-name")
    return entry


def _rename(entry: Element, name: str) -> None:
    for tag in ("part-name", "part-name-display", "part-abbreviation", "part-abbreviation-display"):
        for child in entry.findall(tag):
            entry.remove(child)
    for place, (tag, text) in enumerate((("part-name", name), ("part-abbreviation", f"{name[0]}."))):
        child = Element(tag)
        child.text = text
        entry.insert(place + len(entry.findall("identification")), child)


def _keep_shared_once(part: Element, *, is_first: bool, is_last: bool) -> None:
    """Leave chord symbols and directions of a staff to one of its voices, in place: those below to the last."""
    for measure in part.iterfind("measure"):
        for element in [*measure.findall("harmony"), *measure.findall("direction")]:
            if not (is_last if element.get("placement") == "below" else is_first):
                measure.remove(element)


def _add_missing(part: Element, lengths: Sequence[Fraction]) -> None:
    """Add measures of rest where a part ends before others."""
    stated = [decimal(element.text, "divisions") for element in part.iterfind("measure/attributes/divisions")]
    for index in range(len(part.findall("measure")), len(lengths)):
        note = SubElement(SubElement(part, "measure", number=str(index + 1)), "note")
        SubElement(note, "rest", measure="yes")
        duration = lengths[index] * (stated[-1] if stated else 1) / FRAMES_PER_QUARTER
        SubElement(note, "duration").text = f"{float(duration):g}"


def _rewrite(
    part: Element, chorale: Chorale, voice: Voice, changed: Collection[int], frames: Sequence[MeasureFrame]
) -> None:
    """Write some measures anew, in place."""
    symbols = write_voice(chorale, voice)
    slurs = _slurs(part)
    _refine(part)
    divisions, transposition, written_fifths = FRAMES_PER_QUARTER, 0, 0
    onsets = chorale.onsets[:, VOICES.index(voice)]
    for index, (measure, frame) in enumerate(zip(part.iterfind("measure"), frames, strict=True)):
        begins_in = _opening_fifths(measure, written_fifths)
        for attributes in measure.iterfind("attributes"):
            divisions = int(attributes.findtext("divisions") or divisions)
            transpose = attributes.find("transpose")
            if transpose is not None:
                transposition = whole(transpose, "chromatic") + 12 * whole(transpose, "octave-change")
            written_fifths = _fifths(attributes, written_fifths)
        if index in changed:
            fifths = begins_in - frame.fifths
            refill(measure, _notes(symbols[index], frame, divisions, transposition, fifths))
    _close_slurs(part, slurs)
    written = part.findall("measure")
    for index in range(1, len(written)):
        if (index - 1 in changed) != (index in changed):
            held = not onsets[chorale.measures[index].start]
            tie_over(written[index - 1], written[index], wanted=held, new_first=index - 1 in changed)


def _opening_fifths(measure: Element, before: int) -> int:
    """Key signature with which a measure begins, as written; it may change later in it."""
    for element in measure:
        if element.tag == "note":
            break
        if element.tag == "attributes":
            before = _fifths(element, before)
    return before


def _fifths(attributes: Element, before: int) -> int:
    """Key signature after some attributes."""
    key = attributes.find("key")
    return before if key is None or key.find("fifths") is None else whole(key, "fifths")


def _notes(
    symbols: Sequence[Symbol], frame: MeasureFrame, divisions: int, transposition: int, fifths: int
) -> list[tuple[Fraction, Element]]:
    """Notes of a measure in a part's own pitch, with their times in divisions."""
    notes = note_elements(symbols, frame, divisions)
    for _, note in notes:
        if transposition:
            transpose_note(note, -transposition, fifths)
    return [(time * divisions / FRAMES_PER_QUARTER, note) for time, note in notes]


def _refine(part: Element) -> None:
    """Multiply the divisions of a part so that they hold sixteenths."""
    stated = [decimal(element.text, "divisions") for element in part.iterfind("measure/attributes/divisions")]
    factor = 1
    while any((divisions * factor / FRAMES_PER_QUARTER).denominator > 1 for divisions in stated) and factor < 64:
        factor += 1
    if factor > 1:
        for element in part.iter():
            if element.tag in ("divisions", "duration", "offset") and element.text:
                element.text = f"{float(decimal(element.text, element.tag) * factor):g}"


def _slurs(part: Element) -> list[tuple[tuple[Element, Element], tuple[Element, Element]]]:
    """Pair the beginnings of a part's slurs with their ends: each with its note."""
    pairs: list[tuple[tuple[Element, Element], tuple[Element, Element]]] = []
    begun: dict[str, tuple[Element, Element]] = {}
    for note in part.iter("note"):
        for slur in note.iterfind("notations/slur"):
            number = slur.get("number", "1")
            if slur.get("type") == "start":
                begun[number] = note, slur
            elif slur.get("type") == "stop" and number in begun:
                pairs.append((begun.pop(number), (note, slur)))
    return pairs


def _close_slurs(part: Element, slurs: Sequence[tuple[tuple[Element, Element], tuple[Element, Element]]]) -> None:
    """Leave out the ends of slurs whose other note is gone."""
    left = {id(note) for note in part.iter("note")}
    for pair in slurs:
        if len({id(note) in left for note, _ in pair}) == 2:
            for note, slur in pair:
                for notations in note.findall("notations"):
                    if slur in list(notations):
                        notations.remove(slur)
