"""Closed score: four voices on two staves, as hymnals have them."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from fractions import Fraction
from math import lcm
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from bachlit.errors import OptionError
from bachlit.scores.writing.placing import Placed, PlacedMeasure, number, placed_measures
from bachlit.scores.writing.sharing import LOWER, UPPER, add_accidentals, dress, insert, share_fermatas, share_rests

_GROUP = "<group-symbol>bracket</group-symbol><group-barline>no</group-barline>"
_CLEFS = (
    "<clef><sign>G</sign><line>2</line></clef>",
    "<clef><sign>F</sign><line>4</line></clef>",
)
_MIDDLES = (("B", 4), ("D", 3))  # the middle lines of these clefs
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
        kept = ("group", "score-instrument", "player", "midi-device", "midi-instrument")
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


class _Staff:
    """Writer of one staff.

    Args:
        number: 0 for the upper staff, 1 for the lower.
        top: The soprano's measures, whose directions and words aren't repeated.
    """

    def __init__(self, number: int, top: Sequence[PlacedMeasure]) -> None:
        self.number = number
        self.sung = _syllables(top)
        self.shown = {
            (index, child.onset, _looks(child.element))
            for index, measure in enumerate(top)
            for child in measure.children
            if child.element.tag in _SHARED
        }
        self.fifths = 0

    def write(self, part: Element, above: Sequence[PlacedMeasure], below: Sequence[PlacedMeasure]) -> None:
        """Write the measures of both voices into a part."""
        times = {time for measure in (*above, *below) for child in measure.children for time in child[1:3]}
        divisions = lcm(*(time.denominator for time in times))
        names: tuple[dict[str, int], dict[str, int]] = ({}, {})
        for index, (upper, lower) in enumerate(zip(above, below, strict=True)):
            first = [child for child in upper.children if self.number == 0 or self._is_new(index, child)]
            second = [
                child
                for child in lower.children
                if child.element.tag in ("note", "forward", "backup", *_SHARED) and self._is_new(index, child)
            ]
            first, second = _copies(first, divisions), _copies(second, divisions)
            for line, children, voices in ((UPPER, first, names[0]), (LOWER, second, names[1])):
                for note in _notes(children):
                    dress(note.element, line, voices)
                    if self.number or line is LOWER:
                        self._leave_out_words(index, note)
            share_rests(_notes(first), _notes(second), _MIDDLES[self.number])
            share_fermatas(*((_notes(first), _notes(second))[:: -1 if self.number else 1]))
            self.fifths = add_accidentals([*first, *second], self.fifths)
            elements = [child.element for child in first]
            self._set_attributes(elements, divisions, begins=index == 0)
            measure = SubElement(part, "measure", upper.element.attrib)
            measure.attrib.pop("width", None)
            measure.extend(child for child in elements if not _closes(child))
            if second:
                if upper.end:
                    SubElement(SubElement(measure, "backup"), "duration").text = str(upper.end * divisions)
                measure.extend(child.element for child in second)
            measure.extend(filter(_closes, elements))

    def _is_new(self, index: int, child: Placed) -> bool:
        """Whether an element is no direction or chord symbol that stands in the soprano already."""
        return child.element.tag not in _SHARED or (index, child.onset, _looks(child.element)) not in self.shown

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
            insert(attributes, fromstring(_CLEFS[self.number]), ("directive", "measure-style", "for-part"))


def _closes(element: Element) -> bool:
    return element.tag == "barline" and element.get("location", "right") == "right"


def _copies(children: Iterable[Placed], divisions: int) -> list[Placed]:
    """Copy elements, counted in other divisions."""
    copies = []
    for child in children:
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


def _looks(element: Element) -> str:
    """What an element prints, whatever its place on paper."""
    bare = deepcopy(element)
    for child in bare.iter():
        child.tail = None
        child.text = (child.text or "").strip()
        for name in [name for name in child.attrib if name.startswith(("default-", "relative-", "id"))]:
            del child.attrib[name]
    return tostring(bare, encoding="unicode")
