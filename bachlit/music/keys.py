"""Keys: signature, tonic, names, and estimation from notes."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from bachlit.errors import ChoraleError

Mode = Literal["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian"]
MODES: tuple[Mode, ...] = get_args(Mode)
Keys = Literal["home", "all", "written"]
"""Keys that a model trains on: C major and A minor, all singable transpositions, or those of the scores."""

# Krumhansl and Kessler's probe-tone ratings (Psychological Review 89, 1982), from the tonic up.
_PROFILES: dict[Literal["major", "minor"], tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Pitch class of each step."""

FIFTHS = "FCGDAEB"
"""The steps on the line of fifths."""

# Of a signature without sharps and flats.
_TONICS: dict[Mode, int] = {
    "major": 0, "minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "aeolian": 9, "locrian": 11,
}  # fmt: skip

# From a mode's signature to that of the major or minor key with the same tonic.
_PARALLELS: dict[Mode, tuple[int, Literal["major", "minor"]]] = {
    "dorian": (-1, "minor"),
    "phrygian": (1, "minor"),
    "lydian": (-1, "major"),
    "mixolydian": (1, "major"),
    "aeolian": (0, "minor"),
    "locrian": (2, "minor"),
}
_MOST_SHARPS = 7

# Pitch classes above the tonic of the modes that a tune without a written one may have, with raised leading tones, and
# how often it has them, in nats below major.
_MODES_HEARD: dict[Mode, tuple[tuple[int, ...], float]] = {
    "major": ((0, 2, 4, 5, 7, 9, 11), 0.0),
    "minor": ((0, 2, 3, 5, 7, 8, 10, 11), -0.6),
    "dorian": ((0, 2, 3, 5, 7, 9, 10, 11), -2.6),
    "mixolydian": ((0, 2, 4, 5, 7, 9, 10, 11), -3.2),
    "phrygian": ((0, 1, 3, 5, 7, 8, 10), -3.5),
}

# How often sopranos of Bach's training pieces end and begin on semitones above the last bass note, in nats below the
# tonic.
_LAST = {0: 0.0, 4: -4.3, 7: -4.3, 3: -4.5}
_FIRST = {0: 0.0, 7: -0.5, 4: -1.8, 3: -2.5, 5: -3.0}
_SELDOM_LAST, _SELDOM_FIRST = -5.5, -5.0

# What a whole unit of each kind of evidence weighs, in nats.
_PROFILE_WEIGHT, _FOREIGN_WEIGHT, _LEADING_WEIGHT = 4.0, -25.0, 1.5
_LEADING_SHARE = 0.015  # of a tune's time, from which on a raised leading tone is no accident

_TONIC_NAMES = ("C", "D-flat", "D", "E-flat", "E", "F", "F-sharp", "G", "A-flat", "A", "B-flat", "B")


class Key(NamedTuple):
    """Key: signature and mode.

    Attributes:
        fifths: Number of sharps if positive, of flats if negative.
        mode: Major, minor, or a church mode.

    >>> Key(-3, "minor").tonic  # C minor
    0
    >>> str(Key(1, "major")), str(Key(0, "dorian"))
    ('G major', 'D dorian')
    """

    fifths: int = 0
    mode: Mode = "major"

    @property
    def tonic(self) -> int:
        """Pitch class of the tonic, C = 0."""
        return (7 * self.fifths + _TONICS[self.mode]) % 12

    @property
    def parallel(self) -> "Key":
        """The major or minor key of the same tonic, which models know; itself if it is one.

        >>> str(Key(0, "dorian").parallel), str(Key(0, "mixolydian").parallel)
        ('D minor', 'G major')
        """
        if self.mode not in _PARALLELS:
            return self
        more, mode = _PARALLELS[self.mode]
        fifths = self.fifths + more
        return Key(fifths - 12 if fifths > _MOST_SHARPS else fifths + 12 if fifths < -_MOST_SHARPS else fifths, mode)

    def transpose(self, semitones: int) -> "Key":
        """Transpose by semitones; the result has at most six flats or sharps, or the same as before.

        >>> Key(0, "major").transpose(2)
        Key(fifths=2, mode='major')
        """
        if semitones % 12 == 0 and abs(self.fifths) <= 7:  # G-flat stays G-flat, octaves away
            return self
        return Key((self.fifths + 7 * semitones + 5) % 12 - 5, self.mode)

    def __str__(self) -> str:
        return f"{_TONIC_NAMES[self.tonic]} {self.mode}"


def checked_keys(first: Key, keys: tuple[tuple[int, Key], ...], num_frames: int) -> tuple[tuple[int, Key], ...]:
    """Check later changes of key, and drop those that change nothing.

    Raises:
        ChoraleError: If they are outside the piece, or not in order.

    >>> checked_keys(Key(), ((4, Key()), (8, Key(1))), 16)
    ((8, Key(fifths=1, mode='major')),)
    """
    starts = [start for start, _ in keys]
    if not all(low < high for low, high in zip([0, *starts], [*starts, num_frames], strict=True)):
        raise ChoraleError(f"The key changes at frames {starts}; expected frames from 1 to {num_frames - 1}, in order.")
    changes: list[tuple[int, Key]] = []
    for start, key in keys:
        if Key(*key) != (changes[-1][1] if changes else first):
            changes.append((start, Key(*key)))
    return tuple(changes)


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
    fifths = 7 * (tonic - _TONICS[mode])
    return Key((fifths + 5) % 12 - 5, mode)


