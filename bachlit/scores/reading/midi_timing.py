"""Time of MIDI -> notes on a grid, with bars: exactly, rounded to the click, or by beats that were found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import TimeSignature
from bachlit.scores.reading.limits import MAX_FRAMES
from bachlit.scores.reading.midi_bars import Bar, bars_of, beats_of
from bachlit.scores.reading.midi_beats import Beats, find_beats, follows_click, straighten, swing
from bachlit.scores.reading.midi_events import DEFAULT_TEMPO, Line, MidiFile
from bachlit.scores.reading.midi_grid import Rounded, Times, exact_place, is_exact, round_ends, round_starts
from bachlit.scores.writing.durations import beat_length
from bachlit.scores.writing.tuplets import UNITS, UNITS_PER_FRAME

_FloatArray = npt.NDArray[np.float64]

_HEARD = 0.003  # seconds: a note nearer to the grid counts as on it
_EVIDENCE = 8  # notes exactly on the grid that tell that there is a click
_FAR = 0.2 * UNITS_PER_FRAME  # mean distance from the grid that is too far: at random it is a quarter of a sixteenth


@dataclass
class Clock:
    """Time of a file, in seconds and in units of a quarter.

    Attributes:
        ticks: Ticks per quarter.
        tempos: Ticks and microseconds per quarter, in order of time, the first at 0.
        beats: Beats that were found, if the written ones mean nothing.
    """

    ticks: int
    tempos: Sequence[tuple[int, int]]
    beats: Beats | None = None

    def seconds(self, ticks: Sequence[int]) -> _FloatArray:
        """Seconds at some ticks."""
        starts, lengths = np.array(self.tempos, dtype=np.float64).T
        lengths = lengths / 1e6 / self.ticks  # seconds per tick
        edges = np.concatenate([[0], np.cumsum(np.diff(starts) * lengths[:-1])])
        times = np.asarray(ticks, dtype=np.float64)
        index = np.searchsorted(starts, times, side="right") - 1
        seconds: _FloatArray = edges[index] + (times - starts[index]) * lengths[index]
        return seconds

    def units(self, ticks: Sequence[int]) -> _FloatArray:
        """Units at some ticks."""
        if self.beats is not None:
            return np.maximum(self.beats.units(self.seconds(ticks)), 0)
        return np.asarray(ticks, dtype=np.float64) * UNITS / self.ticks


class Timing(NamedTuple):
    """Notes on the grid.

    Attributes:
        notes: Of each line.
        bars: Up to the end.
        clock: Where other events are.
        sentences: What was changed.
    """

    notes: list[list[Rounded]]
    bars: list[Bar]
    clock: Clock
    sentences: list[str]


def notate(file: MidiFile, lines: Sequence[Line]) -> Timing:
    """Put the notes of lines on a grid.

    Raises:
        ValueError: If it is too long, or a metre doesn't fit sixteenths.
    """
    _check_length(max(note.end for line in lines for note in line.notes) * UNITS / file.ticks)
    clock = Clock(file.ticks, _tempos(file))
    exact = [is_exact(line.notes, file.ticks) for line in lines]
    sentences = []
    if not any(is_so and len(line.notes) >= _EVIDENCE for line, is_so in zip(lines, exact, strict=True)):
        free, clock = _by_found_beats(
            file, [line for line, is_so in zip(lines, exact, strict=True) if not is_so], clock
        )
        sentences += free
    metres = sorted(event for track in file.tracks for event in track.metres)
    if clock.beats is not None:
        exact = [False] * len(lines)
        metres = [(0, metre) for _, metre in metres[:1]]
    timed = [
        (float(place), metre)
        for place, (_, metre) in zip(clock.units([tick for tick, _ in metres]), metres, strict=True)
    ]
    times = [_times(line, clock) for line in lines]
    swung = swing([line.starts for line in times]) if all(beat_length(metre) == 4 for _, metre in timed) else None
    if swung is not None:
        exact = [False] * len(lines)
        times = [Times(straighten(line.starts, swung), straighten(line.ends, swung), line.pitches) for line in times]
        sentences.append("swung eighths are written as straight ones.")
    notes = _rounded(lines, times, exact, timed, clock)
    end = max(note.end for line in notes for note in line)
    _check_length(end)
    sentences += _strays(lines, times, exact, notes, clock)
    return Timing(notes, bars_of(timed, end), clock, sentences)


def _check_length(end: float) -> None:
    if end > MAX_FRAMES * UNITS_PER_FRAME:
        raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")


def _tempos(file: MidiFile) -> list[tuple[int, int]]:
    """Tempos in order of time, one at a time, the first at 0."""
    tempos = dict(sorted(event for track in file.tracks for event in track.tempos))
    return list(({0: DEFAULT_TEMPO} | tempos).items())


def _times(line: Line, clock: Clock) -> Times:
    return Times(
        clock.units([note.start for note in line.notes]),
        clock.units([note.end for note in line.notes]),
        np.array([note.pitch for note in line.notes]),
    )


def _by_found_beats(file: MidiFile, lines: Sequence[Line], clock: Clock) -> tuple[list[str], Clock]:
    """Find the beats of what keeps to no click; say so, and that its notes are far from any grid if there are none."""
    onsets = sorted({note.start for line in lines for note in line.notes})
    if follows_click(clock.units(onsets)):
        return [], clock
    played = [
        Times(
            clock.seconds([note.start for note in line.notes]),
            clock.seconds([note.end for note in line.notes]),
            np.array([note.pitch for note in line.notes]),
        )
        for line in lines
    ]
    named = 60e6 / clock.tempos[0][1] if any(track.tempos for track in file.tracks) else None
    found = Clock(clock.ticks, clock.tempos, find_beats(played, named))
    if found.beats is None or _distance(found.units(onsets)) > _FAR:
        mean = _distance(clock.units(onsets)) / UNITS_PER_FRAME
        return [
            f"it keeps to no click, and no beat was found: its notes are {mean:.0%} of a sixteenth from the grid of "
            "its tempo on average, so their rhythm is a guess."
        ], clock
    return [
        f"it keeps to no click; it is written in the beat that was found, {found.beats.per_minute:.0f} a minute."
    ], found


def _distance(places: _FloatArray) -> float:
    """Mean distance from sixteenths or triplets, whichever is less, in units."""
    phases = places[:, None] / np.array([UNITS_PER_FRAME, UNITS / 3])
    distances = np.abs(phases - np.round(phases)) * np.array([UNITS_PER_FRAME, UNITS / 3])
    return float(distances.mean(axis=0).min())


def _rounded(
    lines: Sequence[Line],
    times: Sequence[Times],
    exact: Sequence[bool],
    metres: Sequence[tuple[float, TimeSignature]],
    clock: Clock,
) -> list[list[Rounded]]:
    """Round notes: those of exact lines where they stand, others by the likeliest grids."""
    end = max(float(line.ends.max()) for line in times)
    played = [line for line, is_so in zip(times, exact, strict=True) if not is_so]
    found = iter(
        round_starts(played, beats_of(bars_of(metres, end + UNITS)), _unit(lines, times, clock)) if played else ()
    )
    notes = []
    for line, timed, is_so in zip(lines, times, exact, strict=True):
        if is_so:
            starts = [exact_place(note.start, clock.ticks) for note in line.notes]
            nearest = np.round(timed.starts / UNITS_PER_FRAME) * UNITS_PER_FRAME
            places = np.array(
                [near if place is None else place for place, near in zip(starts, nearest, strict=True)], np.int64
            )
            ends = [exact_place(note.end, clock.ticks) for note in line.notes]
            notes.append(round_ends(timed, places, np.full(len(places), UNITS_PER_FRAME), ends))
        else:
            places, steps = next(found)
            notes.append(round_ends(timed, places, steps, [None] * len(places)))
    return notes


def _unit(lines: Sequence[Line], times: Sequence[Times], clock: Clock) -> float:
    """Duration of a unit in seconds, on average."""
    edges = [min(line.notes[0].start for line in lines), max(note.end for line in lines for note in line.notes)]
    first, last = clock.seconds(edges)
    start, end = clock.units(edges)
    return float((last - first) / max(end - start, 1e-6))


def _strays(
    lines: Sequence[Line],
    times: Sequence[Times],
    exact: Sequence[bool],
    notes: Sequence[Sequence[Rounded]],
    clock: Clock,
) -> list[str]:
    """Tell how far the notes that were rounded were from the grid."""
    distances = np.concatenate(
        [
            np.abs(timed.starts - np.array([note.start for note in rounded]))
            for timed, rounded in zip(times, notes, strict=True)
        ]
    ) * _unit(lines, times, clock)
    distances = distances[distances > _HEARD]
    if not len(distances):
        return []
    mean, most = 1000 * distances.mean(), 1000 * distances.max()
    return [f"its notes are rounded to the grid, from which they were {mean:.0f} ms on average, {most:.0f} ms at most."]
