"""Voices of MIDI on the grid -> MusicXML tree. Times are units, 48 a quarter."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import gcd
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.keys import Key
from bachlit.scores.reading.midi.bars import Bar
from bachlit.scores.reading.midi.general_midi import INSTRUMENTS
from bachlit.scores.reading.midi.heads import Head, NotatedPart, heads_of
from bachlit.scores.writing.durations import beat_length
from bachlit.scores.writing.elements import accidentals_of, add_text, note_element
from bachlit.scores.writing.musicxml import one_line
from bachlit.scores.writing.tuplets import UNITS, UNITS_PER_FRAME

_LOWEST_TREBLE = 57
_TEMPO_CHANGE = 0.05  # a smaller one is heard, but not printed


class Direction(NamedTuple):
    """Tempo (quarters per minute) or a marker's text, and its time."""

    time: int
    tempo: float | None = None
    text: str = ""


def score_tree(
    title: str,
    parts: Sequence[NotatedPart],
    bars: Sequence[Bar],
    keys: Sequence[tuple[int, Key]],
    directions: Sequence[Direction],
    *,
    modes: bool = True,
) -> Element:
    """Make a `<score-partwise>`.

    Args:
        title: To print; may be empty.
        parts: At least one.
        bars: Of all parts.
        keys: Indices of bars and the keys that begin there; the first at 0.
        directions: In order of time.
        modes: Whether the keys' modes are known; else only their signatures are written.
    """
    root = Element("score-partwise", version="4.0")
    if title:
        add_text(SubElement(root, "work"), "work-title", title)
    encoding = SubElement(SubElement(root, "identification"), "encoding")
    add_text(encoding, "software", "bachlit")
    listed = SubElement(root, "part-list")
    written = [list(heads_of(part, bars, keys)) for part in parts]
    divisions = UNITS // _common(written, directions, bars)
    for part, measures in zip(parts, written, strict=True):
        listed.append(_score_part(part))
        element = SubElement(root, "part", id=part.id)
        _add_measures(element, part, measures, bars, keys, directions if part is parts[0] else (), divisions)
    for key in root.iter("key") if not modes else ():
        key.remove(key[1])
    return root


def _common(written: Sequence[Sequence[Sequence[Head]]], directions: Sequence[Direction], bars: Sequence[Bar]) -> int:
    """Greatest common divisor of all lengths, in units."""
    common = gcd(UNITS, *(bar.length for bar in bars), *(direction.time for direction in directions))
    for measures in written:
        for heads in measures:
            for head in heads:
                common = gcd(common, int(head.symbol.length * UNITS_PER_FRAME))
    return common


def _score_part(part: NotatedPart) -> Element:
    element = Element("score-part", id=part.id)
    add_text(element, "part-name", part.name)
    instrument = SubElement(element, "score-instrument", id=f"{part.id}-I1")
    add_text(instrument, "instrument-name", INSTRUMENTS[part.program])
    sound = SubElement(element, "midi-instrument", id=f"{part.id}-I1")
    add_text(sound, "midi-channel", part.channel)
    add_text(sound, "midi-program", part.program + 1)
    return element


def _add_measures(
    element: Element,
    part: NotatedPart,
    measures: Sequence[Sequence[Head]],
    bars: Sequence[Bar],
    keys: Sequence[tuple[int, Key]],
    directions: Sequence[Direction],
    divisions: int,
) -> None:
    changes = dict(keys)
    key = keys[0][1]
    times = [direction.time for direction in directions]
    printed: list[float] = []  # the tempo in print
    for index, (bar, heads) in enumerate(zip(bars, measures, strict=True)):
        key = changes.get(index, key)
        measure = SubElement(element, "measure", number=str(index + 1))
        attributes = _attributes(index, bars, changes)
        if index == 0:
            attributes.insert(0, _divisions(divisions))
            attributes.append(_clef(part))
        if len(attributes):
            measure.append(attributes)
        here = directions[bisect_left(times, bar.start) : bisect_left(times, bar.start + bar.length)]
        _add_heads(measure, heads, bar, key, [_direction(each, bar, printed) for each in here], divisions)
    SubElement(SubElement(measure, "barline", location="right"), "bar-style").text = "light-heavy"


