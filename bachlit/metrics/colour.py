"""Colour: notes foreign to the key, and what explains them."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bachlit.metrics.beats import sung
from bachlit.metrics.chords import Chord
from bachlit.metrics.phrase_ends import arrivals_at
from bachlit.metrics.sonorities import SEVENTHS, WITH_THIRD, chords_at
from bachlit.music.chorale import REST, Chorale
from bachlit.music.keys import Key, estimate_key

_LOWER = (1, 2, 3)
_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 9, 10, 11)
_TRIADS = ("diminished", "augmented")


class ColourCounts(NamedTuple):
    """Counts of foreign notes of alto, tenor and bass; add them over pieces with `total`.

    Attributes:
        notes: Notes of these voices.
        foreign: Those foreign to the key in force, by `scale`.
        applied: Foreign notes in an applied dominant (V, V7, vii or its sevenths of a degree), whose next chord is
            that degree's triad or seventh chord.
        raised: Others that raise a degree by a semitone and go up another, or make the last chord of a phrase major.
        modulating: Others in a phrase whose own key, as estimated from its notes, has them.
    """

    notes: int = 0
    foreign: int = 0
    applied: int = 0
    raised: int = 0
    modulating: int = 0


def colour_counts(chorale: Chorale, ends: Sequence[int] | None = None) -> ColourCounts:
    """Count the foreign notes of a chorale.

    Args:
        chorale: The music.
        ends: Frames in which the last soprano notes of phrases begin; by default those under fermatas.

    >>> from dataclasses import replace
    >>> one, five_of_five, five = [72, 67, 64, 48], [72, 69, 66, 50], [71, 67, 67, 43]
    >>> home = replace(Chorale.from_pitches([one] * 8 + [five_of_five] * 4 + [five] * 4 + [one] * 8), key=Key())
    >>> colour_counts(home)
    ColourCounts(notes=11, foreign=1, applied=1, raised=0, modulating=0)
    >>> aimless = replace(Chorale.from_pitches([one] * 8 + [[72, 66, 63, 48]] * 4 + [one] * 8), key=Key())
    >>> colour_counts(aimless)[1:]
    (2, 0, 2, 0)
    """
    explained = _Explanations(chorale, ends)
    counts = dict.fromkeys(ColourCounts._fields, 0)
    for voice in _LOWER:
        notes = sung(chorale, voice).tolist()
        for index, (pitch, start, end) in enumerate(notes):
            if pitch == REST:
                continue
            counts["notes"] += 1
            if pitch % 12 in scale(chorale.key_at(start)):
                continue
            counts["foreign"] += 1
            following = notes[index + 1][0] if index + 1 < len(notes) else REST
            if explained.applied(pitch, start, end):
                counts["applied"] += 1
            elif explained.raised(pitch, start, end, following):
                counts["raised"] += 1
            elif explained.modulating(pitch, start):
                counts["modulating"] += 1
    return ColourCounts(**counts)


@cache
def scale(key: Key) -> frozenset[int]:
    """Pitch classes of a key: in minor with raised sixth and seventh, in church modes with their own notes too.

    Dorian, phrygian, aeolian and locrian count as minor, lydian and mixolydian as major, as in the rule `InKey`.

    >>> sorted(scale(Key(0, "minor"))), sorted(scale(Key(0, "mixolydian")))
    ([0, 2, 4, 5, 6, 7, 8, 9, 11], [0, 2, 4, 5, 6, 7, 9, 11])
    """
    degrees = _MINOR if key.parallel.mode == "minor" else _MAJOR
    own = {7 * fifth % 12 for fifth in range(key.fifths - 1, key.fifths + 6)}
    return frozenset({(key.tonic + degree) % 12 for degree in degrees} | own)


class _Explanations:
    """What explains the foreign notes of a piece."""

    def __init__(self, chorale: Chorale, ends: Sequence[int] | None) -> None:
        self._chorale = chorale
        self._arrivals = arrivals_at(chorale, ends)
        slices = np.flatnonzero(chorale.onsets.any(axis=1))
        # Passing dissonances part no harmonies.
        named = zip(slices.tolist(), chords_at(chorale.pitches[slices]), strict=True)
        self._chords = [(frame, chord) for frame, chord in named if chord is not None and _is_named(chord)]
        self._starts = np.array([frame for frame, _ in self._chords], np.int64)
        edges = [0, *(arrival.end for arrival in self._arrivals), chorale.num_frames]
        self._phrases = [(low, high) for low, high in pairwise(edges) if low < high]
        self._scales: dict[int, frozenset[int]] = {}

    def applied(self, pitch: int, start: int, end: int) -> bool:
        """Check for a dominant with the note, followed by the degree that it belongs to."""
        first = max(0, int(np.searchsorted(self._starts, start, side="right")) - 1)
        last = int(np.searchsorted(self._starts, end, side="left"))
        home = scale(self._chorale.key_at(start))
        for index in range(first, last):
            chord = self._chords[index][1]
            goals = _goals(chord)
            following = next((one for _, one in self._chords[index + 1 :] if one.root != chord.root), None)
            if (
                following is not None
                and following.root in goals & home
                and pitch % 12 in _tones(chord)
                and following.quality not in (*_TRIADS, "diminished seventh", "half-diminished seventh")
            ):
                return True
        return False

    def raised(self, pitch: int, start: int, end: int, following: int) -> bool:
        """Check for a raised degree that rises, or the major third of a phrase's last chord."""
        if (pitch - 1) % 12 in scale(self._chorale.key_at(start)) and following == pitch + 1:
            return True
        frame = next((one.end - 1 for one in self._arrivals if start < one.end and one.start < end), None)
        frame = self._chorale.num_frames - 1 if frame is None and end == self._chorale.num_frames else frame
        if frame is None:
            return False
        (chord,) = chords_at(self._chorale.pitches[frame][None])
        in_major = chord is not None and chord.quality in ("major", "major third")
        return in_major and chord is not None and (pitch - (chord.root or 0)) % 12 == 4

    def modulating(self, pitch: int, start: int) -> bool:
        """Check whether the phrase's own key has the note."""
        low, high = next((low, high) for low, high in self._phrases if low <= start < high)
        if low not in self._scales:
            self._scales[low] = scale(estimate_key(self._chorale.pitches[low:high]))
        return pitch % 12 in self._scales[low]


def _is_named(chord: Chord) -> bool:
    return chord.root is not None and chord.quality in (*WITH_THIRD, *SEVENTHS, *_TRIADS)


def _goals(chord: Chord) -> frozenset[int]:
    """Roots that a chord is the dominant of; empty if it is none."""
    assert chord.root is not None
    if chord.quality in ("major", "major third", "dominant seventh", "augmented"):
        return frozenset({(chord.root + 5) % 12})
    if chord.quality in ("diminished", "half-diminished seventh"):
        return frozenset({(chord.root + 1) % 12})
    if chord.quality == "diminished seventh":
        return frozenset({(chord.root + 1 + third) % 12 for third in (0, 3, 6, 9)})
    return frozenset()


_STEPS = {
    "major": (0, 4, 7),
    "major third": (0, 4),
    "dominant seventh": (0, 4, 7, 10),
    "augmented": (0, 4, 8),
    "diminished": (0, 3, 6),
    "half-diminished seventh": (0, 3, 6, 10),
    "diminished seventh": (0, 3, 6, 9),
}


def _tones(chord: Chord) -> frozenset[int]:
    """Pitch classes of a dominant."""
    assert chord.root is not None
    return frozenset((chord.root + step) % 12 for step in _STEPS[chord.quality])
