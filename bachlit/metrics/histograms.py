"""Histograms of what a chorale is made of, and how far one lies from another.

Each is a pure function from a chorale to a count of categories; those of several pieces add up with `+`. They are the
features of "Bach or Mock?" (see `bachlit.metrics.grade`), and serve as well on their own.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from itertools import combinations, pairwise

import numpy as np

from bachlit.metrics.cadences import fermata_notes
from bachlit.metrics.chords import chord_of
from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.keys import Key

Histogram = Mapping[Hashable, float]
"""Counts or weights by category."""

_HOLD = 255  # no MIDI pitch


def degrees(chorale: Chorale, key: Key) -> Counter[Hashable]:
    """Sixteenths of all voices by semitones above the tonic, and at rest.

    Args:
        chorale: The music.
        key: In which the degrees are counted; `estimate_key` finds one.

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
    """Notes and rests of all voices by their length in sixteenths.

    >>> dict(lengths(Chorale.from_pitches([[71, 67, 62, 55]] * 4 + [[72, 67, 62, 0]] * 4)))
    {4: 4, 8: 2}
    """
    histogram: Counter[Hashable] = Counter()
    for voice in range(len(VOICES)):
        starts = np.flatnonzero(chorale.onsets[:, voice])
        histogram.update(np.diff(starts, append=chorale.num_frames).tolist())
    return histogram


def intervals(chorale: Chorale, voice: Voice) -> Counter[Hashable]:
    """Semitones from each note of a voice to the next, repeated notes as 0; none across a rest.

    >>> dict(intervals(Chorale.from_pitches([[71, 67, 62, 55], [72, 67, 62, 0], [67, 67, 62, 55]]), "soprano"))
    {1: 1, -5: 1}
    """
    column = VOICES.index(voice)
    notes = chorale.pitches[chorale.onsets[:, column], column].astype(int)
    joined = (notes[1:] != REST) & (notes[:-1] != REST)
    return Counter(np.diff(notes)[joined].tolist())


def qualities(chorale: Chorale) -> Counter[Hashable]:
    """Chord qualities of the slices in which something sounds; in a slice no voice begins a note.

    >>> dict(qualities(Chorale.from_pitches([[71, 67, 62, 55]] * 4 + [[71, 67, 62, 52], [71, 67, 64, 52]])))
    {'major': 1, 'minor seventh': 1, 'minor': 1}
    """
    chords = (chord_of(pitches) for pitches in chorale.pitches[chorale.onsets.any(axis=1)].tolist())
    return Counter(chord.quality for chord in chords if chord is not None)


def parallels(chorale: Chorale) -> Counter[Hashable]:
    """Parallel fifths and octaves of all pairs of voices, none from a fermata's last frame to the next phrase.

    Those of `RuleCounts` otherwise: both voices move, by contrary motion too.

    >>> dict(parallels(Chorale.from_pitches([[72, 67, 60, 48], [74, 67, 62, 50]])))
    {'octave': 3}
    """
    pitches = chorale.pitches.astype(int)
    moves = (pitches[1:] != pitches[:-1]) & (pitches[1:] != REST) & (pitches[:-1] != REST)  # (T - 1, 4)
    moves &= ~(chorale.fermatas[:-1] & ~chorale.fermatas[1:])[:, None]
    upper, lower = np.array(list(combinations(range(len(VOICES)), 2))).T
    sizes = np.abs(pitches[:, upper] - pitches[:, lower]) % 12  # (T, 6)
    same = moves[:, upper] & moves[:, lower] & (sizes[1:] == sizes[:-1])
    counts = {name: int((same & (sizes[1:] == size)).sum()) for name, size in (("fifth", 7), ("octave", 0))}
    return Counter({name: count for name, count in counts.items() if count})