def _divisions(divisions: int) -> Element:
    element = Element("divisions")
    element.text = str(divisions)
    return element


def _attributes(index: int, bars: Sequence[Bar], changes: Mapping[int, Key]) -> Element:
    attributes = Element("attributes")
    if index in changes:
        key = SubElement(attributes, "key")
        add_text(key, "fifths", changes[index].fifths)
        add_text(key, "mode", changes[index].mode)
    if index == 0 or bars[index].metre != bars[index - 1].metre:
        time = SubElement(attributes, "time")
        add_text(time, "beats", bars[index].metre[0])
        add_text(time, "beat-type", bars[index].metre[1])
    return attributes


def _clef(part: NotatedPart) -> Element:
    pitches = sorted(pitch for voice in part.voices for chord in voice for pitch in chord.pitches)
    treble = pitches[len(pitches) // 2] >= _LOWEST_TREBLE
    clef = Element("clef")
    add_text(clef, "sign", "G" if treble else "F")
    add_text(clef, "line", 2 if treble else 4)
    return clef


def _direction(direction: Direction, bar: Bar, printed: list[float]) -> tuple[int, Element]:
    """Make a direction, a mere sound of a tempo about as in print; return its place in the bar, too."""
    place = direction.time - bar.start
    if direction.tempo is None:
        element = Element("direction", placement="above")
        add_text(SubElement(element, "direction-type"), "rehearsal", one_line(direction.text))
        return place, element
    element = Element("sound", tempo=f"{direction.tempo:.6g}")
    if printed and abs(direction.tempo / printed[-1] - 1) < _TEMPO_CHANGE:
        return place, element
    printed.append(direction.tempo)
    above = Element("direction", placement="above")
    metronome = SubElement(SubElement(above, "direction-type"), "metronome")
    dotted = beat_length(bar.metre) == 6
    add_text(metronome, "beat-unit", "quarter")
    if dotted:
        SubElement(metronome, "beat-unit-dot")
    add_text(metronome, "per-minute", f"{direction.tempo / 1.5 if dotted else direction.tempo:.0f}")
    above.append(element)
    return place, above


def _add_heads(
    measure: Element,
    heads: Sequence[Head],
    bar: Bar,
    key: Key,
    directions: list[tuple[int, Element]],
    divisions: int,
) -> None:
    """Add notes and rests, voice by voice, and the directions among those of the first."""
    order = sorted(range(len(heads)), key=lambda index: (heads[index].symbol.position, heads[index].voice, index))
    printed = accidentals_of([heads[index].symbol for index in order], key.fifths)
    accidentals = dict(zip(order, printed, strict=True))
    voice = 1
    for index, head in enumerate(heads):
        if head.voice != voice:
            backup = SubElement(measure, "backup")
            add_text(backup, "duration", bar.length * divisions // UNITS)
            voice = head.voice
        end = int((head.symbol.position + head.symbol.length) * UNITS_PER_FRAME)
        while voice == 1 and directions and directions[0][0] < end and not head.chord:
            place, direction = directions.pop(0)
            if offset := (place - int(head.symbol.position * UNITS_PER_FRAME)) * divisions // UNITS:
                _offset(direction, offset)
            measure.append(direction)
        note = note_element(
            head.symbol, accidental=accidentals[index], divisions=divisions, voice=voice, chord=head.chord
        )
        if head.word:
            lyric = SubElement(note, "lyric", number="1")
            add_text(lyric, "syllabic", head.word.syllabic)
            add_text(lyric, "text", head.word.text)
        measure.append(note)


def _offset(direction: Element, offset: int) -> None:
    """Let a direction, or a sound, hold later than where it stands."""
    element = Element("offset")
    element.text = str(offset)
    if direction.tag == "sound":
        direction.append(element)
    else:
        direction.insert(1, element)
