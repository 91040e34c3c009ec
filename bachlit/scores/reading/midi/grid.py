"""Round what was played to a grid: in each beat sixteenths, triplets or, where notes ask for it, finer values.

Times are units, 48 a quarter. The grid of a beat is the likeliest: notes stray normally from its points, and simple
grids and points are likelier than others, as in Cemgil, Desain and Kappen, *Rhythm quantization for transcription*
(Computer Music Journal 24, 2000).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.scores.reading.midi.bars import Beat
from bachlit.scores.reading.midi.events import Played
from bachlit.scores.writing.tuplets import UNITS, UNITS_PER_FRAME

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

_SIMPLE, _FINE = (12, 16), (6, 8, 3)  # sixteenths and triplets; 32nds, sextuplets, 64ths
_PRIORS = {12: 0.91, 16: 0.08, 8: 0.005, 6: 0.005}  # of the grids of a beat
_BEATS_OF_PRIOR = 20  # the weight of the priors against the beats of a file
# A silence shorter than this share of the time to the next note, and than nearly an eighth, is a way of playing.
_GAP, _MOST_GAP = 0.35, 21
_STRAY = (0.008, 0.035)  # seconds: the least and largest standard deviation that players are believed to have
_USUAL_STRAY = 0.018


class Times(NamedTuple):
    """Notes of a line in units, in order of time, as they were played."""

    starts: _FloatArray
    ends: _FloatArray
    pitches: _IntArray


class Rounded(NamedTuple):
    """Note on the grid, and its number among the line's notes."""

    start: int
    end: int
    pitch: int
    number: int


def exact_place(tick: int, ticks: int, *, finer: bool = True) -> int | None:
    """Place of a tick that is exactly on a grid, as exactly as whole ticks can be; else None.

    Args:
        tick: Time.
        ticks: Ticks per quarter.
        finer: Whether 64ths and sextuplets count, too.

    >>> exact_place(160, 480), exact_place(333, 1000), exact_place(60, 480), exact_place(60, 480, finer=False)
    (16, 16, 6, None)
    """
    for step in _SIMPLE + _FINE * finer:
        place = round(tick * UNITS / (ticks * step)) * step
        if abs(place * ticks - tick * UNITS) < min(UNITS, 1.5 * ticks):
            return place
    return None


def is_exact(notes: Sequence[Played], ticks: int) -> bool:
    """Check whether notes begin on a grid, as a program writes them.

    Nearly all begin so; and half of them on a simple grid, unless ticks are so fine that this is no chance.
    """
    starts = {note.start for note in notes}
    simple = sum(exact_place(start, ticks, finer=False) is not None for start in starts)
    exact = sum(exact_place(start, ticks) is not None for start in starts)
    chance = min(1.0, 40 / ticks)  # 20 of 48 units are on a fine grid, each within a tick to both sides
    return exact >= 0.9 * len(starts) and (simple >= 0.5 * len(starts) or chance ** len(starts) < 1e-4)


class _Model(NamedTuple):
    """Model of timing: standard deviation and mean from the grid in units, and how common each grid is."""

    stray: float
    late: float
    priors: dict[int, float]


class _Onsets(NamedTuple):
    """Beginnings of notes of all lines, and their beats."""

    times: _FloatArray
    edges: _IntArray  # beginning of the beat
    lengths: _IntArray  # its length
    groups: _IntArray  # number of the beat of the line


def round_starts(lines: Sequence[Times], beats: Sequence[Beat], seconds: float) -> list[tuple[_IntArray, _IntArray]]:
    """Round the beginnings of notes.

    Args:
        lines: What was played together.
        beats: Up to the end of it.
        seconds: Duration of a unit, on average.

    Returns:
        For each line the places of its notes, and the steps of the grids of the beats in which they begin.
    """
    onsets = _onsets(lines, beats)
    model = _Model(_USUAL_STRAY / seconds, 0.0, _PRIORS)
    for _ in range(3):
        places, grids = _likeliest(onsets, model)
        model = _fitted(onsets, places, grids, seconds)
    splits = np.cumsum([len(line.starts) for line in lines])[:-1]
    return list(zip(np.split(places, splits), np.split(np.array(list(_PRIORS))[grids], splits), strict=True))


def _onsets(lines: Sequence[Times], beats: Sequence[Beat]) -> _Onsets:
    times = np.concatenate([line.starts for line in lines])
    owners = np.repeat(np.arange(len(lines)), [len(line.starts) for line in lines])
    edges, lengths = np.array(beats).T
    inside = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(beats) - 1)
    _, groups = np.unique(owners * len(beats) + inside, return_inverse=True)
    return _Onsets(times, edges[inside], lengths[inside], groups.reshape(-1))


def _follows(line: Times) -> npt.NDArray[np.bool_]:
    """Tell which notes follow the note before, overlapping it by less than half of either, and are no chord with it."""
    overlaps = line.ends[:-1] - line.starts[1:]
    lengths = line.ends - line.starts
    return np.concatenate([[False], 2 * overlaps < np.minimum(lengths[:-1], lengths[1:])])


