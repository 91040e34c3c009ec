"""Group chorales by hymn tune."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import FRAMES_PER_QUARTER, REST, Chorale

# Measured on music21's chorales: of the beat-by-beat openings of 14 intervals, pairs of one tune differ by an edit
# distance of at most 4, and pairs of different tunes hardly ever by less than 6.
_BEATS, _DISTANCE = 14, 4
_NOTES = 7
# Some pieces begin with another verse or half of a tune. Pairs of one tune share a third of their beat-by-beat runs of
# 7 intervals; the closest other pair shares 0.30.
_RUN, _SHARED = 7, 0.33

_PAIRS = 100_000  # compared at once: more don't fit into a core's cache


def group_by_tune(chorales: Iterable[Chorale]) -> list[int]:
    """Number the hymn tunes: pieces with similar sopranos, up to transposition, get one number.

    Two sopranos are similar if their first 7 melodic intervals are equal; if their first 14 intervals from beat to beat
    are within an edit distance of 4 (passing notes, another pickup or rhythm); or if one shares a third of its runs of
    7 such intervals with the other (another verse or half of the tune).

    Equal sopranos are compared once, so time grows with the square of the distinct sopranos only.

    >>> notes = (67, 69, 71, 72, 74, 72, 71, 69, 67)
    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in notes for _ in range(4)])
    >>> group_by_tune([tune, tune.transpose(3), Chorale.from_pitches([[60, 0, 0, 0]] * 8)])
    [0, 0, 1]
    """
    sopranos: dict[tuple[bytes, bytes], int] = {}
    indices = [sopranos.setdefault(_moves(chorale), len(sopranos)) for chorale in chorales]
    by_beat = [moves for moves, _ in sopranos]
    openings = [moves[:_BEATS] for moves in by_beat]
    tunes = list(range(len(sopranos)))
    for alike in (_equal(openings), _equal([notes for _, notes in sopranos]), _sharing(by_beat), _near(openings)):
        for one, other in alike:
            first, second = _first(tunes, one), _first(tunes, other)
            tunes[max(first, second)] = min(first, second)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(_first(tunes, soprano), len(numbers)) for soprano in indices]


def _first(tunes: list[int], soprano: int) -> int:
    """First soprano of a tune (union-find: each points to an earlier one)."""
    while tunes[soprano] != soprano:
        tunes[soprano] = tunes[tunes[soprano]]
        soprano = tunes[soprano]
    return soprano


def _moves(chorale: Chorale) -> tuple[bytes, bytes]:
    """Soprano's moves from beat to beat, and the first from note to note: semitones as bytes, without 0."""
    soprano = chorale.pitches[:, 0].astype(np.int8)
    on_beats = soprano[chorale.pickup % FRAMES_PER_QUARTER :: FRAMES_PER_QUARTER]
    by_beat, by_note = (np.diff(heard[heard != REST]) for heard in (on_beats, soprano[chorale.onsets[:, 0]]))
    return by_beat[by_beat != 0].tobytes(), by_note[by_note != 0][:_NOTES].tobytes()


def _equal(sequences: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal sequences, enough to link them all."""
    first: dict[bytes, int] = {}
    for index, sequence in enumerate(sequences):
        yield first.setdefault(sequence, index), index


def _sharing(sequences: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield pairs of sequences of which one shares a third of its runs with the other."""
    having: defaultdict[bytes, list[int]] = defaultdict(list)
    num_runs: list[int] = []
    for index, moves in enumerate(sequences):
        runs = {moves[start : start + _RUN] for start in range(len(moves) - _RUN + 1)}
        num_runs.append(len(runs))
        shared = Counter(other for run in runs for other in having[run])
        for other, times in shared.items():
            if times > _SHARED * min(len(runs), num_runs[other]):
                yield other, index
        for run in runs:
            having[run].append(index)


def _near(openings: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield pairs of different openings within the edit distance; very short ones must be equal."""
    by_length: defaultdict[int, dict[bytes, int]] = defaultdict(dict)
    for index, opening in enumerate(openings):
        if len(opening) >= 2 * _DISTANCE:
            by_length[len(opening)].setdefault(opening, index)
    for length, some in by_length.items():
        for other_length, others in by_length.items():
            if length <= other_length:
                indices, other_indices = list(some.values()), list(others.values())
                rows, columns = _array(some, length), _array(others, other_length)
                step = max(1, _PAIRS // len(columns))
                for start in range(0, len(rows), step):
                    distances = _edit_distances(rows[start : start + step], columns)
                    for row, column in np.argwhere(distances <= _DISTANCE):
                        yield indices[start + row], other_indices[column]


def _array(sequences: Iterable[bytes], length: int) -> npt.NDArray[np.int8]:
    return np.frombuffer(b"".join(sequences), np.int8).reshape(-1, length)


def _edit_distances(first: npt.NDArray[np.int8], second: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Edit distances (P, Q) of P sequences (P, M) to Q others (Q, N).

    >>> _edit_distances(np.array([[2, 2, 1]], np.int8), np.array([[2, 2, 1, 5], [1, 2, 2, 2]], np.int8)).tolist()
    [[1, 2]]
    """
    shape = len(first), len(second)
    above = [np.full(shape, column, np.int8) for column in range(second.shape[1] + 1)]
    for row in range(first.shape[1]):
        current = [np.full(shape, row + 1, np.int8)]
        for column in range(second.shape[1]):
            differs = first[:, row, None] != second[:, column]
            current.append(np.minimum(np.minimum(above[column + 1], current[-1]) + 1, above[column] + differs))
        above = current
    return above[-1]
