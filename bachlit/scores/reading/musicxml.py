"""MusicXML -> parts, one per staff."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.chorale import FRAMES_PER_QUARTER, TimeSignature
from bachlit.music.keys import STEPS, Key
from bachlit.scores.reading.harmony import chord_symbol, figures
from bachlit.scores.reading.limits import MAX_DIVISOR, MAX_FRAMES, MAX_STAVES
from bachlit.scores.reading.numbers import decimal, ordinal, whole
from bachlit.scores.reading.safe_xml import parse_xml
from bachlit.scores.reading.score import COMMON_TIME, Part, Score, Signature, Symbol, Tone, WrittenMeasure
from bachlit.scores.reading.signs import signs_of
from bachlit.scores.reading.tempo import tempo_of

_ACCIDENTALS = {"sharp": 1, "flat": -1, "double-sharp": 2, "sharp-sharp": 2, "flat-flat": -2}
_MOST_REPEATED = 8  # measures that one sign repeats; MusicXML has signs for one, two and four


def musicxml_document(text: str) -> Element:
    """Parse a MusicXML document into a partwise tree.

    Raises:
        ValueError: If it isn't one.
    """
    root = parse_xml(text)
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise ValueError(f"its root is <{root.tag[:40]}>")
    return root


def read_tree(root: Element) -> Score:
    """Read the parts of a partwise MusicXML tree.

    Raises:
        ValueError: If a number in it isn't possible.
    """
    listed = {part.get("id"): part for part in root.iterfind("part-list/score-part")}
    title = root.findtext("work/work-title", "").strip() or root.findtext("movement-title", "").strip()
    parts: list[Part] = []
    for place, part in enumerate(root.iterfind("part")):
        written = listed.get(part.get("id"), Element("score-part"))
        channel = ordinal(written.findtext("midi-instrument/midi-channel", ""))
        instrument = " ".join(written.findtext("score-instrument/instrument-name", "").split())
        name = " ".join(written.findtext("part-name", "").split())
        parts += [
            replace(staff, name=name, place=place, instrument=instrument, channel=channel) for staff in _staves(part)
        ]
    return Score(title, parts, root)


def _partwise(root: Element) -> Element:
    """Turn a timewise score into a partwise one."""
    turned = Element("score-partwise", root.attrib)
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
    """State while reading a part."""

    divisions: Fraction = Fraction(1)  # of a quarter
    divisor: int = 1  # multiple of all divisions
    transposition: int = 0  # semitones from written to sounding pitch
    metre: TimeSignature = COMMON_TIME
    signature: Signature | None = None
    percussion: set[str] = field(default_factory=set)  # staves whose clef now is percussion's
    repeated: int = 0  # how many measures a measure-repeat sign repeats
    now: Fraction = Fraction(0)  # time in the measure, sixteenths
    before: Fraction = Fraction(0)  # start of the last note, for chords
    figured: Fraction = Fraction(0)  # duration of figures since the last note
    end: Fraction = Fraction(0)  # of the measure
    written: Fraction = Fraction(0)  # of its last note or rest
    rested: Fraction = Fraction(0)  # length of its whole-measure rest
    num_notes: int = 0
    tones: list[tuple[str, str, Tone]] = field(default_factory=list)  # voice, staff, note of the measure
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    chords: list[Symbol] = field(default_factory=list)
    figures: list[Symbol] = field(default_factory=list)


class _Row(NamedTuple):
    """Measure without notes, and its notes with their voices and staves."""

    measure: WrittenMeasure
    tones: list[tuple[str, str, Tone]]


def _staves(part: Element) -> Iterator[Part]:
    """Yield the staves of a part that have notes; one without if none has."""
    reading = _PartReading(divisions=_first_divisions(part))
    rows = list(_rows(part, reading))
    if rows:  # a piece ends with its last note or rest
        last = rows[-1].measure
        rows[-1] = rows[-1]._replace(measure=replace(last, length=reading.written or last.length))
    tones = list(_at_home(rows))
    sounding = sorted({staff for row in tones for staff, _ in row}, key=ordinal) or ["1"]
    if len(sounding) > MAX_STAVES:
        raise ValueError(f"a part of it has more than {MAX_STAVES} staves")
    several = len({note.findtext("staff", "1") for note in part.iter("note")}) > 1
    for staff in sounding:
        yield Part(
            measures=[
                replace(row.measure, tones=_ordered(tone for at, tone in some if at == staff))
                for row, some in zip(rows, tones, strict=True)
            ],
            staff=staff if several else "",
        )


def _first_divisions(part: Element) -> Fraction:
    """Divisions at the beginning: the first that a part states, even if notes stand before it."""
    stated = part.findtext("measure/attributes/divisions")
    divisions = decimal(stated, "divisions") if stated else Fraction(1)
    return divisions if divisions > 0 else Fraction(1)  # refused where it stands


def _rows(part: Element, reading: _PartReading) -> Iterator[_Row]:
    """Yield the measures of a part."""
    total = Fraction(0)
    rows: list[_Row] = []
    for place, written in enumerate(part.iterfind("measure"), start=1):
        reading.now = reading.before = reading.end = reading.written = reading.rested = reading.figured = Fraction(0)
        reading.tones, reading.tempos, reading.chords, reading.figures = [], [], [], []
        for element in written:
            if element.tag in _READERS:
                _READERS[element.tag](element, reading)
        number = " ".join(written.get("number", "").split())[:20] or str(place)
        length, tones = reading.end, reading.tones
        if 0 < reading.repeated < place and not tones:
            length, tones = rows[-reading.repeated].measure.length, rows[-reading.repeated].tones
        measure = WrittenMeasure(
            number,
            length,
            rested=reading.rested,
            metre=reading.metre,
            signature=reading.signature,
            signs=signs_of(written),
            tempos=tuple(reading.tempos),
            chords=tuple(reading.chords),
            figures=tuple(reading.figures),
        )
        total += length or measure.full
        if total > MAX_FRAMES:
            raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
        rows.append(_Row(measure, tones))
    yield from rows


def _at_home(rows: Sequence[_Row]) -> Iterator[list[tuple[str, Tone]]]:
    """Yield the notes of each measure with the staves of their voices.

    A voice may cross to another staff, which doesn't make it another voice: it belongs where most of its notes stand,
    unless that staff has other notes at the time. Programs number voices anew in each measure.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for voice, staff, _ in row.tones:
            counts[voice][staff] += 1
    most = {voice: min(staves, key=lambda staff: (-staves[staff], ordinal(staff))) for voice, staves in counts.items()}
    for row in rows:
        taken: dict[str, set[str]] = defaultdict(set)  # voices of each staff, apart from those that cross to it
        for voice, staff, _ in row.tones:
            taken[staff].add(voice)
        home = {voice: most[voice] for voice, _, _ in row.tones if taken[most[voice]] <= {voice}}
        yield [(home.get(voice, staff), tone) for voice, staff, tone in row.tones]


