"""Keys: signature, tonic, and estimation from notes."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Mode = Literal["major", "minor"]
Keys = Literal["home", "all", "written"]
"""Keys that a model trains on: C major and A minor, all singable transpositions, or those of the scores."""

# Krumhansl and Kessler's probe-tone ratings (Psychological Review 89, 1982), from the tonic up.
_PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Pitch class of each step."""

FIFTHS = "FCGDAEB"
"""The steps on the line of fifths."""

_TONIC_NAMES = ("C", "D-flat", "D", "E-flat", "E", "F", "F-sharp", "G", "A-flat", "A", "B-flat", "B")


class Key(NamedTuple):
    """Key: signature and mode.

    Attributes:
        fifths: Number of sharps if positive, of flats if negative.
        mode: Major or minor.

    >>> Key(-3, "minor").tonic  # C minor
    0
    >>> str(Key(1, "major"))
    'G major'
    """

    fifths: int = 0
    mode: Mode = "major"

    @property
    def tonic(self) -> int:
        """Pitch class of the tonic, C = 0."""
        return (7 * self.fifths + (9 if self.mode == "minor" else 0)) % 12

    def transpose(self, semitones: int) -> "Key":
        """Transpose by semitones; the result has at most six flats or sharps.

        >>> Key(0, "major").transpose(2)
        Key(fifths=2, mode='major')
        """
        if semitones == 0:
            return self
        return Key((self.fifths + 7 * semitones + 5) % 12 - 5, self.mode)

    def __str__(self) -> str:
        return f"{_TONIC_NAMES[self.tonic]} {self.mode}"


def alteration(step: str, fifths: int) -> int:
    """Semitones by which a key signature alters a step.

    >>> alteration("F", 1), alteration("B", -2), alteration("C", 0)
    (1, -1, 0)
    """
    return (fifths - FIFTHS.index(step) + 6) // 7


def key_of(tonic: int, mode: Mode) -> Key:
    """Key of a tonic (pitch class), with at most six flats or sharps.

    >>> key_of(5, "major"), key_of(9, "minor")
    (Key(fifths=-1, mode='major'), Key(fifths=0, mode='minor'))
    """
    fifths = 7 * (tonic - (9 if mode == "minor" else 0))
    return Key((fifths + 5) % 12 - 5, mode)


def estimate_key(pitches: npt.NDArray[np.integer], signature: Key | None = None) -> Key:
    """Estimate the key by the Krumhansl-Schmuckler method.

    It correlates the sounding time of each pitch class with the probe-tone profile of each key (Krumhansl, *Cognitive
    Foundations of Musical Pitch*, 1990, chapter 4).

    Args:
        pitches: MIDI pitches of any shape, each an equal span of time; 0 is a rest.
        signature: The written key, if any: its two readings (major, relative minor) get a bonus of 0.3 in correlation
            (of 0 to 0.5, the least that nearly always agrees with the written key of Bach's chorales).

    Returns:
        The best key; C major where nothing sounds.

    >>> estimate_key(np.array([57, 59, 60, 62, 64, 65, 68, 69, 69, 69]))
    Key(fifths=0, mode='minor')
    """
    sounding = pitches[pitches > 0]
    if sounding.size == 0:
        return Key()
    histogram = np.bincount(sounding.ravel() % 12, minlength=12).astype(np.float64)
    scores: dict[Key, float] = {}
    for mode, profile in _PROFILES.items():
        for tonic in range(12):
            key = key_of(tonic, mode)
            # A flat histogram correlates with nothing.
            spread = histogram.std()
            correlation = np.corrcoef(histogram, np.roll(profile, tonic))[0, 1] if spread > 0 else 0.0
            written = signature is not None and (key.fifths - signature.fifths) % 12 == 0
            scores[key] = float(correlation) + (0.3 if written else 0.0)
    return max(scores, key=lambda key: scores[key])


def semitones_home(key: Key) -> int:
    """Smallest transposition to C major or A minor, -5 to 6 semitones.

    >>> semitones_home(Key(1, "major")), semitones_home(Key(2, "minor"))
    (5, -2)
    """
    home = 9 if key.mode == "minor" else 0
    return (home - key.tonic + 5) % 12 - 5
