"""Take one voice out of a MusicXML part that holds more: a piano's tune, the soprano of two voices on a staff."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from bachlit.scores.reading.numbers import decimal

# Directions that concern all staves, wherever they are written.
_COMMON = ("metronome", "rehearsal", "segno", "coda")
# Elements with an offset, and what must follow it in them.
_OFFSET_BEFORE = {
    "direction": ("footnote", "level", "voice", "staff", "sound", "listening"),
    "harmony": ("footnote", "level", "staff"),
}


@dataclass
class _Item:
    """Note or rest with its grace notes, or another element, and when it begins, in divisions."""

    start: Fraction
    length: Fraction
    element: Element
    before: list[Element] = field(default_factory=list)

    @property
    def end(self) -> Fraction:
        return self.start + self.length


def take_voice(part: Element, heads: Collection[int], staff: str) -> None:
    """Reduce a `<part>` to some of its notes, in place: one voice on one staff.

    Grace notes stay with the notes that they precede, and rests of the same voice where nothing else sounds. Other
    rests fill what is left empty. Directions, chord symbols and bar lines stay at their times.

    Args:
        part: The part.
        heads: Indices of the `<note>` elements that stay, counted through the part; one at a time.
        staff: The staff of these notes; directions of other staves are left out. Empty if the part has one.
    """
    first = 0
    measures = part.findall("measure")
    for measure in measures:
        notes = measure.findall("note")
        kept = {id(note) for index, note in enumerate(notes, start=first) if index in heads}
        first += len(notes)
        _reduce(measure, kept, staff, is_last=measure is measures[-1])
    for element in part.iter("note"):
        element.attrib.pop("id", None)  # the same part may be written again, whole


def refill(measure: Element, notes: Sequence[tuple[Fraction, Element]]) -> None:
    """Replace the notes of a `<measure>` in place; notes that begin with an old one get its words.

    Args:
        measure: The measure; directions, chord symbols and bar lines stay at their times.
        notes: New notes and rests without gaps, with their times in divisions.
    """
    old, others, end = _timed(measure)
    words = {item.start: item.element.findall("lyric") for item in old if item.element.find("lyric") is not None}
    for time, note in notes:
        if note.find("rest") is None:
            note.extend(words.get(time, ()))
    _write(measure, [_Item(time, _duration(note), note) for time, note in notes], others, end, "")


def _reduce(measure: Element, kept: Collection[int], staff: str, *, is_last: bool) -> None:
    """Reduce a measure to the notes with these ids."""
    notes, others, end = _timed(measure)
    if is_last:  # a piece ends with its last note or rest, whatever silence is left
        end = max((note.end for note in notes if note.element.find("rest[@measure='yes']") is None), default=end)
    sung = sorted((note for note in notes if id(note.element) in kept), key=lambda note: note.start)
    voices = {note.element.findtext("voice") for note in sung}
    rests = [
        note
        for note in notes
        if note.element.find("rest") is not None and (note.element.findtext("voice") in voices or not sung)
    ]
    _write(measure, list(_with_rests(sung, rests, end)), others, end, staff)


def _write(measure: Element, items: Sequence[_Item], others: Sequence[_Item], end: Fraction, staff: str) -> None:
    """Write notes and other elements into a measure, in order of time."""
    for child in list(measure):
        measure.remove(child)
    now = Fraction(0)
    for item in items:
        others = _emit(measure, others, item.start, staff)
        for note in (*item.before, item.element):
            _make_single(note)
            measure.append(note)
        now = item.end
    _emit(measure, others, max(now, end), staff, all_that_is_left=True)


def _timed(measure: Element) -> tuple[list[_Item], list[_Item], Fraction]:
    """Notes of a measure and its other elements, each with its time, and its end.

    A whole-measure rest doesn't say how long a measure is that has notes: programs write a full one in a pickup.
    """
    notes: list[_Item] = []
    others: list[_Item] = []
    grace: list[Element] = []
    now = end = rested = before = Fraction(0)  # before: start of the last note, for chords
    for element in measure:
        if element.tag == "backup":
            now = max(Fraction(0), now - _duration(element))
        elif element.tag == "forward":
            now += _duration(element)
        elif element.tag != "note":
            others.append(_Item(now, Fraction(0), element))
        elif element.find("grace") is not None:
            grace.append(element)
            before = now
        else:
            chord = element.find("chord") is not None
            start = before = before if chord else now
            notes.append(_Item(start, _duration(element), element, [] if chord else grace))
            grace = grace if chord else []
            now = max(now, start + _duration(element))
            if element.find("rest[@measure='yes']") is not None:
                rested = max(rested, now)
                continue
        if element.tag in ("note", "forward"):
            end = max(end, now)
    return notes, others, end or rested


def _with_rests(sung: Sequence[_Item], rests: Sequence[_Item], end: Fraction) -> Iterator[_Item]:
    """Yield notes and rests in order, without gaps."""
    now = Fraction(0)
    for note in [*sung, None]:
        until = end if note is None else note.start
        for rest in rests:
            if now <= rest.start and rest.end <= until and rest.length:
                yield from _gap(now, rest.start)
                yield rest
                now = rest.end
        yield from _gap(now, until)
        if note is not None:
            yield note
            now = note.end


def _gap(begin: Fraction, end: Fraction) -> Iterator[_Item]:
    """Yield a rest, if there is room for one."""
    if begin < end:
        rest = Element("note")
        SubElement(rest, "rest")
        SubElement(rest, "duration").text = f"{float(end - begin):g}"
        yield _Item(begin, end - begin, rest)


def _make_single(note: Element) -> None:
    """Make a note the only one at its time, in the first voice of a single staff."""
    for tag in ("chord", "staff"):
        for child in note.findall(tag):
            note.remove(child)
    voice = note.find("voice")
    if voice is not None:
        voice.text = "1"
    for stem in note.findall("stem"):  # it showed which of two voices this is
        note.remove(stem)


def _emit(
    measure: Element, others: Sequence[_Item], until: Fraction, staff: str, *, all_that_is_left: bool = False
) -> list[_Item]:
    """Add the other elements up to a time to a measure; return those that are left."""
    left = []
    for item in others:
        if item.start > until and not all_that_is_left:
            left.append(item)
        elif _concerns(item.element, staff):
            _make_common(item.element, staff)
            if item.start != until and item.element.tag in _OFFSET_BEFORE:
                _add_offset(item.element, item.start - until)
            measure.append(item.element)
    return left


def _concerns(element: Element, staff: str) -> bool:
    """Check whether a direction or other element belongs to a staff, or to all."""
    written = element.findtext("staff", "").strip()
    if not staff or not written or written == staff:
        return True
    return element.tag == "direction" and (
        element.find("sound") is not None or any(element.find(f"direction-type/{name}") is not None for name in _COMMON)
    )


def _make_common(element: Element, staff: str) -> None:
    """Leave out what names other staves."""
    for child in element.findall("staff"):
        element.remove(child)
    if element.tag != "attributes":
        return
    for child in list(element):
        number = child.get("number")
        others = staff and number is not None and number != staff
        if child.tag in ("staves", "part-symbol", "instruments") or others:
            element.remove(child)
        elif staff:
            child.attrib.pop("number", None)


def _add_offset(element: Element, divisions: Fraction) -> None:
    """Move an element in time, from where it now stands."""
    offset = element.find("offset")
    if offset is None:
        offset = Element("offset")
        offset.text = "0"
        after = _OFFSET_BEFORE[element.tag]
        place = next((place for place, child in enumerate(element) if child.tag in after), len(element))
        element.insert(place, offset)
    offset.text = f"{float(decimal(offset.text, 'offset') + divisions):g}"


def _duration(element: Element) -> Fraction:
    return max(Fraction(0), decimal(element.findtext("duration", "0"), "duration"))
