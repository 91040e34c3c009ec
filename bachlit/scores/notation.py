"""From a chorale's grid to what a musician writes: measures, tied values, beams, fermatas and spelled pitches.

Nothing here knows a file format. Lengths and positions are sixteenths; a position counts from the bar line, so the
first note of a pickup of one quarter in 4/4 has position 12.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

from bachlit.chorale import REST, VOICES, BoolArray, Chorale, Voice
from bachlit.keys import Key

Beam = Literal["begin", "continue", "end", "forward hook", "backward hook"]
TimeSignature = tuple[int, int]

# Length: name and dots. Whatever is longer or lies between is written as several, tied.
VALUES: dict[int, tuple[str, int]] = {
    1: ("16th", 0),
    2: ("eighth", 0),
    3: ("eighth", 1),
    4: ("quarter", 0),
    6: ("quarter", 1),
    8: ("half", 0),
    12: ("half", 1),
    16: ("whole", 0),
    24: ("whole", 1),
    32: ("breve", 0),
}


class Measure(NamedTuple):
    """A written measure.

    Attributes:
        number: As printed; 0 is the pickup.
        start: Its first frame.
        position: Where in a full measure it begins; above 0 in a pickup.
        length: Its frames, fewer than a full measure's in a pickup or at an early end.
    """

    number: int
    start: int
    position: int
    length: int


class Note(NamedTuple):
    """A note, or a rest of pitch 0, as it sounds: one for each onset."""

    pitch: int
    start: int
    length: int
    fermata: bool = False


class Spelling(NamedTuple):
    """A pitch's name: step A to G, semitones of alteration, octave (4 begins with middle C)."""

    step: str
    alter: int
    octave: int


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A note or a rest as it is written: one note head, one value.

    Attributes:
        spelling: Its pitch's name; None in a rest.
        position: Where it begins in a full measure.
        length: One of `VALUES`, or the whole measure's length if `fills_measure`.
        tied_back: It goes on with the note before.
        tied_on: It goes on in the note after.
        fermata: It carries a fermata.
        fills_measure: It is a rest for a full measure.
        beams: From the eighths' beam to the sixteenths'; empty where a flag or nothing is written.
    """

    spelling: Spelling | None
    position: int
    length: int
    tied_back: bool = False
    tied_on: bool = False
    fermata: bool = False
    fills_measure: bool = False
    beams: tuple[Beam, ...] = ()


def spell(pitch: int, key: Key, *, leads: int = 0) -> Spelling:
    """The name of a pitch that suits a key: one of twelve neighbours on the line of fifths.

    In C major those are E-flat to G-sharp, in A minor B-flat to D-sharp, and one fifth further before a step of a
    semitone: D-sharp leads to E and A-flat to G. Double accidentals stay only where they are minor's raised sixth or
    seventh degree; elsewhere the simpler name is taken. Of 21,206 notes in 92 of Bach's chorales all but 15 are spelled
    as in music21's corpus; 39 differ if the next note isn't regarded.

    Args:
        pitch: MIDI pitch.
        key: The written key.
        leads: 1 if the voice moves on a semitone up, -1 if a semitone down, 0 if anywhere else.

    >>> [spell(pitch, Key(0, "major")).step for pitch in (60, 61, 63, 66, 68, 70)]
    ['C', 'C', 'E', 'F', 'G', 'B']
    >>> spell(59, Key(-6, "major")), spell(67, Key(5, "minor"))  # C-flat, and the leading note F-double-sharp
    (Spelling(step='C', alter=-1, octave=4), Spelling(step='F', alter=2, octave=4))
    >>> spell(63, Key(0, "major")).step, spell(63, Key(0, "major"), leads=1).step
    ('E', 'D')
    """
    lowest = key.fifths - (2 if key.mode == "minor" else 3) + leads
    fifths = lowest + (7 * pitch - lowest) % 12  # from C, along the line of fifths
    degree = fifths - key.fifths
    if not -8 <= fifths <= 12 and not (key.mode == "minor" and degree in (6, 8)):
        fifths += -12 if fifths > 0 else 12
    alter = (fifths + 1) // 7
    return Spelling("FCGDAEB"[(fifths + 1) % 7], alter, (pitch - alter) // 12 - 1)


def measures_of(chorale: Chorale) -> list[Measure]:
    """The measures of a chorale, in order; the last ends with the music, full or not.

    >>> for measure in measures_of(Chorale.from_pitches([[60, 0, 0, 0]] * 24, pickup=4)):
    ...     print(measure)
    Measure(number=0, start=0, position=12, length=4)
    Measure(number=1, start=4, position=0, length=16)
    Measure(number=2, start=20, position=0, length=4)
    """
    full, pickup, end = chorale.measure_length, chorale.pickup, chorale.num_frames
    measures = [Measure(0, 0, full - pickup, min(pickup, end))] if pickup else []
    for number, start in enumerate(range(pickup, end, full), start=1):
        measures.append(Measure(number, start, 0, min(full, end - start)))
    return measures


def notes_of(chorale: Chorale, voice: Voice) -> list[Note]:
    """A voice's notes and rests as they sound, in order, without a gap.

    Every voice that sounds at the end of a soprano note with a fermata carries one there; so does every voice that
    sounds at the end of a fermata under which the soprano rests.

    >>> notes_of(Chorale.from_pitches([[67, 60, 0, 0]] * 3 + [[69, 60, 0, 0]]), "soprano")
    [Note(pitch=67, start=0, length=3, fermata=False), Note(pitch=69, start=3, length=1, fermata=False)]
    """
    column = VOICES.index(voice)
    held = _fermata_frames(chorale)
    pitches = chorale.pitches[:, column]
    return [
        Note(int(pitches[start]), start, end - start, bool(pitches[start] != REST and held[start:end].any()))
        for start, end in _spans(chorale, column)
    ]


def write_voice(chorale: Chorale, voice: Voice) -> list[list[Symbol]]:
    """A voice as it is written, measure by measure.

    >>> tied = write_voice(Chorale.from_pitches([[67, 0, 0, 0]] * 20), "soprano")
    >>> [[(symbol.length, symbol.tied_back, symbol.tied_on) for symbol in measure] for measure in tied]
    [[(16, False, True)], [(4, True, False)]]
    """
    measures = measures_of(chorale)
    written: list[list[Symbol]] = [[] for _ in measures]
    notes = notes_of(chorale, voice)
    for note, spelling in zip(notes, _spellings(notes, chorale.key), strict=True):
        for index, measure in enumerate(measures):
            begin = max(note.start, measure.start)
            end = min(note.start + note.length, measure.start + measure.length)
            position = measure.position + begin - measure.start
            if spelling is None and end - begin == chorale.measure_length:
                written[index].append(Symbol(spelling=None, position=0, length=end - begin, fills_measure=True))
            elif begin < end:
                pieces = split(position, end - begin, chorale.time_signature, rest=spelling is None)
                written[index] += _symbols(note, spelling, begin, position, pieces)
    return [_beam(symbols, beat_length(chorale.time_signature)) for symbols in written]


def beat_length(time_signature: TimeSignature) -> int:
    """Sixteenths in the beat that beams and ties show: a quarter, or three eighths or sixteenths in compound metres.

    >>> [beat_length(metre) for metre in ((4, 4), (3, 2), (6, 8), (3, 8), (5, 8))]
    [4, 4, 6, 6, 4]
    """
    numerator, denominator = time_signature
    return 48 // denominator if denominator >= 8 and numerator % 3 == 0 else 4


def _spellings(notes: list[Note], key: Key) -> list[Spelling | None]:
    """The names of a voice's notes, each with regard to the next other pitch; None for rests."""
    spellings: list[Spelling | None] = []
    ahead = after = REST  # the next note's pitch, and the next that differs from it
    for note in reversed(notes):
        if note.pitch == REST:
            spellings.append(None)
            continue
        if note.pitch != ahead:
            ahead, after = note.pitch, ahead
        leads = after - note.pitch if after != REST and abs(after - note.pitch) == 1 else 0
        spellings.append(spell(note.pitch, key, leads=leads))
    return spellings[::-1]


