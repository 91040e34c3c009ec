"""Chorale -> MusicXML 4.0: given parts as their source has them, and one part per other voice."""

import copy
from collections.abc import Sequence
from itertools import chain, count
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement, fromstring

from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.scores.reading.safe_xml import NOT_XML
from bachlit.scores.source import ScoreSource, source_of
from bachlit.scores.writing.elements import add_text
from bachlit.scores.writing.frame import frames_of, frames_of_part
from bachlit.scores.writing.given import Given, given_part, other_parts
from bachlit.scores.writing.jumps import add_jumps
from bachlit.scores.writing.parts import new_part
from bachlit.scores.writing.words import words_below

_QUARTERS_PER_MINUTE = 80
_CHOIR_AAHS = 53  # General MIDI, counted from 1 as in MusicXML

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
"""

ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")  # of links in MusicXML


def to_musicxml(chorale: Chorale, *, voices: Sequence[Voice] = VOICES) -> str:
    """Make a MusicXML document of a chorale, to be saved as UTF-8.

    A chorale that was read from a score gets that score back: the parts that were given are the source's, element for
    element, wherever the chorale still has their notes; other measures and voices are added, with the tune's words
    where a voice has its rhythm. Parts that are no voice are left out, unless the source keeps them.

    The same chorale always gives the same text: there is no date in it.

    Args:
        chorale: The music.
        voices: Voices to write, from the top down, one staff each.

    >>> score = to_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 4), voices=("soprano",))
    >>> score.count("<note>"), "<part-name>Soprano</part-name>" in score
    (1, True)
    """
    root = document_of(chorale, voices=voices)
    add_kept_parts(root, chorale)
    return as_text(root)


def as_text(root: Element) -> str:
    """Write a tree as a document, indented."""
    ElementTree.indent(root)
    return _HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


def document_of(chorale: Chorale, *, voices: Sequence[Voice] = VOICES) -> Element:
    """Make the tree of a chorale's MusicXML document, without parts that are no voice.

    Args:
        chorale: The music.
        voices: Voices to write, from the top down, one staff each.
    """
    source = source_of(chorale)
    root = _head(chorale) if source is None else _head_of(source, chorale.title)
    listed = SubElement(root, "part-list")
    taken = _names_in(source)
    given = {} if source is None else {v: given_part(chorale, source, v) for v in voices if v in source.voices}
    if source is None or not given:
        frames = frames_of(chorale)
    else:
        frames = frames_of_part(next(iter(given.values())).part, source.lengths, source.document.findall("part"))
    written = [part.get("id") for part, _ in _kept_parts(chorale)]
    entries: list[Element] = []
    new: list[Element] = []
    for number, voice in enumerate(voices, start=1):
        if voice in given:
            part, entry = given[voice]
            if part.get("id") in written:
                _rename(part, entry, _free(voice.capitalize(), taken))
        else:
            name = _free(f"P{number}" if source is None else voice.capitalize(), taken)
            part, entry = new_part(chorale, voice, frames), _entry(name, voice, number)
            part.set("id", name)
            new.append(part)
        written.append(part.get("id"))
        root.append(part)
        entries.append(entry)
    worded = [part.get("id", "") for part, _ in given.values() if part.find("measure/note/lyric") is not None]
    if worded and new:
        words_below(root, worded[0], [part.get("id", "") for part in new])
    _set_tempo(new, source)
    if source is not None and new:
        add_jumps(new[0], [part for part, _ in given.values()], source.document.findall("part"))
    listed.extend(_bracketed(entries))
    return root


def add_kept_parts(root: Element, chorale: Chorale) -> None:
    """Add parts that are no voice below the voices, in place, if the chorale's source keeps them."""
    for part, entry in _kept_parts(chorale):
        root.append(part)
        root[[child.tag for child in root].index("part-list")].append(entry)


def _kept_parts(chorale: Chorale) -> list[Given]:
    source = source_of(chorale)
    return [] if source is None or not source.keeps_parts else other_parts(source)


def one_line(title: str) -> str:
    r"""Put a title on one line, without characters that XML forbids.

    >>> one_line("Ein feste\x01\n Burg")
    'Ein feste Burg'
    """
    return " ".join(NOT_XML.sub("", title).split())