def cadence_chords(chorale: Chorale, key: Key) -> Counter[Hashable]:
    """Chords where a soprano's note with a fermata begins: the root in semitones above the tonic, and the quality.

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
    """Occurrences of repeated patterns, voice by voice, by the pattern's length in sixteenths.

    A pattern is what a voice does, exactly, for some sixteenths: two notes or more (rests count as notes), the last of
    which may be cut short. It counts if it comes at least twice (overlaps allowed), and if any longer one that holds
    it, by a sixteenth at its end or by a note at its front, comes less often.

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
    """How far a piece's histogram lies from a reference, in ranks: 0 if they are in proportion.

    The reference's categories take ranks by falling weight; what only the piece has comes after them, its rarest first.
    This is the Wasserstein distance of the two on those ranks: how many ranks the piece's weight has to move, on
    average. Where nothing is counted, that is a category of its own.

    >>> bach = {"step": 6, "leap": 3, "rest": 1}
    >>> rank_distance({"step": 12, "leap": 6, "rest": 2}, bach)
    0.0
    >>> rank_distance({"step": 1}, bach)  # 0.3 have to move by a rank, 0.1 by two
    0.5
    >>> rank_distance({"step": 1, "trill": 1}, {"step": 1}), rank_distance({}, {"step": 1}), rank_distance({}, {})
    (0.5, 1.0, 0.0)
    """
    piece, bach = (_counted(counts, nothing=None) for counts in (histogram, reference))
    # Ties go by name, so that no distance depends on the order in which pieces were counted.
    known = sorted(bach, key=lambda category: (-bach[category], str(category)))
    unseen = sorted(piece.keys() - bach.keys(), key=lambda category: piece[category])
    ranks = [*known, *unseen]
    return _moved([piece.get(category, 0) for category in ranks], [bach.get(category, 0) for category in ranks])


def length_distance(histogram: Histogram, reference: Histogram) -> float:
    """The Wasserstein distance of two histograms of lengths, in sixteenths; nothing counted is a length of 0.

    >>> length_distance({4: 1, 8: 1}, {4: 1}), length_distance({}, {4: 1})
    (2.0, 4.0)
    """
    piece, bach = (_counted(counts, nothing=0) for counts in (histogram, reference))
    steps = range(max(length for length in [*piece, *bach] if isinstance(length, int)) + 1)
    return _moved([piece.get(length, 0) for length in steps], [bach.get(length, 0) for length in steps])


def _counted(histogram: Histogram, *, nothing: Hashable) -> Histogram:
    """The categories that have some weight; one that stands for nothing if none has."""
    return {category: weight for category, weight in histogram.items() if weight > 0} or {nothing: 1}


def _moved(here: list[float], there: list[float]) -> float:
    """The Wasserstein distance of two lists of weights, a step apart each, brought to the same sum."""
    shares = np.array([here, there]) / np.sum([here, there], axis=1, keepdims=True)  # (2, N)
    return float(np.abs(np.cumsum(shares[0] - shares[1])[:-1]).sum())


def _repeated(symbols: bytes, starts: list[int]) -> Iterator[tuple[bytes, int]]:
    """Each repeated pattern that no longer one stands for, and its occurrences, by way of the sorted suffixes."""
    before = {start: symbols[last:start] for last, start in zip([0, *starts], starts, strict=False)}  # the note before
    order = sorted(starts, key=lambda start: symbols[start:])
    shared = [0, *(_num_shared(symbols[one:], symbols[two:]) for one, two in pairwise(order)), 0]
    groups = set()
    for index in range(1, len(order)):
        first, last = index - 1, index  # in order: neighbours of which as many symbols agree
        while shared[first] >= shared[index] > 0:
            first -= 1
        while shared[last + 1] >= shared[index] > 0:
            last += 1
        groups.add((shared[index], first, last))
    for length, first, last in groups:
        if length and len({before[start] for start in order[first : last + 1]}) > 1:
            yield symbols[order[first] : order[first] + length], last - first + 1


def _num_shared(one: bytes, two: bytes) -> int:
    """How many symbols two suffixes have in common at their front."""
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
