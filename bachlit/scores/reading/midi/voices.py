"""Notes of one track and channel -> voices: one chord at a time in each."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bachlit.scores.reading.midi.grid import Rounded

MOST_VOICES = 4
"""Voices that a staff holds."""

_MOST_HELD = 20  # notes that may be cut when the next begins: more than fingers, and few, to bound the time


@dataclass
class Chord:
    """Notes that begin and end together, from the top down; times are units, 48 a quarter.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        pitches: MIDI pitches, at least one.
        numbers: Of its notes, among those of their line.
    """

    start: int
    end: int
    pitches: list[int]
    numbers: list[int]


@dataclass
class _Lane:
    """Chords of a voice in a passage."""

    chords: list[Chord] = field(default_factory=list)

    def leap(self, chord: Chord) -> int:
        return abs(self.chords[-1].pitches[0] - chord.pitches[0])


def voices_of(notes: Sequence[Rounded]) -> list[list[Chord]]:
    """Divide notes into voices, the highest first.

    Notes that begin and end together are a chord. A melody's notes that run a little into the next are cut. What
    overlaps otherwise goes into voices, at most four, as high as they lie on average between two moments when all
    begin anew; one more ends the nearest, or joins it.

    >>> melody_and_bass = [Rounded(0, 96, 48, 0), Rounded(48, 72, 72, 1), Rounded(72, 96, 74, 2)]
    >>> [[chord.pitches for chord in voice] for voice in voices_of(melody_and_bass)]
    [[[72], [74]], [[48]]]
    """
    voices: list[list[Chord]] = []
    for passage in _passages(_chords(_without_legato(notes))):
        for number, lane in enumerate(sorted(_lanes(passage), key=_height, reverse=True)):
            if number == len(voices):
                voices.append([])
            voices[number] += lane.chords
    return voices


def _without_legato(notes: Sequence[Rounded]) -> list[Rounded]:
    """Cut notes that all run into the next by less than half of either."""
    begun: dict[int, list[Rounded]] = defaultdict(list)
    for note in sorted(notes):
        begun[note.start].append(note)
    kept: list[Rounded] = []
    sounding: list[Rounded] = []
    for start, new in begun.items():
        over = [note for note in sounding if note.end <= start]
        held = [note for note in sounding if note.end > start]
        shortest = min(note.end - start for note in new)
        if all(2 * (note.end - start) < min(note.end - note.start, shortest) for note in held):
            over += [note._replace(end=start) for note in held]
            held = []
        kept += over
        kept += held[:-_MOST_HELD]
        sounding = held[-_MOST_HELD:] + new
    return kept + sounding


def _chords(notes: Sequence[Rounded]) -> list[Chord]:
    """Join notes that begin and end together; of one pitch begun twice at once, keep the longer."""
    together: dict[tuple[int, int], Chord] = {}
    seen: set[tuple[int, int]] = set()
    for note in sorted(notes, key=lambda note: (note.start, -note.end, -note.pitch)):
        if (note.start, note.pitch) in seen:
            continue
        seen.add((note.start, note.pitch))
        chord = together.setdefault((note.start, note.end), Chord(note.start, note.end, [], []))
        chord.pitches.append(note.pitch)
        chord.numbers.append(note.number)
    return sorted(together.values(), key=lambda chord: (chord.start, -chord.pitches[0]))


def _passages(chords: Sequence[Chord]) -> Iterator[list[Chord]]:
    """Yield chords between moments when nothing is held."""
    passage: list[Chord] = []
    end = 0
    for chord in chords:
        if passage and chord.start >= end:
            yield passage
            passage = []
        passage.append(chord)
        end = max(end, chord.end)
    if passage:
        yield passage


def _lanes(passage: Sequence[Chord]) -> list[_Lane]:
    lanes: list[_Lane] = []
    for chord in passage:
        free = [lane for lane in lanes if lane.chords[-1].end <= chord.start]
        if free:
            min(free, key=lambda lane: lane.leap(chord)).chords.append(chord)
        elif len(lanes) < MOST_VOICES:
            lanes.append(_Lane([chord]))
        else:
            held = [lane for lane in lanes if lane.chords[-1].start < chord.start]
            lane = min(held or lanes, key=lambda lane: lane.leap(chord))
            _squeeze(lane, chord)
    return lanes


def _squeeze(lane: _Lane, chord: Chord) -> None:
    """Put a chord into a lane that isn't free: it ends the one before, or joins it."""
    before = lane.chords[-1]
    if before.start < chord.start:
        before.end = chord.start
        lane.chords.append(chord)
        return
    notes = {
        **dict(zip(chord.pitches, chord.numbers, strict=True)),
        **dict(zip(before.pitches, before.numbers, strict=True)),
    }
    before.pitches = sorted(notes, reverse=True)
    before.numbers = [notes[pitch] for pitch in before.pitches]


def _height(lane: _Lane) -> float:
    """Mean pitch, by time."""
    lengths = [chord.end - chord.start for chord in lane.chords]
    return sum(chord.pitches[0] * length for chord, length in zip(lane.chords, lengths, strict=True)) / sum(lengths)