def _head(chorale: Chorale) -> Element:
    """Make the beginning of a document."""
    root = Element("score-partwise", version="4.0")
    if title := one_line(chorale.title):
        add_text(SubElement(root, "work"), "work-title", title)
    encoding = SubElement(SubElement(root, "identification"), "encoding")
    add_text(encoding, "software", "bachlit")
    for element in ("accidental", "beam"):
        SubElement(encoding, "supports", element=element, type="yes")
    return root


def _head_of(source: ScoreSource, title: str) -> Element:
    """Copy the beginning of a source's document; another title than was read replaces its titles."""
    root = Element("score-partwise", source.document.attrib)
    root.extend(copy.deepcopy(child) for child in source.document if child.tag not in ("part", "part-list"))
    if title != source.title:
        retitle(root, title)
    return root


def retitle(root: Element, title: str) -> None:
    """Replace the titles of a document, in place."""
    for child in [child for child in root if child.tag in ("work", "movement-title", "credit")]:
        root.remove(child)
    if title := one_line(title):
        root.insert(0, Element("work"))
        add_text(root[0], "work-title", title)


def _names_in(source: ScoreSource | None) -> set[str]:
    """Ids that a source uses."""
    return set() if source is None else {element.get("id", "") for element in source.document.iter()}


def _free(name: str, taken: set[str]) -> str:
    """Make an id that isn't taken, and take it."""
    numbered = (f"{name}-{number}" for number in count(2))
    free = next(one for one in chain([name], numbered) if one not in taken)
    taken.add(free)
    return free


def _entry(name: str, voice: Voice, number: int) -> Element:
    """Make a voice's entry in the list of parts."""
    return fromstring(
        f'<score-part id="{name}"><part-name>{voice.capitalize()}</part-name>'
        f"<part-abbreviation>{voice[0].upper()}.</part-abbreviation>"
        f'<score-instrument id="{name}-I1"><instrument-name>{voice.capitalize()}</instrument-name>'
        "</score-instrument>"
        f'<midi-instrument id="{name}-I1"><midi-channel>{number}</midi-channel>'
        f"<midi-program>{_CHOIR_AAHS}</midi-program></midi-instrument></score-part>"
    )


def _bracketed(choir: Sequence[Element]) -> list[Element]:
    """Put a bracket without joined bar lines around parts, as in choral scores."""
    if len(choir) < 2:
        return list(choir)
    start = fromstring(
        '<part-group number="1" type="start"><group-symbol>bracket</group-symbol>'
        "<group-barline>no</group-barline></part-group>"
    )
    return [start, *choir, Element("part-group", number="1", type="stop")]


def _rename(part: Element, entry: Element, name: str) -> None:
    """Give a part and its instruments other ids."""
    renamed: dict[str, str] = {}
    for number, element in enumerate(entry.iterfind("score-instrument"), start=1):
        renamed[element.get("id", "")] = f"{name}-I{number}"
    for element in (*entry.iter(), *part.iter("instrument")):
        if element.get("id") in renamed:
            element.set("id", renamed[element.get("id", "")])
    part.set("id", name)
    entry.set("id", name)


def _set_tempo(new: Sequence[Element], source: ScoreSource | None) -> None:
    """State a tempo in the first new part: that of a source's part that is left out, without a source the usual one.

    A score that states none stays without.
    """
    if not new:
        return
    measures = new[0].findall("measure")
    if source is None:
        tempo = Element("sound", tempo=str(_QUARTERS_PER_MINUTE))
        measures[0].insert(_first_note(measures[0]), tempo)
        return
    parts = source.document.findall("part")
    given = {voice.place for voice in source.voices.values()}
    if any(_tempos(measure) for place in given for measure in parts[place]):
        return
    for part in parts:
        for measure, copied in zip(measures, part.iterfind("measure"), strict=False):
            for tempo in reversed(_tempos(copied)):
                measure.insert(_first_note(measure), copy.deepcopy(tempo))
        if any(map(_tempos, measures)):
            return


def _tempos(measure: Element) -> list[Element]:
    """Directions and sounds of a measure that state a tempo."""
    return [
        element
        for element in measure
        if element.tag in ("direction", "sound")
        and (
            element.get("tempo") is not None
            or element.find("sound[@tempo]") is not None
            or element.find("direction-type/metronome") is not None
        )
    ]


def _first_note(measure: Element) -> int:
    """Place of the first note in a measure."""
    return next((place for place, element in enumerate(measure) if element.tag == "note"), len(measure))
