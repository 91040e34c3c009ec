"""Time of MIDI -> notes on a grid, with bars: exactly, rounded to the click, or by beats that were found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import TimeSignature
from bachlit.scores.reading.limits import MAX_FRAMES
from bachlit.scores.reading.midi.bars import Bar, bars_of, beats_of
from bachlit.scores.reading.midi.beats import Beats, find_beats, follows_click, straighten, swing
from bachlit.scores.reading.midi.events import DEFAULT_TEMPO, Line, MidiFile
from bachlit.scores.reading.midi.grid import Rounded, Times, exact_place, is_exact, round_ends, round_starts
from bachlit.scores.writing.durations import beat_length
from bachlit.scores.writing.tuplets import UNITS, UNITS_PER_FRAME

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

_HEARD = 0.003  # seconds: a note nearer to the grid counts as on it
_EVIDENCE = 8  # notes exactly on the grid that tell that there is a click

# Notes within 30 ms of a click are 15 ms from it on average, at most 17 in 200 tunes; at random places they are a fifth
# of a sixteenth from it, 30 ms at 100 quarters a minute.
_SUSPICIOUS = (0.017, 0.17)  # mean distance from the grid, in seconds and in sixteenths
_STEADIER = 1.3  # how much less steady the written beat is than one that was found, before that is believed
_FAR = 0.2  # mean distance in sixteenths of notes that keep to no grid


@dataclass(frozen=True)
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
        starts = np.array([tick for tick, _ in self.tempos], np.float64)
        edges = np.concatenate([[0], np.cumsum(np.diff(starts) * self._tick_lengths[:-1])])
        times = np.asarray(ticks, np.float64)
        tempo = self._tempo(ticks)
        seconds: _FloatArray = edges[tempo] + (times - starts[tempo]) * self._tick_lengths[tempo]
        return seconds

    def units(self, ticks: Sequence[int]) -> _FloatArray:
        """Units at some ticks."""
        if self.beats is not None:
            return np.maximum(self.beats.units(self.seconds(ticks)), 0)
        return np.asarray(ticks, np.float64) * UNITS / self.ticks

    def pace(self, ticks: Sequence[int]) -> _FloatArray:
        """Duration of a unit in seconds at some ticks."""
        if self.beats is not None:
            return self.beats.pace(self.seconds(ticks))
        pace: _FloatArray = self._tick_lengths[self._tempo(ticks)] * self.ticks / UNITS
        return pace

    @property
    def _tick_lengths(self) -> _FloatArray:
        """Seconds per tick, by tempo."""
        return np.array([length for _, length in self.tempos]) / 1e6 / self.ticks

    def _tempo(self, ticks: Sequence[int]) -> _IntArray:
        """Index of the tempo in force."""
        starts = np.array([tick for tick, _ in self.tempos])
        return np.asarray(np.searchsorted(starts, np.asarray(ticks), side="right") - 1, np.int64)


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


class _Reading(NamedTuple):
    """Lines read by a clock: their notes on the grid, and how far these were from it and how unsteady they are."""

    clock: Clock
    metres: list[tuple[float, TimeSignature]]
    notes: list[list[Rounded]]
    swings: bool
    distances: _FloatArray  # of notes that were rounded, in seconds, late playing counted in
    stray: float  # mean distance in seconds, without late playing
    sixteenth: float  # its mean duration in seconds
    follows_click: bool  # as far as the strays tell
    unsteadiness: float  # root mean square of what waits from note to note differ from the written ones, in seconds


def notate(file: MidiFile, lines: Sequence[Line]) -> Timing:
    """Put the notes of lines on a grid.

    Raises:
        ValueError: If it is too long, or a metre doesn't fit sixteenths.
    """
    _check_length(max(note.end for line in lines for note in line.notes) * UNITS / file.ticks)
    clock = Clock(file.ticks, _tempos(file))
    exact = [is_exact(line.notes, file.ticks) for line in lines]
    written = _read(file, lines, exact, clock)
    if any(so and len(line.notes) >= _EVIDENCE for line, so in zip(lines, exact, strict=True)):
        return _timing(written, [])
    if written.follows_click or written.stray < min(_SUSPICIOUS[0], _SUSPICIOUS[1] * written.sixteenth):
        return _timing(written, [])
    beats = _found_beats(file, lines, clock)
    found = beats and _read(file, lines, [False] * len(lines), replace(clock, beats=beats))
    if beats and found and found.unsteadiness * _STEADIER < written.unsteadiness:
        tempo = f"{beats.per_minute:.0f} a minute"
        return _timing(found, [f"it keeps to no click; it is written in the beat that was found, {tempo}."])
    if written.stray > _FAR * written.sixteenth:
        share = f"{written.stray / written.sixteenth:.0%} of a sixteenth"
        return _timing(
            written, [f"it keeps to no click: its notes are {share} from the grid on average; the rhythm is a guess."]
        )
    return _timing(written, [])


def _timing(reading: _Reading, sentences: list[str]) -> Timing:
    end = max(note.end for line in reading.notes for note in line)
    _check_length(end)
    if reading.swings:
        sentences = [*sentences, "swung eighths are written as straight ones."]
    if len(reading.distances) and reading.distances.max() > _HEARD and reading.clock.beats is None:
        mean, most = 1000 * reading.distances.mean(), 1000 * reading.distances.max()
        rounded = (
            f"its notes are rounded to the grid, from which they were {mean:.0f} ms on average, {most:.0f} at most."
        )
        sentences = [*sentences, rounded]
    return Timing(reading.notes, bars_of(reading.metres, end), reading.clock, sentences)


def _check_length(end: float) -> None:
    if end > MAX_FRAMES * UNITS_PER_FRAME:
        raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")


def _tempos(file: MidiFile) -> list[tuple[int, int]]:
    """Tempos in order of time, one at a time, the first at 0."""
    tempos = dict(sorted(event for track in file.tracks for event in track.tempos))
    return list(({0: DEFAULT_TEMPO} | tempos).items())


def _found_beats(file: MidiFile, lines: Sequence[Line], clock: Clock) -> Beats | None:
    metres = sorted(event for track in file.tracks for event in track.metres)
    compound = bool(metres) and beat_length(metres[0][1]) == 6
    named = 60e6 / clock.tempos[0][1] if any(track.tempos for track in file.tracks) else None
    return find_beats([_times(line, clock.seconds) for line in lines], compound=compound, tempo=named)


def _times(line: Line, units: Callable[[Sequence[int]], _FloatArray]) -> Times:
    return Times(
        units([note.start for note in line.notes]),
        units([note.end for note in line.notes]),
        np.array([note.pitch for note in line.notes]),
    )


def _read(file: MidiFile, lines: Sequence[Line], exact: Sequence[bool], clock: Clock) -> _Reading:
    """Read lines by a clock; those that are exact stay as they are, unless they swing."""
    metres = sorted(event for track in file.tracks for event in track.metres)
    timed = [(tick * UNITS / file.ticks, metre) for tick, metre in metres]
    if clock.beats is not None:
        timed = [(0.0, metre) for _, metre in metres[:1]]
    times = [_times(line, clock.units) for line in lines]
    swung = swing([line.starts for line in times]) if all(beat_length(metre) == 4 for _, metre in timed) else None
    if swung is not None:
        exact = [False] * len(lines)
        times = [Times(straighten(line.starts, swung), straighten(line.ends, swung), line.pitches) for line in times]
    starts = [[note.start for note in line.notes] for line in lines]
    paces = [clock.pace(ticks) for ticks in starts]
    pace = float(np.concatenate(paces).mean())
    notes = _rounded(lines, times, exact, timed, clock, pace)
    places = [np.array([note.start for note in line]) for line in notes]
    off = [(line.starts - place) * paced for line, place, paced in zip(times, places, paces, strict=True)]
    # Of an exact line only what a program moved off the grid, such as a grace note, is rounded.
    rounded = np.concatenate([line[(np.abs(line) > _HEARD) | (not so)] for line, so in zip(off, exact, strict=True)])
    seconds = [
        clock.seconds(ticks) if swung is None else line.starts * pace for line, ticks in zip(times, starts, strict=True)
    ]
    waits = [
        np.diff(played) - np.diff(place) * paced[:-1]
        for played, place, paced in zip(seconds, places, paces, strict=True)
    ]
    return _Reading(
        clock,
        timed,
        notes,
        swung is not None,
        np.abs(rounded),
        float(np.abs(rounded - np.median(rounded)).mean()) if len(rounded) else 0.0,
        pace * UNITS_PER_FRAME,
        follows_click(np.concatenate([line.starts for line in times]), np.concatenate(places)),
        float(np.sqrt(np.mean(np.concatenate([[0.0], *waits]) ** 2))),
    )


def _rounded(
    lines: Sequence[Line],
    times: Sequence[Times],
    exact: Sequence[bool],
    metres: Sequence[tuple[float, TimeSignature]],
    clock: Clock,
    pace: float,
) -> list[list[Rounded]]:
    """Round notes: those of exact lines where they stand, others by the likeliest grids."""
    played = [line for line, so in zip(times, exact, strict=True) if not so]
    end = max(float(line.ends.max()) for line in times)
    found = iter(round_starts(played, beats_of(bars_of(metres, end + UNITS)), pace) if played else ())
    notes = []
    for line, timed, so in zip(lines, times, exact, strict=True):
        if so:
            starts = [exact_place(note.start, clock.ticks) for note in line.notes]
            nearest = np.round(timed.starts / UNITS_PER_FRAME) * UNITS_PER_FRAME
            places = np.array([near if it is None else it for it, near in zip(starts, nearest, strict=True)], np.int64)
            ends = [exact_place(note.end, clock.ticks) for note in line.notes]
            notes.append(round_ends(timed, places, np.full(len(places), UNITS_PER_FRAME), ends))
        else:
            places, steps = next(found)
            notes.append(round_ends(timed, places, steps, [None] * len(places)))
    return notes
