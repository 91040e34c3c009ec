"""Tell whether MIDI was played to a click, whether it swings, and where the beats are if there was no click."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.scores.reading.midi_grid import Times
from bachlit.scores.writing.tuplets import UNITS

_FloatArray = npt.NDArray[np.float64]

_FRAME = 0.02  # seconds, of beat tracking
_MOST_FRAMES = 100_000  # half an hour
_CHORD = 0.035  # seconds within which notes begin together
_PERIODS = (0.33, 1.3)  # seconds of a beat: 46 to 180 a minute
_USUAL_PERIOD, _OCTAVES = 0.6, 0.6  # the likeliest, and the standard deviation around it
_STEADINESS = 60.0  # how much a beat prefers the period to an onset, as Ellis' alpha
_SWING = (0.57, 0.72)  # places in a beat where the second eighth swings


def follows_click(onsets: _FloatArray) -> bool:
    """Check whether onsets gather at the beats of the written tempo, or at their halves, thirds or quarters.

    By Rayleigh's test of the directions on a circle that is one part of a beat, at odds of one in 5,000.

    Args:
        onsets: Distinct beginnings of notes, in units.

    >>> steady, slower = np.arange(40) * 24.0, np.arange(40) * 31.2
    >>> follows_click(steady + np.tile([0, 2], 20)), follows_click(slower)
    (True, False)
    """
    if len(onsets) < 8:
        return True
    for part in (1, 2, 3, 4):
        concentration = abs(np.exp(2j * np.pi * part * onsets / UNITS).mean())
        if concentration > 0.35 and len(onsets) * concentration**2 > 8.5:
            return True
    return False


def swing(onsets: Sequence[_FloatArray]) -> float | None:
    """Find where the second eighth of a beat falls if eighths swing, 0.57 to 0.72 of the beat; else None.

    Args:
        onsets: Distinct beginnings of notes in units, for each line.

    >>> swing([np.array([0, 32, 48, 79, 96, 129, 144, 175, 192, 224, 240, 272, 288, 320, 336, 369, 384.0])])
    0.6666666666666666
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
    """Beats that were found: their times in seconds, the first at or before the first note."""

    times: _FloatArray

    @property
    def per_minute(self) -> float:
        """Tempo: by the median period."""
        return 60 / float(np.median(np.diff(self.times)))

    def units(self, seconds: _FloatArray) -> _FloatArray:
        """Units of some times: 48 a beat, from the first beat."""
        first, last = self.times[1] - self.times[0], self.times[-1] - self.times[-2]
        # A few more beats at both ends, for what sounds there.
        times = np.concatenate(
            [self.times[0] - first * np.arange(4, 0, -1), self.times, [self.times[-1] + last * 1000]]
        )
        places = np.concatenate([np.arange(-4, len(self.times)), [len(self.times) + 999]])
        units: _FloatArray = UNITS * np.interp(seconds, times, places)
        return units


def find_beats(lines: Sequence[Times], tempo: float | None = None) -> Beats | None:
    """Find the beats of what was played freely; None if none are found.

    The period is the likeliest by autocorrelation; the beats keep to it and to the notes as well as possible, by
    dynamic programming: Ellis, *Beat tracking by dynamic programming* (Journal of New Music Research 36, 2007).

    Args:
        lines: Notes, in seconds.
        tempo: Beats per minute that the file names, if it does.
    """
    times, weights = _accents(lines)
    if len(times) < 8 or times[-1] - times[0] > _MOST_FRAMES * _FRAME:
        return None
    strength = _strength(times - times[0], weights)
    period = _period(strength, tempo)
    if period is None:
        return None
    beats = _track(strength, period) * _FRAME + times[0]
    return Beats(_on_notes(beats, times)) if len(beats) > 4 else None


