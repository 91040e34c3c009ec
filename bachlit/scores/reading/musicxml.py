"""MusicXML -> parts, one per staff, with counts of what a chorale can't hold."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.chorale import FRAMES_PER_QUARTER, TimeSignature
from bachlit.music.keys import STEPS, Key
from bachlit.scores.reading.limits import MAX_DIVISOR, MAX_FRAMES, MAX_STAVES
from bachlit.scores.reading.safe_xml import parse_xml
from bachlit.scores.reading.score import COMMON_TIME, JUMP, BarLines, Part, Score, Signature, Tone, WrittenMeasure

_ACCIDENTALS = {"sharp": 1, "flat": -1, "double-sharp": 2, "sharp-sharp": 2, "flat-flat": -2}


def read_musicxml(text: str) -> Score:
    """Read a MusicXML document, partwise or timewise.

    Raises:
        ValueError: If it isn't one, or a number in it isn't possible.
    """
    return read_tree(parse_xml(text))


def read_tree(root: Element) -> Score:
    """Read a MusicXML tree, partwise or timewise.

    Raises:
        ValueError: If it isn't one, or a number in it isn't possible.
    """
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise ValueError(f"its root is <{root.tag[:40]}>")
    names = {part.get("id"): part.findtext("part-name", "") for part in root.iterfind("part-list/score-part")}
    title = root.findtext("work/work-title", "").strip() or root.findtext("movement-title", "")
    return Score(title, [staff for part in root.iterfind("part") for staff in _staves(part, names.get(part.get("id")))])


def _partwise(root: Element) -> Element:
    """Turn a timewise score into a partwise one."""
    turned = Element("score-partwise")
    turned.extend(child for child in root if child.tag != "measure")
    parts: dict[str | None, Element] = {}
    for measure in root.iterfind("measure"):
        for part in measure.iterfind("part"):
            name = part.get("id")
            if name not in parts:
                parts[name] = SubElement(turned, "part", id=name or "")
            SubElement(parts[name], "measure", measure.attrib).extend(part)
    return turned


@dataclass
class _PartReading:
    """State while reading a part, and what was found so far."""

    divisions: Fraction = Fraction(1)  # of a quarter
    divisor: int = 1  # multiple of all divisions
    transposition: int = 0  # semitones from written to sounding pitch
    metre: TimeSignature = COMMON_TIME
    now: Fraction = Fraction(0)  # time in the measure, sixteenths
    before: Fraction = Fraction(0)  # start of the last note, for chords
    end: Fraction = Fraction(0)  # of the measure
    written: Fraction = Fraction(0)  # of its last note or rest
    metres: list[TimeSignature] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    repeats: bool = False
    tones: dict[str, list[Tone]] = field(default_factory=lambda: defaultdict(list))  # of the measure, by staff
    left_out: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # of the part, by staff


def _staves(part: Element, name: str | None) -> Iterator[Part]:
    """Yield the staves of a part that have notes."""
    reading = _PartReading()
    rows = list(_rows(part, reading))
    if rows:  # a piece ends with its last note or rest
        rows[-1] = replace(rows[-1][0], length=reading.written), rows[-1][1]
    sounding = sorted({staff for _, tones in rows for staff in tones}, key=_ordinal)
    if len(sounding) > MAX_STAVES:
        raise ValueError(f"a part of it has more than {MAX_STAVES} staves")
    for staff in sounding:
        left_out = reading.left_out[staff] if len(sounding) > 1 else sum(reading.left_out.values(), Counter())
        yield Part(
            name=(name or "").strip(),
            measures=[replace(measure, tones=_ordered(tones[staff])) for measure, tones in rows],
            metres=reading.metres,
            signatures=reading.signatures,
            repeats=reading.repeats,
            left_out=left_out + Counter({"chord symbol": len(part.findall("measure/harmony"))}),
        )


def _rows(part: Element, reading: _PartReading) -> Iterator[tuple[WrittenMeasure, dict[str, list[Tone]]]]:
    """Yield the measures of a part, empty, each with the notes of its staves."""
    total = Fraction(0)
    for place, written in enumerate(part.iterfind("measure"), start=1):
        reading.now = reading.before = reading.end = reading.written = Fraction(0)
        reading.tones = defaultdict(list)
        for element in written:
            if element.tag in _READERS:
                _READERS[element.tag](element, reading)
        number = " ".join(written.get("number", "").split())[:20] or str(place)
        measure = WrittenMeasure(number, reading.end, metre=reading.metre, bar_lines=_bar_lines(written, reading))
        total += reading.end or measure.full
        if total > MAX_FRAMES:
            raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
        yield measure, reading.tones


def _ordered(tones: list[Tone]) -> list[Tone]:
    return sorted(tones, key=lambda tone: (tone.start, tone.rank, -tone.pitch))


def _note(note: Element, reading: _PartReading) -> None:
    staff = note.findtext("staff", "1")
    slash = note.findtext("notehead", "").strip() == "slash"
    if note.find("pitch") is not None:
        reading.left_out[staff]["slash head"] += slash
        for thing, tag in (("grace note", "grace"), ("cue note", "cue"), ("word", "lyric/text")):
            reading.left_out[staff][thing] += note.find(tag) is not None
    length = Fraction(0) if note.find("grace") is not None else _length(note, reading)
    start = reading.before if note.find("chord") is not None else reading.now
    rest = note.find("rest")
    # A whole-measure rest is as long as the measure in other parts.
    if rest is None or rest.get("measure") != "yes":
        reading.written = max(reading.written, start + length)
        reading.end = max(reading.end, reading.written)
    reading.before, reading.now = start, max(start + length, reading.now)
    pitch = note.find("pitch")
    if length and pitch is not None and rest is None and note.find("cue") is None and not slash:
        ties = {tie.get("type") for path in ("tie", "notations/tied") for tie in note.iterfind(path)}
        reading.tones[staff].append(
            Tone(
                start=start,
                length=length,
                pitch=_pitch(pitch, note.findtext("accidental", "")) + reading.transposition,
                tied=bool(ties & {"stop", "continue"}),
                fermata=note.find("notations/fermata") is not None,
                rank=_ordinal(note.findtext("voice", "1")),
            )
        )


def _pitch(pitch: Element, accidental: str) -> float:
    """MIDI pitch as written; if `alter` is missing, the accidental alters it."""
    step = STEPS.get(pitch.findtext("step", "").strip().upper())
    if step is None:
        raise ValueError(f"a note of it is called {pitch.findtext('step', '')[:20]!r}")
    alter = pitch.findtext("alter", "").strip()
    altered = float(_number(alter, "alter")) if alter else _ACCIDENTALS.get(accidental.strip(), 0)
    return 12 * (_whole(pitch, "octave") + 1) + step + altered


def _length(element: Element, reading: _PartReading) -> Fraction:
    """Duration in sixteenths."""
    duration = _number(element.findtext("duration", "0"), "duration")
    return max(Fraction(0), duration * FRAMES_PER_QUARTER / reading.divisions)


def _backup(element: Element, reading: _PartReading) -> None:
    reading.now = max(Fraction(0), reading.now - _length(element, reading))


def _forward(element: Element, reading: _PartReading) -> None:
    reading.now += _length(element, reading)
    reading.end = max(reading.end, reading.now)


def _attributes(attributes: Element, reading: _PartReading) -> None:
    divisions = attributes.findtext("divisions")
    if divisions is not None:
        reading.divisions = _number(divisions, "divisions")
        if reading.divisions <= 0:
            raise ValueError(f"it divides a quarter by {divisions[:20]}")
        reading.divisor = lcm(reading.divisor, reading.divisions.numerator)
        if reading.divisor > MAX_DIVISOR:
            raise ValueError("it divides quarters in too many ways")
    transpose = attributes.find("transpose")
    if transpose is not None:
        reading.transposition = _whole(transpose, "chromatic") + 12 * _whole(transpose, "octave-change")
    time = attributes.find("time")
    if time is not None and time.find("beats") is not None:
        reading.metre = _metre(time)
        reading.metres.append(reading.metre)
    for key in attributes.iterfind("key"):
        if key.find("fifths") is not None and key.get("number", "1") == "1":
            reading.signatures.append(_signature(key, reading.transposition))


def _metre(time: Element) -> TimeSignature:
    """Time signature; a composite one (3/8 + 2/4) becomes the sum in the shorter beats."""
    terms = [
        (
            sum(int(_number(beat, "beats")) for beat in (beats.text or "").split("+")),
            int(_number(kind.text, "beat-type")),
        )
        for beats, kind in zip(time.iterfind("beats"), time.iterfind("beat-type"), strict=False)
    ]
    if not terms or any(beats < 1 or kind < 1 for beats, kind in terms):
        raise ValueError("a time signature of it has no beats")
    unit = max(kind for _, kind in terms)
    beats = sum(Fraction(beats * unit, kind) for beats, kind in terms)
    return int(beats), unit


def _signature(key: Element, transposition: int) -> Signature:
    fifths = _whole(key, "fifths")
    if transposition % 12:
        fifths = Key(fifths).transpose(transposition % 12).fifths
    return Signature(fifths, key.findtext("mode", "").strip() or None)


def _bar_lines(measure: Element, reading: _PartReading) -> BarLines:
    repeats = {repeat.get("direction") for repeat in measure.iterfind("barline/repeat")}
    endings = {ending.get("type"): ending.get("number", "") for ending in measure.iterfind("barline/ending")}
    reading.repeats |= bool(repeats or endings)
    return BarLines(
        opens="forward" in repeats,
        closes="backward" in repeats,
        ending=endings.get("start", ""),
        ends=bool(endings.keys() & {"stop", "discontinue"}),
    )


def _direction(direction: Element, reading: _PartReading) -> None:
    """Note a jump: da capo, dal segno, coda."""
    for element in direction.iter():
        jumps = element.tag in ("segno", "coda") or (element.tag == "words" and JUMP.search(element.text or ""))
        if element.tag == "sound":
            jumps = any(element.get(jump) for jump in ("dacapo", "dalsegno", "segno", "coda", "tocoda", "fine"))
        reading.repeats |= bool(jumps)


_READERS = {
    "note": _note,
    "backup": _backup,
    "forward": _forward,
    "attributes": _attributes,
    "direction": _direction,
    "sound": _direction,
}


def _ordinal(text: str) -> int:
    """Number of a voice or staff, 0 if it has none."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 4 else 0


def _whole(parent: Element, tag: str) -> int:
    """Small whole number, 0 if missing."""
    text = parent.findtext(tag, "").strip() or "0"
    number = _number(text, tag)
    if number.denominator != 1 or abs(number) > 1000:
        raise ValueError(f"its <{tag}> is {text[:20]}")
    return int(number)


def _number(text: str | None, tag: str) -> Fraction:
    """Decimal number as in MusicXML, without an exponent that could make it huge."""
    digits = (text or "").strip()
    if not re.fullmatch(r"[+-]?\d{1,12}(\.\d{0,12})?", digits):
        raise ValueError(f"its <{tag}> is {digits[:20]!r}")
    return Fraction(digits)
