"""Motion of the lower voices: where it goes, whether it only oscillates, and how it sits in the metre."""

from typing import NamedTuple

import numpy as np

from bachlit.metrics.beats import Frames, attacks, beats, is_compound, sung
from bachlit.music.chorale import REST, BoolArray, Chorale
from bachlit.music.measures import whole_bars

_EIGHTH = 2
_LOWER = (1, 2, 3)
_INNER = (1, 2)
_TRITONE, _SEVENTH = 6, 10
_AUGMENTED = {(8, 11), (11, 8), (3, 11), (11, 3)}
"""Degrees of minor, in semitones, that are an augmented second or a diminished fourth apart."""


class MotionCounts(NamedTuple):
    """Counts of the motion of alto, tenor and bass; add them over pieces with `total`.

    Attributes:
        notes: Notes of these voices.
        alternating: Those in a run of four or more neighbouring eighths a-b-a-b of one voice.
        triples: Three neighbouring eighths of a voice, the second other than the first.
        returning: Those whose third is the first again.
        beats: Heard beats.
        off_beat: Those within which a note of these voices begins.
        syncopated: Notes that begin off the beat and last into the next one.
        intervals: Melodic intervals of alto and tenor, not across rests, other than repetitions.
        awkward: Those of a tritone, a seventh or more, an augmented second or a diminished fourth.
        compound_bars: Full bars of two or more beats of three eighths.
        tied_over: Those in which the tune begins a note on a beat after the first, and a lower voice that doesn't
            begin and end with beats holds over it.
    """

    notes: int = 0
    alternating: int = 0
    triples: int = 0
    returning: int = 0
    beats: int = 0
    off_beat: int = 0
    syncopated: int = 0
    intervals: int = 0
    awkward: int = 0
    compound_bars: int = 0
    tied_over: int = 0


def motion_counts(chorale: Chorale) -> MotionCounts:
    """Count the motion of a chorale.

    >>> hopping = Chorale.from_pitches([[72, 67, 60, pitch] for pitch in (48, 50, 48, 50, 52) for _ in range(2)])
    >>> counts = motion_counts(hopping)
    >>> counts.notes, counts.alternating, counts.triples, counts.returning, counts.off_beat
    (7, 4, 3, 2, 2)
    >>> upper = Chorale.from_pitches([[pitch, 67, 60, 48] for pitch in (72, 74, 72, 74) for _ in range(2)])
    >>> motion_counts(upper)[1:6]  # the tune may do as it likes
    (0, 0, 0, 2, 0)
    """
    spans = beats(chorale)
    begins = np.asarray(attacks(chorale)[:, 1:].any(axis=1))  # (T,)
    begins[spans[:, 0]] = False
    notes = {voice: sung(chorale, voice) for voice in _LOWER}
    runs = {voice: _alternations(notes[voice]) for voice in _LOWER}
    triples = np.concatenate([_triples(notes[voice]) for voice in _LOWER])
    intervals, awkward = _intervals(chorale, [notes[voice] for voice in _INNER])
    return MotionCounts(
        notes=sum(int((one[:, 0] != REST).sum()) for one in notes.values()),
        alternating=sum(sum(lengths) for lengths in runs.values()),
        triples=len(triples),
        returning=int(triples.sum()),
        beats=len(spans),
        off_beat=sum(bool(begins[start:end].any()) for start, end in spans),
        syncopated=sum(_syncopated(one, spans) for one in notes.values()),
        intervals=intervals,
        awkward=awkward,
        **_tied_over(chorale, spans, list(notes.values())),
    )


def longest_alternation(chorale: Chorale) -> int:
    """Notes in the longest run of eighths a-b-a-b in alto, tenor or bass; 0 if none has four.

    >>> longest_alternation(Chorale.from_pitches([[72, 67, 60, 48 + frame // 2 % 2] for frame in range(10)]))
    5
    """
    return max((length for voice in _LOWER for length in _alternations(sung(chorale, voice))), default=0)


def _alternations(notes: Frames) -> list[int]:
    """Lengths, from four notes on, of the runs of neighbouring eighths a-b-a-b; runs may share a note."""
    lengths = []
    length = 1
    pitches = np.where((notes[:, 2] - notes[:, 1] == _EIGHTH) & (notes[:, 0] != REST), notes[:, 0], -1).tolist()
    for index in range(1, len(pitches) + 1):
        pitch = pitches[index] if index < len(pitches) else -1
        moves = pitch >= 0 and pitches[index - 1] >= 0 and pitch != pitches[index - 1]
        if moves and (length < 2 or pitch == pitches[index - 2]):
            length += 1
            continue
        if length >= 4:
            lengths.append(length)
        length = 2 if moves else 1
    return lengths


def _triples(notes: Frames) -> BoolArray:
    """Whether the third of three neighbouring eighths is the first again, for each such triple."""
    eighths = (notes[:, 2] - notes[:, 1] == _EIGHTH) & (notes[:, 0] != REST)
    pitches = notes[:, 0]
    three = eighths[:-2] & eighths[1:-1] & eighths[2:] & (pitches[:-2] != pitches[1:-1])
    returns: BoolArray = (pitches[:-2] == pitches[2:])[three]
    return returns


def _syncopated(notes: Frames, spans: Frames) -> int:
    """Number of notes that begin off the beat and last into the next one."""
    _, starts, ends = notes[notes[:, 0] != REST].T
    beat = np.searchsorted(spans[:, 0], starts, side="right") - 1
    return int(((spans[beat, 0] != starts) & (ends > spans[beat, 1])).sum())


def _intervals(chorale: Chorale, voices: list[Frames]) -> tuple[int, int]:
    """Number of melodic intervals, and of awkward ones."""
    intervals = awkward = 0
    for notes in voices:
        for (before, *_), (after, start, _) in zip(notes[:-1].tolist(), notes[1:].tolist(), strict=True):
            if REST in (before, after) or before == after:
                continue
            key = chorale.key_at(start).parallel
            size = abs(after - before)
            degrees = (before - key.tonic) % 12, (after - key.tonic) % 12
            altered = key.mode == "minor" and size in (3, 4) and degrees in _AUGMENTED
            intervals += 1
            awkward += size == _TRITONE or size >= _SEVENTH or altered
    return intervals, awkward


def _tied_over(chorale: Chorale, spans: Frames, voices: list[Frames]) -> dict[str, int]:
    """Count full compound bars, and those sung against the tune's beat."""
    edges = {*spans[:, 0].tolist(), chorale.num_frames}
    tune: BoolArray = attacks(chorale)[:, 0]
    across = np.zeros(chorale.num_frames, np.bool_)  # a note against the beat holds over this frame
    for notes in voices:
        for pitch, start, end in notes.tolist():
            if pitch != REST and not {start, end} <= edges:
                across[start + 1 : end] = True
    bars = [bar for bar in whole_bars(chorale.measures) if is_compound(bar.time_signature) and bar.length == bar.full]
    tied = [
        any(tune[frame] and across[frame] for frame in range(bar.start + 1, bar.end) if frame in edges) for bar in bars
    ]
    return {"compound_bars": len(bars), "tied_over": sum(tied)}
