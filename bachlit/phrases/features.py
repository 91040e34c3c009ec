"""Features of a tune's notes: what a network hears of it, the same in all keys and note values."""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from bachlit.phrases.line import Floats, Line

NUM_FEATURES = 85
_LONGEST = 8  # notes: longer matches of passages say no more
_SPAN = 4  # notes on either side that a note is compared with


def features_of(line: Line) -> npt.NDArray[np.float32]:
    """Compute the features of each note, (N, F)."""
    columns = [*_durations(line), *_places(line), *_pitches(line), *_repetition(line)]
    return np.stack(columns, axis=1).astype(np.float32)


def _durations(line: Line) -> list[Floats]:
    """How long a note is, beside its neighbours and the whole tune; the rest after it."""
    gaps = np.maximum(line.gaps, 1e-3)
    usual = np.median(gaps)
    lengths = np.clip(line.lengths, 1e-3, gaps)
    neighbours = sliding_window_view(np.pad(gaps, _SPAN), 2 * _SPAN + 1)  # (N, 9), zeros beyond the tune
    longest, around = neighbours.max(axis=1), neighbours.sum(axis=1) / (neighbours > 0).sum(axis=1)
    log = np.log2(gaps / usual)
    before, after = _shifted(log, 1), _shifted(log, -1)
    return [
        log,
        before,
        after,
        log - before,
        log - after,
        np.log2(gaps / around),
        np.log2(gaps / longest),
        np.log2(gaps * line.beats),
        np.log2(gaps),
        np.log2(lengths / usual),
        1 - lengths / gaps,
        (gaps - lengths > 1e-6).astype(np.float64),
        np.minimum((gaps - lengths) / usual, 4),
        (gaps[:, None] > gaps + 1e-6).mean(axis=1),
        (gaps[:, None] < gaps - 1e-6).mean(axis=1),
    ]


def _places(line: Line) -> list[Floats]:
    """Where a note and the next one stand: in the bar, and from the tune's beginning and end."""
    start, following = line.places[:-1], line.places[1:]
    first, last = line.places[0], line.places[-2]
    columns: list[Floats] = []
    for place, periods in (
        (start, (0.5, 1)),
        (following, (0.5, 1)),
        (following - first, (1, 2, 4)),
        (last - start, (1, 2, 4)),
    ):
        for period in periods:
            angle = 2 * np.pi * place / period
            columns += [np.sin(angle), np.cos(angle)]
    for place in (start, following):
        columns += [_is_whole(place), _is_whole(place * line.beats)]
    for period in (1, 2, 4):
        columns += [_is_whole((following - first) / period), _is_whole((last - start) / period)]
    columns += [np.log2(1 + start - first), np.log2(1 + last - start), (start - first) / max(last - first, 1e-3)]
    return columns


def _pitches(line: Line) -> list[Floats]:
    """Intervals, height and degrees of the scale; those of the next note as well."""
    pitches = line.pitches.astype(np.float64)
    step = np.diff(pitches)
    before, after = np.r_[0.0, step], np.r_[step, 0.0]
    height = (pitches - pitches.mean()) / 12
    columns = [
        np.clip(before, -12, 12) / 12,
        np.clip(after, -12, 12) / 12,
        np.minimum(np.abs(before), 12) / 12,
        np.minimum(np.abs(after), 12) / 12,
        (before == 0).astype(np.float64),
        (after == 0).astype(np.float64),
        height,
        np.full(len(pitches), float(line.minor)),
        (pitches == pitches[-1]).astype(np.float64),
    ]
    degree = (line.pitches - line.tonic) % 12
    following = np.r_[degree[1:], -1]
    third = 3 if line.minor else 4
    for degrees in (degree, following):
        columns += [(degrees == tone).astype(np.float64) for tone in (0, 2, third, 5, 7, 9, 11)]
    return columns


def _repetition(line: Line) -> list[Floats]:
    """How far the passage after a note repeats others, and the passage up to it."""
    rhythm = np.round(line.gaps * 96).astype(np.int64)
    same_rhythm = rhythm[:, None] == rhythm
    same = same_rhythm & (line.pitches[:, None] == line.pitches)
    equal = np.stack([same_rhythm, same])
    onwards = _matches(np.concatenate([equal, equal[:, ::-1, ::-1]]))
    columns: list[Floats] = []
    for ahead, back in zip(onwards[:2], onwards[2:, ::-1, ::-1], strict=True):
        columns += [
            _shifted(ahead[:, 0], -1),  # the passage that begins at the next note
            _shifted(np.tril(ahead, -1).max(axis=1), -1),
            _shifted(np.triu(ahead, 1).max(axis=1), -1),
            back[:, -1],
            np.tril(back, -1).max(axis=1),
            np.triu(back, 1).max(axis=1),
            _shifted(ahead[:, 0], -1) - _shifted(ahead[:, 0], -2),
        ]
    return [np.minimum(column, _LONGEST) / _LONGEST for column in columns]


def _matches(equal: npt.NDArray[np.bool_]) -> Floats:
    """Length of the equal passages that begin at each pair of notes, (..., N, N).

    >>> _matches(np.array([[True, False], [False, True]])).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    num_notes = equal.shape[-1]
    lengths = np.zeros((*equal.shape[:-2], num_notes + 1, num_notes + 1))
    for row in range(num_notes - 1, -1, -1):
        lengths[..., row, :-1] = (lengths[..., row + 1, 1:] + 1) * equal[..., row, :]
    return lengths[..., :-1, :-1]


def _shifted(values: Floats, by: int) -> Floats:
    """Move rows by some places; zeros come in."""
    moved = np.zeros_like(values)
    if by > 0:
        moved[by:] = values[:-by]
    else:
        moved[:by] = values[-by:]
    return moved


def _is_whole(values: Floats) -> Floats:
    return (np.abs(values - np.round(values)) < 1e-6).astype(np.float64)