def _accents(lines: Sequence[Times]) -> tuple[_FloatArray, _FloatArray]:
    """Times at which notes begin together, and how long they sound: long notes are accented."""
    starts = np.concatenate([line.starts for line in lines])
    lengths = np.concatenate([line.ends - line.starts for line in lines])
    order = np.argsort(starts, kind="stable")
    starts, lengths = starts[order], lengths[order]
    first = np.concatenate([[True], np.diff(starts) > _CHORD])
    groups = np.cumsum(first) - 1
    weights = np.zeros(groups[-1] + 1)
    np.maximum.at(weights, groups, np.sqrt(np.clip(lengths, 0.05, 1.5)))
    times = np.bincount(groups, weights=starts) / np.bincount(groups)
    return times, weights


def _strength(times: _FloatArray, weights: _FloatArray) -> _FloatArray:
    """Strength of onsets, frame by frame, each spread over a few frames."""
    strength = np.zeros(round(times[-1] / _FRAME) + 1)
    np.add.at(strength, np.round(times / _FRAME).astype(int), weights)
    strength = np.convolve(strength, np.exp(-0.5 * (np.arange(-4, 5) / 1.6) ** 2), mode="same")
    normal: _FloatArray = strength / strength.std()
    return normal


def _period(strength: _FloatArray, tempo: float | None) -> float | None:
    """Period of the beat in frames."""
    most = min(round(2 * _PERIODS[1] / _FRAME), len(strength) - 1)
    spectrum = np.fft.rfft(strength - strength.mean(), 2 * len(strength))
    similarity = np.fft.irfft(np.abs(spectrum) ** 2)[: most + 1]
    lags = np.arange(round(_PERIODS[0] / _FRAME), min(round(_PERIODS[1] / _FRAME), most) + 1)
    if not len(lags):
        return None
    usual = np.exp(-0.5 * (np.log2(lags * _FRAME / _USUAL_PERIOD) / _OCTAVES) ** 2)
    if tempo is not None:
        usual *= 1 + np.exp(-0.5 * (np.log2(lags * _FRAME * tempo / 60) / 0.15) ** 2)
    twice = np.interp(2 * lags, np.arange(len(similarity)), similarity, right=0)
    best = int(np.argmax((np.maximum(similarity[lags], 0) + 0.5 * np.maximum(twice, 0)) * usual))
    return float(lags[best])


def _track(strength: _FloatArray, period: float) -> npt.NDArray[np.int64]:
    """Frames of the beats of the best sequence."""
    distances = np.arange(round(period / 1.8), round(period * 1.8) + 1)
    costs = -_STEADINESS * np.log(distances / period) ** 2
    most = int(distances[-1])
    scores = np.concatenate([np.full(most, -np.inf), np.zeros(len(strength))])  # (before the beginning, frames)
    previous = np.full(len(strength), -1)
    for frame in range(len(strength)):
        ways = scores[frame + most - distances] + costs
        best = int(ways.argmax())
        if ways[best] > 0:
            previous[frame] = frame - distances[best]
            scores[frame + most] = strength[frame] + ways[best]
        else:  # the first beat
            scores[frame + most] = strength[frame]
    last = len(strength) - round(period)
    frame = max(last, 0) + int(scores[most + max(last, 0) :].argmax())
    beats = [frame]
    while previous[beats[-1]] >= 0:
        beats.append(int(previous[beats[-1]]))
    return np.array(beats[::-1])


def _on_notes(beats: _FloatArray, times: _FloatArray) -> _FloatArray:
    """Put beats on the notes that are near; begin at or before the first note."""
    period = float(np.median(np.diff(beats)))
    places = np.clip(np.searchsorted(times, beats), 1, len(times) - 1)
    nearest = np.where(beats - times[places - 1] < times[places] - beats, times[places - 1], times[places])
    beats = np.where(np.abs(nearest - beats) < 0.15 * period, nearest, beats)
    while beats[0] > times[0] + 0.1 * period:
        beats = np.concatenate([[beats[0] - period], beats])
    return beats