def _ordered(tones: Iterator[Tone]) -> list[Tone]:
    return sorted(tones, key=lambda tone: (tone.start, tone.rank, -tone.pitch))


def _note(note: Element, reading: _PartReading) -> None:
    index, reading.num_notes = reading.num_notes, reading.num_notes + 1
    length = Fraction(0) if note.find("grace") is not None else _length(note, reading)
    start = reading.before if note.find("chord") is not None else reading.now
    rest = note.find("rest")
    # A whole-measure rest is as long as the measure in other parts.
    if rest is None or rest.get("measure") != "yes":
        reading.written = max(reading.written, start + length)
        reading.end = max(reading.end, reading.written)
    else:
        reading.rested = max(reading.rested, length)
    reading.before, reading.now, reading.figured = start, max(start + length, reading.now), Fraction(0)
    pitch = note.find("pitch")
    staff = note.findtext("staff", "1").strip()
    silent = note.find("cue") is not None or note.findtext("notehead", "").strip() == "slash"
    silent = silent or staff in reading.percussion
    if length and pitch is not None and rest is None and not silent:
        ties = {tie.get("type") for path in ("tie", "notations/tied") for tie in note.iterfind(path)}
        voice = note.findtext("voice", "1").strip()
        tone = Tone(
            start=start,
            length=length,
            pitch=_pitch(pitch, note.findtext("accidental", "")) + reading.transposition,
            tied=bool(ties & {"stop", "continue"}),
            fermata=note.find("notations/fermata") is not None,
            rank=ordinal(voice),
            head=index,
        )
        reading.tones.append((voice, staff, tone))