def _likeliest(onsets: _Onsets, model: _Model) -> tuple[_IntArray, _IntArray]:
    """Find the likeliest grid of each beat, as an index; return the places of notes on it, too."""
    costs = np.full((len(_PRIORS), len(onsets.times)), np.inf)
    places = np.zeros(costs.shape, np.int64)
    for length in np.unique(onsets.lengths):
        these = onsets.lengths == length
        phases = (onsets.times - onsets.edges - model.late)[these]
        for grid, step in enumerate(_PRIORS):
            if length % step == 0:
                points = np.arange(0, length + 1, step)
                distances = (phases[:, None] - points) ** 2 / (2 * model.stray**2)  # (notes, points)
                distances += [_complexity(int(point), int(length)) for point in points]
                costs[grid, these], places[grid, these] = distances.min(axis=1), points[distances.argmin(axis=1)]
    places += onsets.edges
    totals = np.stack([np.bincount(onsets.groups, weights=cost) for cost in costs])  # (grids, beats of lines)
    totals -= np.log([[model.priors[step]] for step in _PRIORS])
    grids = totals.argmin(axis=0)[onsets.groups]
    return places[grids, np.arange(len(grids))], grids


def _complexity(point: int, beat: int) -> float:
    """Cost in nats of a point of a beat: about the negative logarithm of how many notes begin at such points."""
    if point % beat == 0:
        return 0.5
    costs = ((24, 1.0), (16, 1.2), (12, 1.8), (8, 2.4), (6, 3.0))
    return next((cost for step, cost in costs if point % step == 0), 4.0)


def _fitted(onsets: _Onsets, places: _IntArray, grids: _IntArray, seconds: float) -> _Model:
    """Estimate how the players stray, and how common each grid is in beats that are divided."""
    off = onsets.times - places
    late = float(np.clip(np.median(off), -0.03 / seconds, 0.03 / seconds))
    least, most = (bound / seconds for bound in _STRAY)
    stray = float(np.clip(np.sqrt(np.mean((off - late) ** 2)), least, most))
    divided = (places != onsets.edges) & (places != onsets.edges + onsets.lengths)
    _, first = np.unique(onsets.groups[divided], return_index=True)
    counts = np.bincount(grids[divided][first], minlength=len(_PRIORS))
    total = counts.sum() + _BEATS_OF_PRIOR
    return _Model(
        stray,
        late,
        {
            step: (int(count) + _BEATS_OF_PRIOR * _PRIORS[step]) / total
            for step, count in zip(_PRIORS, counts, strict=True)
        },
    )


def round_ends(line: Times, places: _IntArray, steps: _IntArray, exact: Sequence[int | None]) -> list[Rounded]:
    """Round the ends of notes, so that none vanishes and a melody has plain values.

    An end near another note's beginning is put there, across small gaps as of detached playing, too; others to the
    coarsest near point of the grid.

    Args:
        line: Notes as they were played.
        places: Where they begin on the grid.
        steps: Steps of the grids of the beats in which they begin.
        exact: Ends that are exactly on a grid, and stay.
    """
    places = _apart(line, places)
    begun = np.unique(places)
    rounded = []
    for index, (start, step) in enumerate(zip(places.tolist(), steps.tolist(), strict=True)):
        end = exact[index]
        if end is None or end <= start:
            end = _end(start, float(line.ends[index]), step, begun[np.searchsorted(begun, start, side="right") :])
        rounded.append(Rounded(start, end, int(line.pitches[index]), index))
    return rounded


def _apart(line: Times, places: _IntArray) -> _IntArray:
    """Move notes of a melody that fell on one point apart, by a 32nd or 64th, if there is room."""
    apart, begun = places.copy(), np.unique(places)
    for index in np.flatnonzero(_follows(line)).tolist():
        if apart[index] <= apart[index - 1]:
            later = np.searchsorted(begun, apart[index - 1], side="right")
            room = int(begun[later] - apart[index - 1]) if later < len(begun) else UNITS
            apart[index] = apart[index - 1] + next((step for step in (6, 3) if step < room), 0)
    return apart


def _end(start: int, end: float, step: int, later: _IntArray) -> int:
    """Round an end.

    Args:
        start: Beginning of the note, on the grid.
        end: As played.
        step: Of the grid of its beat.
        later: Where later notes of its line begin.
    """
    length = end - start
    place = int(np.searchsorted(later, end))
    after = int(later[place]) if place < len(later) else None
    before = int(later[place - 1]) if place else None
    near = []
    if after is not None and after - end <= max(UNITS_PER_FRAME, min(_GAP * (after - start), _MOST_GAP)):
        near.append(after)
    if before is not None and end - before <= min(0.75 * UNITS_PER_FRAME, length / 2):
        near.append(before)
    if near:
        return min(near, key=lambda onset: abs(onset - end))
    for coarse in (UNITS, UNITS // 2):
        point = round(end / coarse) * coarse
        if point > start and abs(point - end) <= max(3, length / (8 if len(later) else 6)):
            return point
    point = round(end / step) * step
    if point > start:
        return point
    return start + min([step, *(int(onset) - start for onset in later[:1])])
