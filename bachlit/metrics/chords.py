"""Chords: root and quality of simultaneous pitches."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from bachlit.music.chorale import REST

# Semitones above the root. A seventh chord may lack its fifth; a chord like C E G A is the seventh chord on A. No chord
# is listed twice, so only symmetric ones (augmented triads, diminished sevenths) are ambiguous: their root is the bass.
_QUALITIES = {
    (0, 4, 7): "major",
    (0, 3, 7): "minor",
    (0, 3, 6): "diminished",
    (0, 4, 8): "augmented",
    (0, 4, 7, 10): "dominant seventh",
    (0, 4, 10): "dominant seventh",
    (0, 4, 7, 11): "major seventh",
    (0, 4, 11): "major seventh",
    (0, 3, 7, 10): "minor seventh",
    (0, 3, 10): "minor seventh",
    (0, 3, 6, 10): "half-diminished seventh",
    (0, 3, 6, 9): "diminished seventh",
    (0, 3, 7, 11): "minor-major seventh",
    (0, 3, 11): "minor-major seventh",
    (0, 4, 8, 11): "augmented major seventh",
    (0, 5, 7): "suspended",
    (0, 4): "major third",
    (0, 3): "minor third",
    (0, 7): "fifth",
    (0,): "unison",
}
QUALITIES = (*dict.fromkeys(_QUALITIES.values()), "other")


class Chord(NamedTuple):
    """Chord.

    Attributes:
        root: Pitch class, C = 0; None if unnamed.
        quality: Of the pitch classes above the root, whatever the voicing; one of `QUALITIES`, `other` if unnamed.
    """

    root: int | None
    quality: str


def chord_of(pitches: Iterable[int]) -> Chord | None:
    """Name the chord of some pitches, in any inversion; None if all rest.

    Args:
        pitches: MIDI pitches, 0 a rest.

    >>> chord_of([67, 60, 52, 36])
    Chord(root=0, quality='major')
    >>> chord_of([65, 62, 59, 43]), chord_of([65, 59, 55, 43])  # G7 whole, and without its fifth
    (Chord(root=7, quality='dominant seventh'), Chord(root=7, quality='dominant seventh'))
    >>> chord_of([69, 67, 64, 48]), chord_of([72, 67, 65, 48])  # A minor seventh over C, and a fourth held over C
    (Chord(root=9, quality='minor seventh'), Chord(root=0, quality='suspended'))
    >>> chord_of([68, 60, 52, 40]), chord_of([69, 60, 54, 51])  # symmetric chords stand on their bass
    (Chord(root=4, quality='augmented'), Chord(root=3, quality='diminished seventh'))
    >>> chord_of([64, 60, 0, 0]), chord_of([60, 52, 40, 0]), chord_of([60, 48, 0, 0])
    (Chord(root=0, quality='major third'), Chord(root=0, quality='major third'), Chord(root=0, quality='unison'))
    >>> chord_of([62, 61, 60, 48]), chord_of([0, 0, 0, 0])
    (Chord(root=None, quality='other'), None)
    """
    sounding = [int(pitch) for pitch in pitches if pitch != REST]
    if not sounding:
        return None
    bass = min(sounding)
    above, quality = _named(frozenset((pitch - bass) % 12 for pitch in sounding))
    return Chord(None if above is None else (bass + above) % 12, quality)


@cache
def _named(classes: frozenset[int]) -> tuple[int | None, str]:
    """Root in semitones above the bass, and quality, of pitch classes above the bass."""
    for root in sorted(classes):
        quality = _QUALITIES.get(tuple(sorted((pitch - root) % 12 for pitch in classes)))
        if quality is not None:
            return root, quality
    return None, "other"
