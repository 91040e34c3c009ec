"""Analyse the harmony of a chorale: chord symbols and Roman numerals.

A chord is named per beat, by the tones that last: templates of triads and seventh chords are scored by the part of the
beat in which their tones sound, less that of other tones. Where a beat has no such chord, its eighths are tried.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import REST, Chorale, IntArray
from bachlit.music.keys import FIFTHS, STEPS, Key
from bachlit.scores.writing.durations import beat_length
from bachlit.scores.writing.spelling import Spelling, spell

_QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
}
"""Semitones above the root."""

_LEADING = ("dim", "dim7", "m7b5")

_LASTS = 0.5  # of a beat: a tone that sounds less is passing
_MOST_FOREIGN = 0.75  # of a beat: with more, the harmony changes within it

_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
_FIFTHS_UP = {
    "major": 0, "minor": 3, "dorian": 2, "phrygian": 4, "lydian": -1, "mixolydian": 1, "aeolian": 3, "locrian": 5,
}  # fmt: skip
"""From the major tonic of a signature to the mode's."""

_LETTERS = "CDEFGAB"
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_FIGURES = {3: ("", "6", "64"), 4: ("7", "65", "43", "42")}


class Sonority(NamedTuple):
    """Chord that sounds from a frame on.

    Attributes:
        frame: Where it begins.
        root: Pitch class.
        quality: As in chord symbols: "", m, dim, aug, 7, m7, maj7, m7b5 or dim7.
        bass: Pitch class of the lowest chord tone.
        key: In force there.
    """

    frame: int
    root: int
    quality: str
    bass: int
    key: Key


def chord_symbols(chorale: Chorale) -> list[tuple[int, str]]:
    """Name the chords of a chorale, each where it begins: C, Am, G7/B.

    Where no chord is recognised, nothing is named, and a chord that goes on isn't named again.

    Returns:
        Frames and symbols.

    >>> chords = [[72, 67, 64, 48], [72, 69, 64, 45], [65, 62, 55, 47], [69, 62, 57, 42], [67, 64, 60, 48]]
    >>> chord_symbols(Chorale.from_pitches(np.repeat(chords, 4, axis=0)))
    [(0, 'C'), (4, 'Am'), (8, 'G7/B'), (12, 'D/F#'), (16, 'C')]
    >>> passing = [[72, 67, 64, 48]] * 2 + [[72, 65, 64, 48]] * 2 + [[74, 62, 60, 48]] * 4
    >>> chord_symbols(Chorale.from_pitches(passing))
    [(0, 'C')]
    """
    return _named(chorale, _symbol)


def roman_numerals(chorale: Chorale) -> list[tuple[int, str]]:
    """Name the chords of a chorale by their degrees in its key, each where it begins: I, V65, viio7/V.

    Capitals are major or augmented (+), small letters minor or diminished (o, and with a minor seventh ø); figures are
    those of thorough bass. Major chords and diminished ones outside the scale are dominants of degrees where they
    lead to one; other roots outside it have # or b before them.

    >>> chords = [[72, 67, 64, 48], [72, 69, 62, 54], [71, 67, 62, 55], [71, 67, 65, 50], [72, 67, 64, 48]]
    >>> roman_numerals(Chorale.from_pitches(np.repeat(chords, 4, axis=0)))
    [(0, 'I'), (4, 'V65/V'), (8, 'V'), (12, 'V43'), (16, 'I')]
    """
    return _named(chorale, _numeral)


def sonorities(chorale: Chorale) -> Iterator[Sonority | None]:
    """Yield the chords of a chorale, beat by beat; None where none is recognised."""
    for measure in chorale.measures:
        beat = beat_length(measure.time_signature)
        first = measure.start - measure.position % beat
        for start in range(first, measure.start + measure.length, beat):
            end = min(start + beat, measure.start + measure.length)
            yield from _of_beat(chorale, max(start, measure.start), end)


def _of_beat(chorale: Chorale, start: int, end: int) -> Iterator[Sonority | None]:
    """Yield the chord of a beat, or those of its eighths."""
    key = chorale.key_at(start)
    found = _recognise(chorale.pitches[start:end], key)
    if found is not None or end - start <= 2:
        yield None if found is None else Sonority(start, *found, key)
        return
    for eighth in range(start, end, 2):
        found = _recognise(chorale.pitches[eighth : min(eighth + 2, end)], key)
        yield None if found is None else Sonority(eighth, *found, key)


def _recognise(pitches: IntArray, key: Key) -> tuple[int, str, int] | None:
    """Recognise the root, quality and bass of the chord that lasts in some frames (N, 4)."""
    sounds = np.zeros((len(pitches), 12), np.bool_)
    frames, voices = np.nonzero(pitches != REST)
    sounds[frames, pitches[frames, voices] % 12] = True
    lasting = sounds.mean(axis=0)  # (12,)
    lowest = np.where(pitches == REST, 128, pitches).min(axis=1)  # (N,)
    best, found = 0.0, None
    for root in np.flatnonzero(lasting >= _LASTS).tolist():
        for quality, tones in _QUALITIES.items():
            classes = [(root + tone) % 12 for tone in tones]
            parts = lasting[classes]
            if parts[1] < _LASTS:
                continue
            foreign = float(lasting.sum() - parts.sum())
            bass = _bass(lowest, classes)
            together = sounds[:, classes[:2] + classes[3:]].all(axis=1).any()
            begins = len(classes) < 4 or bool(sounds[0, classes[3]])  # a seventh that comes later often passes
            stands = begins and _stands(quality, parts, on_root=bass == root)
            if bass is None or foreign > _MOST_FOREIGN or not together or not stands:
                continue
            score = float(parts.sum()) - foreign
            score += _leads(root, key) if quality == "dim7" else 0.2 * (bass == root)
            if score > best:
                best, found = score, (root, quality, bass)
    return found