def _pitch(pitch: Element, accidental: str) -> float:
    """MIDI pitch as written; if `alter` is missing, the accidental alters it."""
    step = STEPS.get(pitch.findtext("step", "").strip().upper())
    if step is None:
        raise ValueError(f"a note of it is called {pitch.findtext('step', '')[:20]!r}")
    alter = pitch.findtext("alter", "").strip()
    altered = float(decimal(alter, "alter")) if alter else _ACCIDENTALS.get(accidental.strip(), 0)
    return 12 * (whole(pitch, "octave") + 1) + step + altered


def _length(element: Element, reading: _PartReading) -> Fraction:
    """Duration in sixteenths."""
    duration = decimal(element.findtext("duration", "0"), "duration")
    return max(Fraction(0), duration * FRAMES_PER_QUARTER / reading.divisions)


def _backup(element: Element, reading: _PartReading) -> None:
    reading.now = max(Fraction(0), reading.now - _length(element, reading))


def _forward(element: Element, reading: _PartReading) -> None:
    reading.now += _length(element, reading)
    reading.end = max(reading.end, reading.now)


def _harmony(element: Element, reading: _PartReading) -> None:
    offset = decimal(element.findtext("offset", "0"), "offset") * FRAMES_PER_QUARTER / reading.divisions
    symbol = chord_symbol(element, reading.transposition)
    if symbol:
        reading.chords.append(Symbol(max(Fraction(0), reading.now + offset), symbol))


def _figured_bass(element: Element, reading: _PartReading) -> None:
    length = _length(element, reading)
    reading.figures.append(Symbol(reading.now + reading.figured, figures(element), length))
    reading.figured += length


def _direction(element: Element, reading: _PartReading) -> None:
    """Note a tempo: a sound's, else that of a metronome mark."""
    offset = decimal(element.findtext("offset", "0"), "offset") * FRAMES_PER_QUARTER / reading.divisions
    tempo = tempo_of(element)
    if tempo:
        reading.tempos.append((max(Fraction(0), reading.now + offset), tempo))


def _attributes(attributes: Element, reading: _PartReading) -> None:
    divisions = attributes.findtext("divisions")
    if divisions is not None:
        reading.divisions = decimal(divisions, "divisions")
        if reading.divisions <= 0:
            raise ValueError(f"it divides a quarter by {divisions[:20]}")
        reading.divisor = lcm(reading.divisor, reading.divisions.numerator)
        if reading.divisor > MAX_DIVISOR:
            raise ValueError("it divides quarters in too many ways")
    transpose = attributes.find("transpose")
    if transpose is not None:
        reading.transposition = whole(transpose, "chromatic") + 12 * whole(transpose, "octave-change")
    time = attributes.find("time")
    if time is not None and time.find("beats") is not None:
        reading.metre = _metre(time)
    for key in attributes.iterfind("key"):
        if key.find("fifths") is not None and key.get("number", "1") == "1":
            reading.signature = _signature(key, reading.transposition)
    for clef in attributes.iterfind("clef"):
        reading.percussion.discard(clef.get("number", "1"))
        if clef.findtext("sign", "").strip() == "percussion":
            reading.percussion.add(clef.get("number", "1"))
    for sign in attributes.iterfind("measure-style/measure-repeat"):
        repeated = ordinal(sign.text or "1") or 1
        reading.repeated = min(repeated, _MOST_REPEATED) if sign.get("type") == "start" else 0


def _metre(time: Element) -> TimeSignature:
    """Time signature; a composite one (3/8 + 2/4) becomes the sum in the shorter beats."""
    terms = [
        (
            sum(int(decimal(beat, "beats")) for beat in (beats.text or "").split("+")),
            int(decimal(kind.text, "beat-type")),
        )
        for beats, kind in zip(time.iterfind("beats"), time.iterfind("beat-type"), strict=False)
    ]
    if not terms or any(beats < 1 or kind < 1 for beats, kind in terms):
        raise ValueError("a time signature of it has no beats")
    unit = max(kind for _, kind in terms)
    beats = sum(Fraction(beats * unit, kind) for beats, kind in terms)
    return int(beats), unit


def _signature(key: Element, transposition: int) -> Signature:
    fifths = whole(key, "fifths")
    if transposition % 12:
        fifths = Key(fifths).transpose(transposition % 12).fifths
    return Signature(fifths, key.findtext("mode", "").strip().lower() or None)


_READERS = {
    "note": _note,
    "backup": _backup,
    "forward": _forward,
    "attributes": _attributes,
    "direction": _direction,
    "sound": _direction,
    "harmony": _harmony,
    "figured-bass": _figured_bass,
}