@cache
def split(position: int, length: int, time_signature: TimeSignature, *, rest: bool = False) -> tuple[int, ...]:
    """The values in which a note or a rest is written that lies within a measure.

    Notes are split as rarely as the metre allows, then where the metre is strongest, then as evenly as can be.

    >>> split(0, 10, (4, 4)), split(4, 12, (4, 4)), split(6, 4, (4, 4)), split(2, 4, (4, 4)), split(0, 8, (6, 8))
    ((8, 2), (12,), (2, 2), (4,), (6, 2))
    >>> split(4, 12, (4, 4), rest=True)
    (4, 8)
    """
    return _cheapest(position, position, position + length, time_signature, rest)[1]


@cache
def _cheapest(
    first: int, position: int, end: int, time_signature: TimeSignature, rest: bool
) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """The cost (values, weakness of the splits, unevenness) and the values of the best way from position to end."""
    if position == end:
        return (0, 0, 0), ()
    fits = _rest_fits if rest else _note_fits
    weakness = 0 if position == first else _weakness(position, beat_length(time_signature))
    ways = []
    for value in VALUES:
        if value <= end - position and fits(position, value, time_signature):
            (count, weak, uneven), values = _cheapest(first, position + value, end, time_signature, rest)
            ways.append(((count + 1, weak + weakness, uneven + value * value), (value, *values)))
    return min(ways)


