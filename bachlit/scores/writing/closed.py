"""Closed score: four voices on two staves, as hymnals have them."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from fractions import Fraction
from math import lcm
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from bachlit.errors import OptionError
from bachlit.music.keys import FIFTHS, alteration
from bachlit.scores.writing.elements import ACCIDENTALS
from bachlit.scores.writing.placing import Placed, PlacedMeasure, number, placed_measures

_GROUP = "<group-symbol>bracket</group-symbol><group-barline>no</group-barline>"
_CLEFS = (
    "<clef><sign>G</sign><line>2</line></clef>",
    "<clef><sign>F</sign><line>4</line></clef>",
)
_MIDDLES = (("B", 4), ("D", 3))  # the middle lines of these clefs
# Elements of a note after its stem, in the schema's order.
_AFTER_STEM = ("notehead", "notehead-text", "staff", "beam", "notations", "lyric", "play", "listen")
_AFTER_VOICE = ("type", "dot", "accidental", "time-modification", "stem", *_AFTER_STEM)
_AFTER_ACCIDENTAL = ("time-modification", "stem", *_AFTER_STEM)
_SHARED = ("harmony", "direction", "sound", "figured-bass")


def closed(root: Element) -> Element:
    """Write four parts on two staves: soprano and alto, tenor and bass, stems up and down.

    Measures, keys, repeats, endings and directions come from the upper part of each staff. Words and directions that
    stand in several parts are kept once, rests that two voices share too; accidentals hold for both voices of a staff.

    Args:
        root: A score-partwise document; its parts are soprano, alto, tenor and bass, one staff each.

    Returns:
        A new document.

    Raises:
        OptionError: If it has other parts, or one is for a transposing instrument.
    """
    parts = root.findall("part")
    _check(parts)
    names = {part.get("id"): part for part in root.iterfind("part-list/score-part")}
    new = Element(root.tag, root.attrib)
    new.extend(deepcopy(child) for child in root if child.tag not in ("part-list", "part"))
    listed = SubElement(new, "part-list")
    listed.append(fromstring(f'<part-group number="1" type="start">{_GROUP}</part-group>'))
    voices = [list(placed_measures(part)) for part in parts]
    for staff, (upper, lower) in enumerate(((0, 1), (2, 3))):
        listed.append(_score_part(*(names.get(parts[voice].get("id")) for voice in (upper, lower))))
        part = SubElement(new, "part", parts[upper].attrib)
        _Staff(staff, voices[0]).write(part, voices[upper], voices[lower])
    listed.append(fromstring('<part-group number="1" type="stop" />'))
    return new


def _check(parts: Sequence[Element]) -> None:
    if len(parts) != 4:
        raise OptionError(
            f"A closed score needs four parts, and there are {len(parts)}; expected soprano, alto, tenor and bass; "
            "choose the open layout."
        )
    for place, part in enumerate(parts, start=1):
        if any((staves.text or "").strip() not in ("", "1") for staves in part.iter("staves")):
            raise OptionError(
                f"A closed score needs parts of one staff, and part {place} has several; choose the open layout."
            )
        if any((moved.text or "").strip().lstrip("+-") not in ("", "0") for moved in part.iter("chromatic")):
            raise OptionError(
                f"A closed score needs parts in concert pitch, and part {place} is for a transposing instrument; "
                "choose the open layout."
            )
    if len({len(part.findall("measure")) for part in parts}) > 1:
        raise OptionError("A closed score needs parts with equally many measures; choose the open layout.")


def _score_part(upper: Element | None, lower: Element | None) -> Element:
    """Entry of the list of parts: the upper part's, with both names."""
    entry = Element("score-part", {} if upper is None else upper.attrib)
    for tag in ("part-name", "part-abbreviation"):
        both = [("" if part is None else part.findtext(tag, "")).strip() for part in (upper, lower)]
        if tag == "part-name" or any(both):
            SubElement(entry, tag).text = "\n".join(filter(None, both))
    if upper is not None:
        kept = ("score-instrument", "midi-device", "midi-instrument", "identification", "group")
        entry.extend(deepcopy(child) for child in upper if child.tag in kept)
    return entry


_Syllables = set[tuple[int, Fraction, str]]


