"""Notate a chorale: tied note values, beams and fermatas, for any file format.

Lengths and positions are sixteenths, fractions where notes are finer; a position counts from the bar line, so the first
note of a pickup of one quarter in 4/4 has position 12.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Literal, NamedTuple

from bachlit.music.chorale import Chorale, Voice
from bachlit.music.notes import Note, notes_of
from bachlit.scores.writing.durations import beat_length, split
from bachlit.scores.writing.spelling import Spelling, spell_voice

Beam = Literal["begin", "continue", "end", "forward hook", "backward hook"]


_BEAMED = tuple(Fraction(3, 2**power) for power in range(5))
"""Longest value with a first beam (a dotted eighth), with a second, and so on."""


class Tuplet(NamedTuple):
    """Place of a symbol in a tuplet: `actual` notes in the time of `normal`, and whether the bracket begins or ends."""

    actual: int = 3
    normal: int = 2
    begins: bool = False
    ends: bool = False


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """Written note or rest: one note head, one value.

    Attributes:
        spelling: Spelling of the pitch; None for a rest.
        position: Where it begins in a full measure.
        length: Time it takes: a value (see `durations.value_of`), in a tuplet less, a full measure if `fills_measure`.
        tied_back: Tied to the note before.
        tied_on: Tied to the note after.
        fermata: Carries a fermata.
        fills_measure: Is a whole-measure rest.
        beams: Beams from eighths to shorter values; empty if unbeamed.
        tuplet: Its place in a tuplet, if any.
    """

    spelling: Spelling | None
    position: int | Fraction
    length: int | Fraction
    tied_back: bool = False
    tied_on: bool = False
    fermata: bool = False
    fills_measure: bool = False
    beams: tuple[Beam, ...] = ()
    tuplet: Tuplet | None = None

    @property
    def value(self) -> int | Fraction:
        """Length of the note value as it looks, in sixteenths: two for a triplet's eighth.

        >>> Symbol(spelling=None, position=0, length=Fraction(4, 3), tuplet=Tuplet()).value
        Fraction(2, 1)
        """
        return self.length if self.tuplet is None else self.length * Fraction(self.tuplet.actual, self.tuplet.normal)


def write_voice(chorale: Chorale, voice: Voice) -> list[list[Symbol]]:
    """Notate a voice, measure by measure.

    >>> tied = write_voice(Chorale.from_pitches([[67, 0, 0, 0]] * 20), "soprano")
    >>> [[(symbol.length, symbol.tied_back, symbol.tied_on) for symbol in measure] for measure in tied]
    [[(16, False, True)], [(4, True, False)]]
    """
    measures = chorale.measures
    written: list[list[Symbol]] = [[] for _ in measures]
    notes = notes_of(chorale, voice)
    spellings = spell_voice([note.pitch for note in notes], [chorale.key_at(note.start) for note in notes])
    first = 0  # measure in which the note begins
    for note, spelling in zip(notes, spellings, strict=True):
        while measures[first].end <= note.start:
            first += 1
        for index in range(first, len(measures)):
            measure = measures[index]
            begin, end = max(note.start, measure.start), min(note.start + note.length, measure.end)
            if begin >= end:
                break
            position = measure.position + begin - measure.start
            if spelling is None and position == 0 and end == measure.end and end - begin >= measure.full:
                written[index].append(Symbol(spelling=None, position=0, length=end - begin, fills_measure=True))
            else:
                pieces = split(position, end - begin, measure.time_signature, rest=spelling is None)
                written[index] += _symbols(note, spelling, begin, position, pieces)
    return [
        beam(symbols, beat_length(measure.time_signature)) for symbols, measure in zip(written, measures, strict=True)
    ]


def _symbols(
    note: Note, spelling: Spelling | None, begin: int, position: int, pieces: tuple[int, ...]
) -> Iterator[Symbol]:
    """Yield the values of a note or rest in one measure, the first at frame `begin`."""
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


def beam(symbols: list[Symbol], beat: int) -> list[Symbol]:
    """Beam the notes shorter than a quarter within each beat.

    Args:
        symbols: Notes and rests of one voice in a measure.
        beat: Length of a beat in sixteenths.
    """

    def beam_group(symbol: Symbol) -> int | None:
        return int(symbol.position // beat) if symbol.spelling and symbol.value < 4 else None

    beamed: list[Symbol] = []
    for group, members in groupby(symbols, key=beam_group):
        notes = list(members)
        if group is None or len(notes) == 1:
            beamed += notes
        else:
            beamed += [replace(note, beams=_beams(notes, index)) for index, note in enumerate(notes)]
    return beamed


def _beams(notes: list[Symbol], index: int) -> tuple[Beam, ...]:
    """Beams of one note in a group."""
    beams: list[Beam] = []
    for longest in _BEAMED:
        if notes[index].value > longest:
            break
        before = index > 0 and notes[index - 1].value <= longest
        after = index + 1 < len(notes) and notes[index + 1].value <= longest
        if before or after:
            beams.append("continue" if before and after else "end" if before else "begin")
        else:  # a hook points to the other half of the value above: a sixteenth's second beam to its eighth
            forward = index == 0 or (index + 1 < len(notes) and notes[index].position % (longest * 4 / 3) == 0)
            beams.append("forward hook" if forward else "backward hook")
    return tuple(beams)