def _weakness(position: int, beat: int) -> int:
    return next(rank for rank, unit in enumerate((2 * beat, beat, 2, 1)) if position % unit == 0)


def _note_fits(position: int, value: int, time_signature: TimeSignature) -> bool:
    """Whether a note may be written with this value here, the bar line apart."""
    numerator, denominator = time_signature
    measure, beat = 16 * numerator // denominator, beat_length(time_signature)
    within = position % beat
    if within == 0:
        return beat == 4 or value <= beat or value % beat == 0
    if within + value <= beat:
        return value in ((1, 2, 3) if within % 2 else (1, 2, 4))
    # A quarter off the beat may cross a beat, but must show the half measure, or the half notes of 3/2.
    hides_half = measure > 8 and measure % 8 == 0 and position % 8 == 6
    return (beat, within, value) == (4, 2, 4) and not hides_half


def _rest_fits(position: int, value: int, time_signature: TimeSignature) -> bool:
    """Whether a rest may be written with this value here: rests keep to multiples of themselves, undotted."""
    numerator, denominator = time_signature
    measure, beat = 16 * numerator // denominator, beat_length(time_signature)
    if value == beat:
        return position % beat == 0
    if value > beat:
        return value in (2 * beat, 4 * beat) and position % value == 0 and measure % value == 0
    within = position % beat
    return value in (1, 2, 4) and within % value == 0 and within + value <= beat


def _symbols(
    note: Note, spelling: Spelling | None, begin: int, position: int, pieces: tuple[int, ...]
) -> Iterator[Symbol]:
    """The pieces of a note or a rest in one measure, the first of them at frame `begin`."""
    for length in pieces:
        last = begin + length == note.start + note.length
        yield Symbol(
            spelling=spelling,
            position=position,
            length=length,
            tied_back=spelling is not None and begin > note.start,
            tied_on=spelling is not None and not last,
            fermata=note.fermata and last,
        )
        begin, position = begin + length, position + length


def _beam(symbols: list[Symbol], beat: int) -> list[Symbol]:
    """The symbols of a measure with neighbours shorter than a quarter beamed within each beat."""

    def beam_group(symbol: Symbol) -> int | None:
        return symbol.position // beat if symbol.spelling and symbol.length < 4 else None

    beamed: list[Symbol] = []
    for group, members in groupby(symbols, key=beam_group):
        notes = list(members)
        if group is None or len(notes) == 1:
            beamed += notes
        else:
            beamed += [replace(note, beams=_beams(notes, index)) for index, note in enumerate(notes)]
    return beamed


def _beams(notes: list[Symbol], index: int) -> tuple[Beam, ...]:
    """The beams of one note in a group of two or more."""
    beams: list[Beam] = []
    for longest in (3, 1):  # dotted eighths and shorter have a first beam, sixteenths a second
        if notes[index].length > longest:
            break
        before = index > 0 and notes[index - 1].length <= longest
        after = index + 1 < len(notes) and notes[index + 1].length <= longest
        if before or after:
            beams.append("continue" if before and after else "end" if before else "begin")
        else:  # a hook points to the note with which it makes up an eighth
            forward = index == 0 or (index + 1 < len(notes) and notes[index].position % 2 == 0)
            beams.append("forward hook" if forward else "backward hook")
    return tuple(beams)


def _spans(chorale: Chorale, column: int) -> list[tuple[int, int]]:
    """First frame and end of every note and rest of a voice."""
    starts = [int(frame) for frame in np.flatnonzero(chorale.onsets[:, column])]
    return list(zip(starts, [*starts[1:], chorale.num_frames], strict=True))


def _fermata_frames(chorale: Chorale) -> BoolArray:
    """(T,) true where a fermata stands: at the end of its soprano notes, or at its own where the soprano rests."""
    held = np.zeros(chorale.num_frames, dtype=np.bool_)
    for start, end in _spans(chorale, 0):
        if chorale.pitches[start, 0] != REST and chorale.fermatas[start:end].any():
            held[end - 1] = True
    edges = np.flatnonzero(np.diff(chorale.fermatas.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if not chorale.pitches[start:end, 0].any():
            held[end - 1] = True
    return held