def _syllables(measures: Sequence[PlacedMeasure]) -> _Syllables:
    """Places of the syllables: measure, time and verse."""
    return {
        (index, child.onset, lyric.get("number", "1"))
        for index, measure in enumerate(measures)
        for child in measure.children
        for lyric in child.element.iterfind("lyric")
    }


class _Line(NamedTuple):
    """Place of a voice on its staff."""

    voice: int  # its number; further voices of its part follow by twos
    stem: str
    orientation: str
    fermata: str


_UPPER, _LOWER = _Line(1, "up", "over", "upright"), _Line(2, "down", "under", "inverted")


class _Staff:
    """Writer of one staff.

    Args:
        number: 0 for the upper staff, 1 for the lower.
        top: The soprano's measures, whose directions and words aren't repeated.
    """

    def __init__(self, number: int, top: Sequence[PlacedMeasure]) -> None:
        self.number, self.top = number, top
        self.sung = _syllables(top)
        self.fifths = 0

    def write(self, part: Element, above: Sequence[PlacedMeasure], below: Sequence[PlacedMeasure]) -> None:
        """Write the measures of both voices into a part."""
        times = {time for measure in (*above, *below) for child in measure.children for time in child[1:3]}
        divisions = lcm(*(time.denominator for time in times))
        names: tuple[dict[str, int], dict[str, int]] = ({}, {})
        for index, (upper, lower) in enumerate(zip(above, below, strict=True)):
            first = [child for child in _copies(upper, divisions) if self.number == 0 or self._is_new(index, child)]
            second = [
                child
                for child in _copies(lower, divisions)
                if child.element.tag in ("note", "forward", "backup", *_SHARED) and self._is_new(index, child)
            ]
            for line, children, voices in ((_UPPER, first, names[0]), (_LOWER, second, names[1])):
                for note in _notes(children):
                    _dress(note.element, line, voices)
                    if self.number or line is _LOWER:
                        self._leave_out_words(index, note)
            _share_rests(_notes(first), _notes(second), _MIDDLES[self.number])
            _share_fermatas(*((_notes(first), _notes(second))[:: -1 if self.number else 1]))
            self._add_accidentals([*first, *second])
            elements = [child.element for child in first]
            self._set_attributes(elements, divisions, begins=index == 0)
            closing = [
                child for child in elements if child.tag == "barline" and child.get("location", "right") == "right"
            ]
            measure = SubElement(part, "measure", upper.element.attrib)
            measure.extend(child for child in elements if child not in closing)
            if second:
                if upper.end:
                    SubElement(SubElement(measure, "backup"), "duration").text = str(upper.end * divisions)
                measure.extend(child.element for child in second)
            measure.extend(closing)

    def _is_new(self, index: int, child: Placed) -> bool:
        """Whether a direction or a chord symbol doesn't stand in the soprano already."""
        if child.element.tag not in _SHARED:
            return True
        same = (other for other in self.top[index].children if other.onset == child.onset)
        return not any(_looks(other.element) == _looks(child.element) for other in same)

    def _leave_out_words(self, index: int, note: Placed) -> None:
        """Leave out syllables where the soprano has some."""
        for lyric in note.element.findall("lyric"):
            if (index, note.onset, lyric.get("number", "1")) in self.sung:
                note.element.remove(lyric)

    def _set_attributes(self, elements: list[Element], divisions: int, *, begins: bool) -> None:
        """Give the staff its clef and divisions."""
        for attributes in (element for element in elements if element.tag == "attributes"):
            for tag in ("divisions", "clef", "staves", "staff-details", "transpose", "part-symbol"):
                for child in attributes.findall(tag):
                    attributes.remove(child)
        if begins:
            attributes = next((element for element in elements if element.tag == "attributes"), Element("attributes"))
            if attributes not in elements:
                elements.insert(0, attributes)
            attributes.insert(0, fromstring(f"<divisions>{divisions}</divisions>"))
            _insert(attributes, fromstring(_CLEFS[self.number]), ("directive", "measure-style", "for-part"))

    def _add_accidentals(self, children: Sequence[Placed]) -> None:
        """Add accidentals that notes of one voice need after the other's, and leave out those of unisons."""
        in_force: dict[tuple[str, int], int] = {}
        printed: set[tuple[Fraction, str, int]] = set()
        for child in sorted(children, key=lambda child: child.onset):
            note = child.element
            if (fifths := note.findtext("key/fifths")) is not None and fifths.strip().lstrip("+-").isdecimal():
                self.fifths = int(fifths)
            step, alter, octave = (note.findtext(f"pitch/{tag}", "0").strip() for tag in ("step", "alter", "octave"))
            if step not in FIFTHS or not octave.isdecimal() or not alter.lstrip("+-").isdecimal():
                continue
            line, place = (step, int(octave)), (child.onset, step, int(octave))
            accidental = note.find("accidental")
            tied_back = any(tie.get("type") == "stop" for tie in note.iterfind("tie"))
            if accidental is not None:
                if place in printed and in_force.get(line) == int(alter) and note.find("pitch/alter") is not None:
                    note.remove(accidental)
            elif (
                not tied_back
                and in_force.get(line, alteration(step, self.fifths)) != int(alter)
                and int(alter) in ACCIDENTALS
            ):
                accidental = Element("accidental")
                accidental.text = ACCIDENTALS[int(alter)]
                _insert(note, accidental, _AFTER_ACCIDENTAL)
            if accidental is not None:
                printed.add(place)
            if accidental is not None or not tied_back:
                in_force[line] = int(alter)