def _leads(root: int, key: Key) -> float:
    """Preference among the roots of a diminished seventh: leading notes of the tonic, the dominant, other degrees."""
    degree = (root + 1 - key.tonic) % 12
    return {0: 0.3, 7: 0.2}.get(degree, 0.1 if degree in _SCALES[key.mode] else 0)


def _stands(quality: str, parts: npt.NDArray[np.float64], *, on_root: bool) -> bool:
    """Whether enough of a chord's tones last: the fifth may lack in seventh chords, and in triads on their root."""
    root, third, fifth, *seventh = (parts >= _LASTS).tolist()
    if not (root and third and all(seventh)):
        return False
    return fifth or quality in ("7", "m7", "maj7") or (quality in ("", "m") and on_root)


def _bass(lowest: IntArray, classes: list[int]) -> int | None:
    """Pitch class of the lowest chord tone that lasts longest; None if no lowest tone is one."""
    counts = {tone: int((lowest[lowest < 128] % 12 == tone).sum()) for tone in classes}
    longest = max(counts.values())
    if not longest:
        return None
    return next(int(pitch) % 12 for pitch in lowest if counts.get(int(pitch) % 12) == longest)


def _named(chorale: Chorale, name: Callable[[Sonority, Sonority | None], str]) -> list[tuple[int, str]]:
    """Name the chords that change."""
    chords = list(sonorities(chorale))
    named: list[tuple[int, str]] = []
    before: tuple[object, ...] | None = None
    for index, chord in enumerate(chords):
        if chord is None or chord[1:] == before:
            continue
        after = next((other for other in chords[index + 1 :] if other and other[1:4] != chord[1:4]), None)
        named.append((chord.frame, name(chord, after)))
        before = chord[1:]
    return named


def _symbol(chord: Sonority, _: Sonority | None) -> str:
    root = _root(chord)
    symbol = f"{root.step}{_sign(root.alter)}{chord.quality}"
    if chord.bass == chord.root:
        return symbol
    step = _LETTERS[(_LETTERS.index(root.step) + 2 * _place(chord)) % 7]  # tones stand in thirds
    return f"{symbol}/{step}{_sign((chord.bass - STEPS[step] + 6) % 12 - 6)}"


def _numeral(chord: Sonority, after: Sonority | None) -> str:
    figures = _FIGURES[len(_QUALITIES[chord.quality])][_place(chord)]
    scale = [(chord.key.tonic + tone) % 12 for tone in _SCALES[chord.key.mode]]
    target = _target(chord, scale, after)
    if target is not None:
        small = (scale[(target + 2) % 7] - scale[target]) % 12 == 3 and target != 4  # minor's dominant is major
        numeral = "vii" if chord.quality in _LEADING else "V"
        return f"{numeral}{_mark(chord.quality)}{figures}/{_NUMERALS[target].lower() if small else _NUMERALS[target]}"
    tonic = FIFTHS[(chord.key.fifths + _FIFTHS_UP[chord.key.mode] + 1) % 7]
    degree = (_LETTERS.index(_root(chord).step) - _LETTERS.index(tonic)) % 7
    moved = (chord.root - scale[degree] + 6) % 12 - 6
    if degree == 6 and moved == 1 and 3 in _SCALES[chord.key.mode]:
        moved = 0  # minor's leading note
    numeral = _NUMERALS[degree] if 4 in _QUALITIES[chord.quality] else _NUMERALS[degree].lower()
    return f"{_sign(moved)}{numeral}{_mark(chord.quality)}{figures}"


def _target(chord: Sonority, scale: list[int], after: Sonority | None) -> int | None:
    """Degree (from 0) whose dominant a chord is; None if it belongs to the key, or leads to no chord of it."""
    tonic = scale[0]
    leads = (chord.root + (1 if chord.quality in _LEADING else 5)) % 12
    own = {*scale, *([(tonic + 9) % 12, (tonic + 11) % 12] if 3 in _SCALES[chord.key.mode] else [])}
    belongs = {(chord.root + tone) % 12 for tone in _QUALITIES[chord.quality]} <= own
    if chord.quality not in ("", "7", *_LEADING) or leads not in scale[1:] or (belongs and chord.quality != "7"):
        return None
    degree = scale.index(leads)
    if (scale[(degree + 4) % 7] - leads) % 12 != 7:  # no chord to lead to
        return None
    if chord.root == tonic and chord.quality == "" and (after is None or after.root != leads):
        return None  # a Picardy third
    return degree


def _root(chord: Sonority) -> Spelling:
    return spell(60 + chord.root, chord.key, leads=1 if chord.quality in _LEADING else 0)


def _place(chord: Sonority) -> int:
    """Place of the bass in the chord: 0 for the root, 1 for the third."""
    return _QUALITIES[chord.quality].index((chord.bass - chord.root) % 12)


def _sign(alter: int) -> str:
    return "#" * alter if alter >= 0 else "b" * -alter


def _mark(quality: str) -> str:
    return {"aug": "+", "dim": "o", "dim7": "o", "m7b5": "ø"}.get(quality, "")