def estimate_key(pitches: npt.NDArray[np.integer], signature: Key | None = None) -> Key:
    """Estimate the key by the Krumhansl-Schmuckler method.

    It correlates the sounding time of each pitch class with the probe-tone profile of each key (Krumhansl, *Cognitive
    Foundations of Musical Pitch*, 1990, chapter 4).

    Args:
        pitches: MIDI pitches of any shape, each an equal span of time; 0 is a rest.
        signature: The written key, if any: its two readings (major, relative minor) get a bonus of 0.3 in correlation
            (of 0 to 0.5, the least that nearly always agrees with the written key of Bach's chorales). A church mode
            is believed: the result is its parallel key.

    Returns:
        The best key, major or minor; C major where nothing sounds.

    >>> estimate_key(np.array([57, 59, 60, 62, 64, 65, 68, 69, 69, 69]))
    Key(fifths=0, mode='minor')
    """
    if signature is not None and signature.parallel != signature:
        return signature.parallel
    sounding = pitches[pitches > 0]
    if sounding.size == 0:
        return Key()
    correlations = _correlations(tuple(np.bincount(sounding.ravel() % 12, minlength=12).tolist()))
    scores = {
        key: correlation + (0.3 if signature is not None and (key.fifths - signature.fifths) % 12 == 0 else 0.0)
        for key, correlation in correlations.items()
    }
    return max(scores, key=lambda key: scores[key])


@lru_cache(maxsize=1024)  # pieces under one prompt share most of their phrases
def _correlations(histogram: tuple[int, ...]) -> dict[Key, float]:
    """Correlate the sounding time of each pitch class (12,) with the profile of each key."""
    scores: dict[Key, float] = {}
    for mode, profile in _PROFILES.items():
        for tonic in range(12):
            # A flat histogram correlates with nothing.
            flat = min(histogram) == max(histogram)
            correlation = 0.0 if flat else np.corrcoef(np.array(histogram, np.float64), np.roll(profile, tonic))[0, 1]
            scores[key_of(tonic, mode)] = float(correlation)
    return scores


def home_of(pitches: npt.NDArray[np.integer], fifths: int | None = None) -> Key:
    """Find the key of music whose mode isn't written, or that has no signature either.

    Evidence is where the lowest voice ends and begins, the time of each pitch class beside Krumhansl and Kessler's
    profiles, notes foreign to the mode, and raised leading tones.

    Args:
        pitches: (T,) or (T, 4) MIDI pitches in order, each row an equal span of time; 0 is a rest.
        fifths: Of the written signature, if any.

    Returns:
        A major, minor, dorian, mixolydian or phrygian key; the signature's major where nothing sounds.

    >>> str(home_of(np.array([64, 66, 67, 69, 71, 67, 66, 63, 64]), 1))
    'E minor'
    >>> str(home_of(np.array([69, 71, 72, 74, 76, 74, 72, 66, 67, 69]), 1))
    'A dorian'
    """
    rows = pitches.reshape(len(pitches), -1)
    lowest = np.where(rows > 0, rows, 128).min(axis=1)
    line = lowest[lowest < 128]
    if line.size == 0:
        return Key(fifths or 0)
    share = np.bincount(rows[rows > 0] % 12, minlength=12) / np.count_nonzero(rows)
    keys = [
        key_of(tonic, mode) if fifths is None else Key(fifths, mode)
        for mode in _MODES_HEARD
        for tonic in (range(12) if fifths is None else (0,))
    ]
    return max(keys, key=lambda key: _evidence(key, share, int(line[0]), int(line[-1])))


def _evidence(key: Key, share: npt.NDArray[np.float64], first: int, last: int) -> float:
    """Weigh the evidence for a key, in nats.

    Args:
        key: One of the modes that are heard.
        share: (12,) time of each pitch class, of all.
        first: Lowest pitch at the beginning.
        last: Lowest pitch at the end.
    """
    degrees = np.roll(share, -key.tonic)
    scale, score = _MODES_HEARD[key.mode]
    score += _LAST.get((last - key.tonic) % 12, _SELDOM_LAST) + _FIRST.get((first - key.tonic) % 12, _SELDOM_FIRST)
    if degrees.std() > 0:  # a flat histogram correlates with nothing
        score += _PROFILE_WEIGHT * float(np.corrcoef(degrees, _PROFILES["minor" if 3 in scale else "major"])[0, 1])
    score += _FOREIGN_WEIGHT * float(1 - degrees[list(scale)].sum())
    if key.mode != "major":
        score += _LEADING_WEIGHT * min(1.0, float(degrees[11]) / _LEADING_SHARE)
    return score


def key_named(name: str) -> Key:
    """Read a key's name: a tonic and a mode, major if none is named.

    Raises:
        ChoraleError: If it is none.

    >>> str(key_named("D dorian")), str(key_named("f# minor")), key_named("Bb")
    ('D dorian', 'F-sharp minor', Key(fifths=-2, mode='major'))
    """
    match = re.fullmatch(r"\s*([A-Ga-g])\s*(#|b|-?sharp|-?flat|)\s*([a-z]*)\s*", name)
    mode = next((mode for mode in MODES if match and mode == (match[3] or "major")), None)
    if match is None or mode is None:
        raise ChoraleError(
            f"There is no key {name[:40]!r}; expected a note and one of {', '.join(MODES)}, such as F# minor or "
            "D dorian."
        )
    raised = {"#": 1, "s": 1, "b": -1, "f": -1}.get(match[2].lstrip("-")[:1], 0)
    return key_of(STEPS[match[1].upper()] + raised, mode)


def semitones_home(key: Key) -> int:
    """Smallest transposition of its parallel key to C major or A minor, -5 to 6 semitones.

    >>> semitones_home(Key(1, "major")), semitones_home(Key(2, "minor")), semitones_home(Key(0, "dorian"))
    (5, -2, -5)
    """
    home = 9 if key.parallel.mode == "minor" else 0
    return (home - key.tonic + 5) % 12 - 5
