"""Swing of MIDI, and its beats if it was played without a click."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.scores.reading.midi.grid import Times
from bachlit.scores.writing.tuplets import UNITS

_FloatArray = npt.NDArray[np.float64]

_CHORD = 0.035  # seconds within which notes begin together
_FEWEST, _MOST = 8, 10_000  # moments at which notes begin: fewer tell no beat, more take seconds
_LONGEST = 8.0  # seconds: a longer silence is cut, since nobody counts through it

_PERIODS = 0.34 * 1.04 ** np.arange(36)  # seconds of a beat: 176 to 45 a minute
_USUAL_PERIOD, _OCTAVES = 0.6, 0.7  # the likeliest, and the standard deviation around it
_CHANGES = np.arange(-3, 4)  # of the period from note to note, in steps of 4 %

# Costs, in nats.
_PLACES = {True: (0, 1 / 3, 2 / 3, 1 / 6, 1 / 2, 5 / 6), False: (0, 1 / 2, 1 / 4, 3 / 4, 1 / 3, 2 / 3)}  # of a beat
_PLACE_COSTS = {True: (0.0, 0.8, 0.8, 2.2, 2.2, 2.2), False: (0.0, 0.8, 2.0, 2.0, 2.5, 2.5)}
_BEAT_COST = 0.5
_CHANGE_COST = 0.6
_TEMPO_COST = 0.1

_GATHERED, _ALIKE = 0.45, 0.25  # mean direction of notes in a beat, and correlation of neighbouring strays, to a click
_SWING = (0.57, 0.72)  # places in a beat where the second eighth swings


def follows_click(starts: _FloatArray, places: npt.NDArray[np.int64]) -> bool:
    """Check whether notes that are far from the grid stray by chance, as players do who hear a click.

    Then they gather at beats, halves, thirds or quarters of beats; and a late note tells nothing of the next. Where a
    tempo drifts away from the written one, the next is late, too.

    Args:
        starts: Beginnings of notes, in units.
        places: Where they were put.

    >>> places = 24 * np.arange(40)
    >>> follows_click(places + np.tile([0.0, 3, -2, 1], 10), places)
    True
    >>> follows_click(places * 1.3, 12 * np.round(places * 1.3 / 12).astype(int))
    False
    """
    moments, groups = np.unique(places, return_inverse=True)
    off = np.bincount(groups.reshape(-1), weights=starts - places) / np.bincount(groups.reshape(-1))
    off = off - off.mean()
    turns = (moments + off) / UNITS
    gathered = max(abs(np.exp(2j * np.pi * part * turns).mean()) for part in (1, 2, 3, 4))
    likeness = float((off[1:] * off[:-1]).sum() / max((off**2).sum(), 1e-9))
    return bool(gathered > _GATHERED and likeness < _ALIKE)


def swing(onsets: Sequence[_FloatArray]) -> float | None:
    """Find where the second eighth of a beat falls if eighths swing, 0.57 to 0.72 of the beat; else None.

    Args:
        onsets: Distinct beginnings of notes in units, for each line.

    >>> round(swing([np.array([0, 32, 48, 79, 96, 129, 144, 175, 192, 224, 240, 272, 288, 320, 336, 369, 384.0])]), 2)
    0.67
    """
    phases = np.concatenate([line / UNITS % 1 for line in onsets])
    inner = phases[(phases > 0.15) & (phases < 0.85)]
    swung = inner[(inner > _SWING[0]) & (inner < _SWING[1])]
    if len(swung) < 8 or len(swung) < 0.85 * len(inner):
        return None
    return float(np.median(swung))


def straighten(times: _FloatArray, place: float) -> _FloatArray:
    """Turn swung eighths into straight ones.

    >>> straighten(np.array([0, 16, 32, 40, 48.0]), 2 / 3).tolist()
    [0.0, 12.0, 24.0, 36.0, 48.0]
    """
    beats = np.floor(times / UNITS)
    phases = times / UNITS - beats
    straight = np.where(phases < place, phases / place / 2, 0.5 + (phases - place) / (1 - place) / 2)
    return (beats + straight) * UNITS


class Beats(NamedTuple):
    """Beats that were found: their times in seconds, the first at or before the first note, and units of a beat."""

    times: _FloatArray
    length: int = UNITS

    @property
    def per_minute(self) -> float:
        """Beats per minute, by the median period."""
        return 60 / float(np.median(np.diff(self.times)))

    def units(self, seconds: _FloatArray) -> _FloatArray:
        """Units at some times, from the first beat."""
        first, last = self.times[1] - self.times[0], self.times[-1] - self.times[-2]
        times = np.concatenate([[self.times[0] - 9 * first], self.times, [self.times[-1] + 999 * last]])
        places = np.concatenate([[-9], np.arange(len(self.times)), [len(self.times) + 998]])
        units: _FloatArray = self.length * np.interp(seconds, times, places)
        return units

    def pace(self, seconds: _FloatArray) -> _FloatArray:
        """Duration of a unit in seconds at some times, averaged over nine beats."""
        periods = np.convolve(np.pad(np.diff(self.times), 4, mode="edge"), np.full(9, 1 / 9), mode="valid")
        pace: _FloatArray = np.interp(seconds, self.times[:-1], periods) / self.length
        return pace


def find_beats(lines: Sequence[Times], *, compound: bool = False, tempo: float | None = None) -> Beats | None:
    """Find the beats of what was played freely; None if there are too few notes, or too many.

    Each note has a place in the beat, and each moment a tempo that changes little from note to note. The likeliest
    places and tempos are found together, by dynamic programming, as by Raphael, *A hybrid graphical model for rhythmic
    parsing* (Artificial Intelligence 137, 2002), with tempos in steps.

    Args:
        lines: Notes, in seconds.
        compound: Whether the metre has beats of three eighths.
        tempo: Beats per minute that the file names, if it does.
    """
    times, weights = _accents(lines)
    if not _FEWEST <= len(times) <= _MOST:
        return None
    places = _likeliest(np.minimum(np.diff(times), _LONGEST), weights, compound, tempo)
    beats = np.arange(int(places[-1]) + 2)
    if len(beats) < 4:
        return None
    first, last = _pace(times, places), _pace(times[::-1], places[::-1])  # beyond the notes beats go on as near them
    known = np.concatenate([[times[0] - first * (places[0] + 1)], times, [times[-1] + last * 2]])
    found = np.interp(beats, np.concatenate([[-1], places, [places[-1] + 2]]), known)
    return Beats(found, UNITS * 3 // 2 if compound else UNITS)


def _pace(times: _FloatArray, places: _FloatArray) -> float:
    """Seconds per beat over the first four beats, or the last if all is reversed."""
    near = int(np.argmax(np.abs(places - places[0]) >= min(4, abs(places[-1] - places[0]))))
    return float((times[near] - times[0]) / (places[near] - places[0]))


def _accents(lines: Sequence[Times]) -> tuple[_FloatArray, _FloatArray]:
    """Times at which notes begin together, and how long they sound: long notes are accented."""
    starts = np.concatenate([line.starts for line in lines])
    lengths = np.concatenate([line.ends - line.starts for line in lines])
    order = np.argsort(starts, kind="stable")
    starts, lengths = starts[order], lengths[order]
    groups = np.cumsum(np.concatenate([[False], np.diff(starts) > _CHORD]))
    weights = np.zeros(groups[-1] + 1)
    np.maximum.at(weights, groups, np.sqrt(np.clip(lengths, 0.1, 1.5)))
    return np.bincount(groups, weights=starts) / np.bincount(groups), weights / weights.mean()


def _likeliest(gaps: _FloatArray, weights: _FloatArray, compound: bool, tempo: float | None) -> _FloatArray:
    """Find the places of notes, in beats from the first beat.

    Args:
        gaps: Seconds from note to note.
        weights: Accents of the notes, 1 on average.
        compound: Whether the metre has beats of three eighths.
        tempo: Beats per minute that are likely.
    """
    places, costs = np.array(_PLACES[compound]), np.array(_PLACE_COSTS[compound])
    steps = (places[None, :] - places[:, None]) % 1  # (from, to)
    usual = 0.5 * (np.log2(_PERIODS / _USUAL_PERIOD) / _OCTAVES) ** 2
    if tempo is not None:
        usual = np.minimum(usual, 0) + 0.5 * np.minimum((np.log2(_PERIODS * tempo / 60) / 0.2) ** 2, 9)
    usual *= _TEMPO_COST
    scores = costs[:, None] * weights[0] + 5 * usual  # (places, periods)
    changed, came, waited = [], [], []
    edges = len(_CHANGES) // 2
    for gap, weight in zip(gaps.tolist(), weights[1:].tolist(), strict=True):
        padded = np.pad(scores, ((0, 0), (edges, edges)), constant_values=np.inf)
        ways = np.stack([padded[:, edges + change : edges + change + len(_PERIODS)] for change in _CHANGES])
        ways += _CHANGE_COST * (_CHANGES**2)[:, None, None]
        changed.append(ways.argmin(axis=0))
        waits = np.maximum(np.round(gap / _PERIODS - steps[:, :, None]), 0) + steps[:, :, None]  # (from, to, periods)
        expected = waits * _PERIODS
        stray = 0.022**2 + (0.04 * expected) ** 2
        ways = ways.min(axis=0)[:, None, :] + (gap - expected) ** 2 / (2 * stray) + _BEAT_COST * waits
        ways[waits == 0] = np.inf
        came.append(ways.argmin(axis=0))
        waited.append(np.take_along_axis(waits, came[-1][None], axis=0)[0])
        scores = ways.min(axis=0) + costs[:, None] * weight + usual
    place, period = np.unravel_index(int(scores.argmin()), scores.shape)
    found = []
    for change, origin, wait in zip(changed[::-1], came[::-1], waited[::-1], strict=True):
        found.append(wait[place, period])
        place = origin[place, period]
        period = period + _CHANGES[change[place, period]]
    return np.cumsum([places[place], *found[::-1]])
