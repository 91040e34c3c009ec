"""Histograms of a chorale's features, and distances between them.

Each is a pure function from a chorale to counts of categories, which add up with `+`. They are the features of "Bach or
Mock?" (`bachlit.metrics.grade`).
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from itertools import pairwise

import numpy as np

from bachlit.metrics.cadences import fermata_notes
from bachlit.metrics.chords import chord_of
from bachlit.metrics.rules import parallel_motion
from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.keys import Key
from bachlit.music.playing import transitions

Histogram = Mapping[Hashable, float]
"""Counts or weights by category."""

_HOLD = 255  # no MIDI pitch


def degrees(chorale: Chorale, key: Key) -> Counter[Hashable]:
    """Count sixteenths by semitones above the tonic, and rests.

    Args:
        chorale: The music.
        key: Key of the degrees, such as from `estimate_key`.

    >>> dict(degrees(Chorale.from_pitches([[71, 67, 62, 55], [71, 67, 62, 0]]), Key(1)))
    {0: 3, 4: 2, 7: 2, 'rest': 1}
    """
    sounding = chorale.pitches[chorale.pitches != REST]
    counts = np.bincount((sounding.astype(int) - key.tonic) % 12, minlength=12).tolist()
    histogram: Counter[Hashable] = Counter({degree: count for degree, count in enumerate(counts) if count})
    rests = chorale.pitches.size - sounding.size
    if rests:
        histogram["rest"] = rests
    return histogram


def lengths(chorale: Chorale) -> Counter[Hashable]:
    """Count notes and rests by their length in sixteenths.

    >>> dict(lengths(Chorale.from_pitches([[71, 67, 62, 55]] * 4 + [[72, 67, 62, 0]] * 4)))
    {4: 4, 8: 2}
    """
    histogram: Counter[Hashable] = Counter()
    for voice in range(len(VOICES)):
        starts = np.flatnonzero(chorale.onsets[:, voice])
        histogram.update(np.diff(starts, append=chorale.num_frames).tolist())
    return histogram


def intervals(chorale: Chorale, voice: Voice) -> Counter[Hashable]:
    """Count the intervals of a voice in semitones, 0 for a repeated note; none across a rest.

    Args:
        chorale: The piece.
        voice: The voice.

    >>> dict(intervals(Chorale.from_pitches([[71, 67, 62, 55], [72, 67, 62, 0], [67, 67, 62, 55]]), "soprano"))
    {1: 1, -5: 1}
    """
    column = VOICES.index(voice)
    notes = chorale.pitches[chorale.onsets[:, column], column].astype(int)
    joined = (notes[1:] != REST) & (notes[:-1] != REST)
    return Counter(np.diff(notes)[joined].tolist())


def qualities(chorale: Chorale) -> Counter[Hashable]:
    """Count chord qualities per slice, between onsets.

    >>> dict(qualities(Chorale.from_pitches([[71, 67, 62, 55]] * 4 + [[71, 67, 62, 52], [71, 67, 64, 52]])))
    {'major': 1, 'minor seventh': 1, 'minor': 1}
    """
    chords = (chord_of(pitches) for pitches in chorale.pitches[chorale.onsets.any(axis=1)].tolist())
    return Counter(chord.quality for chord in chords if chord is not None)


def parallels(chorale: Chorale) -> Counter[Hashable]:
    """Count parallel fifths and octaves of all pairs of voices, except from a fermata to the next phrase.

    As in `RuleCounts` otherwise: both voices move, contrary motion included.

    >>> dict(parallels(Chorale.from_pitches([[72, 67, 60, 48], [74, 67, 62, 50]])))
    {'octave': 3}
    """
    before, after = transitions(chorale).T
    within = ~(chorale.fermatas[before] & ~chorale.fermatas[after])  # (N,)
    fifths, octaves = (int(moves[within].sum()) for moves in parallel_motion(chorale)[0])
    return Counter({name: count for name, count in (("fifth", fifths), ("octave", octaves)) if count})


def cadence_chords(chorale: Chorale, key: Key) -> Counter[Hashable]:
    """Count chords under fermatas: root in semitones above the tonic, and quality.

    Args:
        chorale: The piece.
        key: That of the piece, whose tonic is 0.

    >>> closing = Chorale(pitches=[[71, 67, 62, 55]], onsets=[[True] * 4], fermatas=[True])
    >>> dict(cadence_chords(closing, Key(0)))
    {(7, 'major'): 1}
    """
    chords = (chord_of(pitches) for pitches in chorale.pitches[fermata_notes(chorale)].tolist())
    return Counter(
        (None if chord.root is None else (chord.root - key.tonic) % 12, chord.quality)
        for chord in chords
        if chord is not None
    )


def repeats(chorale: Chorale) -> Counter[Hashable]:
    """Count occurrences of repeated patterns in each voice, by length in sixteenths.

    A pattern is a passage of at least two notes (or rests), the last of which may be cut short. It counts if it occurs
    at least twice (overlaps allowed), more often than any extension by a sixteenth at its end or a note at its front.

    >>> scale = [60, 62, 64, 65, 60, 62, 64, 67]
    >>> dict(repeats(Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in scale])))
    {3: 2}
    """
    histogram: Counter[Hashable] = Counter()
    for voice in range(len(VOICES)):
        onsets = chorale.onsets[:, voice]
        symbols = np.where(onsets, chorale.pitches[:, voice], _HOLD).astype(np.uint8).tobytes()
        for pattern, count in _repeated(symbols, np.flatnonzero(onsets).tolist()):
            if len(pattern) - pattern.count(_HOLD) > 1:
                histogram[len(pattern)] += count
    return histogram


def rank_distance(histogram: Histogram, reference: Histogram) -> float:
    """Wasserstein distance of a histogram from a reference, in ranks; 0 if proportional.

    Categories are ranked by falling weight in the reference; those that only the piece has follow, its rarest first.
    The distance is the mean number of ranks that weight has to move. An empty histogram is a category of its own.

    Args:
        histogram: Weights of categories.
        reference: Those to compare with, which rank the categories.

    >>> bach = {"step": 6, "leap": 3, "rest": 1}
    >>> rank_distance({"step": 12, "leap": 6, "rest": 2}, bach)
    0.0
    >>> rank_distance({"step": 1}, bach)  # 0.3 move by one rank, 0.1 by two
    0.5
    >>> rank_distance({"step": 1, "trill": 1}, {"step": 1}), rank_distance({}, {"step": 1}), rank_distance({}, {})
    (0.5, 1.0, 0.0)
    """
    piece, bach = (_counted(counts, nothing=None) for counts in (histogram, reference))
    # Ties are broken by name, so that the order of pieces doesn't matter.
    known = sorted(bach, key=lambda category: (-bach[category], str(category)))
    unseen = sorted(piece.keys() - bach.keys(), key=lambda category: piece[category])
    ranks = [*known, *unseen]
    return _moved([piece.get(category, 0) for category in ranks], [bach.get(category, 0) for category in ranks])


def length_distance(histogram: Histogram, reference: Histogram) -> float:
    """Wasserstein distance of two histograms of lengths, in sixteenths; empty is a length of 0.

    Args:
        histogram: Weights of lengths in sixteenths.
        reference: Those to compare with.

    >>> length_distance({4: 1, 8: 1}, {4: 1}), length_distance({}, {4: 1})
    (2.0, 4.0)
    """
    piece, bach = (_counted(counts, nothing=0) for counts in (histogram, reference))
    steps = range(max(length for length in [*piece, *bach] if isinstance(length, int)) + 1)
    return _moved([piece.get(length, 0) for length in steps], [bach.get(length, 0) for length in steps])


def _counted(histogram: Histogram, *, nothing: Hashable) -> Histogram:
    """Categories with weight; a single one for nothing if none has."""
    return {category: weight for category, weight in histogram.items() if weight > 0} or {nothing: 1}


def _moved(here: list[float], there: list[float]) -> float:
    """Wasserstein distance of two lists of weights, one step apart, normalised."""
    shares = np.array([here, there]) / np.sum([here, there], axis=1, keepdims=True)  # (2, N)
    return float(np.abs(np.cumsum(shares[0] - shares[1])[:-1]).sum())


def _repeated(symbols: bytes, starts: list[int]) -> Iterator[tuple[bytes, int]]:
    """Yield the maximal repeated patterns with their number of occurrences, by sorted suffixes."""
    previous = {start: symbols[last:start] for last, start in zip([0, *starts], starts, strict=False)}  # notes
    order = sorted(starts, key=lambda start: symbols[start:])
    shared = [0, *(_num_shared(symbols[one:], symbols[two:]) for one, two in pairwise(order)), 0]
    groups = set()
    for index in range(1, len(order)):
        first, last = index - 1, index  # neighbours in order that share as many symbols
        while shared[first] >= shared[index] > 0:
            first -= 1
        while shared[last + 1] >= shared[index] > 0:
            last += 1
        groups.add((shared[index], first, last))
    for length, first, last in groups:
        if length and len({previous[start] for start in order[first : last + 1]}) > 1:
            yield symbols[order[first] : order[first] + length], last - first + 1


def _num_shared(one: bytes, two: bytes) -> int:
    """Length of the common prefix."""
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
