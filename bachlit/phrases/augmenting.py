"""Variants of tunes, so that a network that learns from few chorales finds phrases in other metres and songs."""

import dataclasses
from collections.abc import Callable

import numpy as np

from bachlit.phrases.line import Floats, Integers, Line

Variant = Callable[[Line, np.random.Generator], Line]


def varied(line: Line, generator: np.random.Generator) -> Line:
    """Vary a tune at random: its phrases, pickups, rests, rhythm, bars."""
    for share, variant in _VARIANTS:
        if generator.random() < share:
            line = variant(line, generator)
    return line


def phrases_repeated(line: Line, generator: np.random.Generator) -> Line:
    """Choose phrases that follow one another, and repeat some of them; a repeat begins at the same place of a bar."""
    bounds = [0, *(np.flatnonzero(line.ends) + 1)]
    if bounds[-1] != line.num_notes or len(bounds) < 3:
        return line
    first = int(generator.integers(0, len(bounds) - 2))
    last = int(generator.integers(first + 2, len(bounds)))
    order: list[int] = []
    while first < last:
        several = int(generator.integers(1, 3))
        block = list(range(first, min(first + several, last)))
        period = line.places[bounds[block[-1] + 1]] - line.places[bounds[block[0]]]
        twice = abs(period - round(period)) < 1e-6 and generator.random() < 0.4
        order += block * (2 if twice else 1)
        first += several
    notes = np.concatenate([np.arange(bounds[phrase], bounds[phrase + 1]) for phrase in order])
    gaps = line.gaps[notes]
    start = line.places[notes[0]]
    return _with(line, notes, np.cumsum(np.r_[start, gaps]) - np.floor(start) - (start < 0), line.lengths[notes])


def without_pickups(line: Line, generator: np.random.Generator) -> Line:
    """Leave out the pickup of every phrase; the note before lasts until the downbeat."""
    begins = np.r_[True, line.ends[:-1]]
    place, kept = line.places[:-1], np.ones(line.num_notes, np.bool_)
    for note in np.flatnonzero(begins):
        downbeat = np.ceil(place[note] - 1e-6)
        pickup = np.flatnonzero((np.arange(line.num_notes) >= note) & (place < downbeat - 1e-6))
        if 0 < len(pickup) <= 4 and downbeat - place[note] <= 0.5:
            kept[pickup] = line.ends[pickup]
    notes = np.flatnonzero(kept)
    places = np.r_[place[notes], line.places[-1]]
    stretched = np.where(generator.random() < 0.5, np.diff(places), line.lengths[notes])
    return _with(line, notes, places, np.where(line.ends[notes], stretched, line.lengths[notes]))


def rests_after_phrases(line: Line, generator: np.random.Generator) -> Line:
    """End long last notes of phrases with a rest, or fill the rests that are there."""
    gaps = line.gaps
    beat = 1 / line.beats
    if generator.random() < 0.3:
        return dataclasses.replace(line, lengths=gaps)
    share = generator.choice([0.25, 0.5, 0.5, 0.75])
    short = np.where(line.ends & (gaps >= 2 * beat - 1e-6), np.minimum(line.lengths, gaps * share), line.lengths)
    return dataclasses.replace(line, lengths=short)


def notes_divided(line: Line, generator: np.random.Generator) -> Line:
    """Divide some notes within phrases in two: sung to two syllables, or with a passing note."""
    share = generator.uniform(0.05, 0.4)
    inner = ~line.ends & (line.gaps >= 1 / line.beats - 1e-6)
    divided = inner & (generator.random(line.num_notes) < share)
    notes = np.repeat(np.arange(line.num_notes), 1 + divided)
    second = np.r_[False, notes[1:] == notes[:-1]]
    first = np.r_[second[1:], False]
    gaps = line.gaps[notes]
    portion = generator.choice([0.5, 0.5, 0.75])
    gaps = np.where(first, gaps * portion, np.where(second, gaps * (1 - portion), gaps))
    places = np.cumsum(np.r_[line.places[0], gaps])
    lengths = np.where(first | second, gaps, line.lengths[notes])
    varied = _with(line, notes, places, lengths)
    following = np.r_[line.pitches[1:], line.pitches[-1]]
    passing = (generator.random(line.num_notes) < 0.5) & (np.abs(following - line.pitches) > 2)
    between = line.pitches + np.sign(following - line.pitches) * 2
    pitches = np.where(second & passing[notes], between[notes], line.pitches[notes])
    return dataclasses.replace(varied, pitches=pitches)


def in_other_bars(line: Line, generator: np.random.Generator) -> Line:
    """Write a tune in bars half or twice as long, or its beats as those of another metre."""
    if line.beats == 4 and generator.random() < 0.7:
        return _scaled(line, 2.0, 2)
    if line.beats in (1, 2, 3) and generator.random() < 0.5:
        # The two halves of a longer bar: the first downbeat is either.
        shift = float(generator.integers(0, 2))
        return _scaled(
            dataclasses.replace(line, places=line.places + shift), 0.5, 2 * line.beats if line.beats < 3 else 2
        )
    return dataclasses.replace(line, beats=1 if line.beats == 3 else line.beats)


def in_three(line: Line, generator: np.random.Generator) -> Line:
    """Stretch strong beats to double length: 4/4 becomes 3/4 or 6/8."""
    if line.beats not in (2, 4):
        return line
    if generator.random() < 0.5:  # each half of the bar is a bar of three beats
        halves = line.beats // 2
        return _warped(_scaled(line, float(halves), 3), 1.0)
    return _warped(_scaled(line, line.beats / 2, 2), 0.5)  # each beat is three eighths


def _warped(line: Line, unit: float) -> Line:
    """Stretch the first half of each unit to two thirds of it."""

    def warp(places: Floats) -> Floats:
        whole = np.floor(places / unit + 1e-9)
        part = places / unit - whole
        return (whole + np.where(part < 0.5, part * 4 / 3, 2 / 3 + (part - 0.5) * 2 / 3)) * unit

    places = warp(line.places)
    return dataclasses.replace(line, places=places, lengths=warp(line.places[:-1] + line.lengths) - places[:-1])


def _scaled(line: Line, factor: float, beats: int) -> Line:
    return dataclasses.replace(line, places=line.places * factor, lengths=line.lengths * factor, beats=beats)


def _with(line: Line, notes: Integers, places: Floats, lengths: Floats) -> Line:
    """Take some notes of a tune, at other places."""
    return dataclasses.replace(
        line,
        pitches=line.pitches[notes],
        frames=line.frames[notes],
        places=places,
        lengths=np.minimum(lengths, np.diff(places)),
        ends=np.where(np.r_[notes[1:] == notes[:-1], False], False, line.ends[notes]),
    )


_VARIANTS: tuple[tuple[float, Variant], ...] = (
    (0.5, phrases_repeated),
    (0.4, without_pickups),
    (0.3, notes_divided),
    (0.4, in_three),
    (0.4, in_other_bars),
    (0.5, rests_after_phrases),
)