def _copies(measure: PlacedMeasure, divisions: int) -> list[Placed]:
    """Copy the children of a measure, counted in other divisions."""
    copies = []
    for child in measure.children:
        element = deepcopy(child.element)
        for tag in ("duration", "offset"):
            for time in element.iterfind(tag):
                text = (time.text or "").strip()
                counted = number(text.removeprefix("-")) * divisions / child.divisions
                shown = str(counted) if counted.denominator == 1 else f"{float(counted):.4f}"
                time.text = f"-{shown}" if text.startswith("-") else shown
        copies.append(child._replace(element=element))
    return copies


def _notes(children: Iterable[Placed]) -> list[Placed]:
    return [child for child in children if child.element.tag == "note"]


def _dress(note: Element, line: _Line, voices: dict[str, int]) -> None:
    """Give a note its voice's number, stem and curves."""
    for tag in ("instrument", "staff"):
        for child in note.findall(tag):
            note.remove(child)
    voice = note.find("voice")
    typed = "1" if voice is None else (voice.text or "1").strip()
    if voice is None:
        voice = Element("voice")
        _insert(note, voice, _AFTER_VOICE)
    voice.text = str(voices.setdefault(typed, line.voice + 2 * len(voices)))
    stem = note.find("stem")
    if note.find("rest") is None and (stem is None or stem.text != "none"):
        if stem is not None:
            note.remove(stem)
        stem = Element("stem")
        stem.text = line.stem
        _insert(note, stem, _AFTER_STEM)
    for curve in (*note.iterfind("notations/tied"), *note.iterfind("notations/slur")):
        if curve.get("type") == "start":
            curve.set("orientation", line.orientation)
            curve.attrib.pop("placement", None)
    for fermata in note.iterfind("notations/fermata"):
        fermata.set("type", line.fermata)


def _share_rests(upper: Sequence[Placed], lower: Sequence[Placed], middle: tuple[str, int]) -> None:
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


def _share_fermatas(kept: Sequence[Placed], other: Sequence[Placed]) -> None:
    """Leave out the fermatas of a voice where the other voice of its staff has one."""
    ends = {note.onset + note.length for note in kept if note.element.find("notations/fermata") is not None}
    for note in other:
        notations = note.element.find("notations")
        if notations is not None and note.onset + note.length in ends:
            for fermata in notations.findall("fermata"):
                notations.remove(fermata)
            if not len(notations):
                note.element.remove(notations)


def _insert(parent: Element, child: Element, after: Sequence[str]) -> None:
    """Insert an element before those that come after it in the schema."""
    index = next((index for index, other in enumerate(parent) if other.tag in after), len(parent))
    parent.insert(index, child)


def _looks(element: Element) -> str:
    """What an element prints, whatever its place on paper."""
    bare = deepcopy(element)
    for child in bare.iter():
        child.tail = None
        child.text = (child.text or "").strip()
        for name in [name for name in child.attrib if name.startswith(("default-", "relative-", "id"))]:
            del child.attrib[name]
    return tostring(bare, encoding="unicode")
