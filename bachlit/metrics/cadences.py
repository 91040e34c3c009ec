"""Cadences: on what chords lines end, and the piece."""

from typing import NamedTuple

import numpy as np

from bachlit.chorale import REST, Chorale, IntArray
from bachlit.metrics.chords import chord_of


class Cadences(NamedTuple):
    """The chords under fermatas, judged where the fermata begins.

    Attributes:
        fermatas: How many.
        triads: Those over a major or minor triad, its fifth left out or not.
        in_root_position: Those of them whose bass is the triad's root.
        ends_on_tonic: Whether the piece's last bass note is the key's tonic.
    """

    fermatas: int
    triads: int
    in_root_position: int
    ends_on_tonic: bool


def cadences(chorale: Chorale) -> Cadences:
    """Judge a chorale's cadences.

    >>> pitches, onsets = [[71, 67, 62, 55], [72, 67, 64, 48]], [[True] * 4] * 2
    >>> closing = Chorale(pitches=pitches, onsets=onsets, fermatas=[False, True])
    >>> cadences(closing)
    Cadences(fermatas=1, triads=1, in_root_position=1, ends_on_tonic=True)
    """
    begins = np.flatnonzero(np.diff(chorale.fermatas.astype(int), prepend=0) == 1)
    roots = [_root(chorale.pitches[frame]) for frame in begins]
    last = int(chorale.pitches[-1, 3])
    return Cadences(
        fermatas=len(begins),
        triads=sum(root is not None for root in roots),
        in_root_position=sum(root == 0 for root in roots),
        ends_on_tonic=last != REST and last % 12 == chorale.key.tonic,
    )


def _root(pitches: IntArray) -> int | None:
    """The root of a triad in semitones above its bass, or None if the chord is none."""
    chord = chord_of(pitches)
    if chord is None or chord.root is None:
        return None
    root = (chord.root - int(pitches[pitches != REST].min())) % 12
    # Two notes are a triad without its fifth only if the root is below.
    whole, without_fifth = chord.quality in ("major", "minor"), chord.quality in ("major third", "minor third")
    return root if whole or (without_fifth and root == 0) else None
