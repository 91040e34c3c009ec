"""Sonorities on beats: dissonant and bare ones, and what becomes of sevenths and leading tones."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.metrics.beats import beats, sung
from bachlit.metrics.chords import Chord, chord_of
from bachlit.music.chorale import REST, VOICES, Chorale

WITH_THIRD = ("major", "minor", "major third", "minor third")
"""Qualities of a consonant sonority that has its third."""

BARE = ("fifth", "unison")
"""Qualities of a sonority without its third."""

SEVENTHS = {
    "dominant seventh": 10,
    "minor seventh": 10,
    "half-diminished seventh": 10,
    "major seventh": 11,
    "minor-major seventh": 11,
    "augmented major seventh": 11,
    "diminished seventh": 9,
}
"""Semitones of the seventh above the root, by quality."""

_TRIADS = ("diminished", "augmented")


class SonorityCounts(NamedTuple):
    """Counts of the sonorities on heard beats; add them over pieces with `total`.

    Attributes:
        beats: Beats on which a voice sounds.
        dissonant: Those on neither a triad nor a seventh chord, with or without fifth: suspensions, passing notes on
            the beat, clashes.
        bare: Those on a fifth, an octave or a unison.
        sevenths: Notes that are the seventh of a seventh chord on a beat.
        unresolved_sevenths: Those neither resolved down by step nor freed by a change of harmony: the next other note
            isn't a step below, and on the last beat that they last to, they are still the seventh.
        dominant_sevenths: Sevenths of dominant seventh chords.
        unresolved_dominant_sevenths: Likewise.
        leading_tones: Beats on V, V7 or vii of the key in force, with the leading tone, before a beat on I or VI.
        doubled_leading_tones: Those on which two voices have the leading tone.
    """

    beats: int = 0
    dissonant: int = 0
    bare: int = 0
    sevenths: int = 0
    unresolved_sevenths: int = 0
    dominant_sevenths: int = 0
    unresolved_dominant_sevenths: int = 0
    leading_tones: int = 0
    doubled_leading_tones: int = 0


def sonority_counts(chorale: Chorale) -> SonorityCounts:
    """Count the sonorities of a chorale.

    >>> five_seven, one, four = [67, 65, 59, 43], [67, 64, 60, 48], [69, 65, 60, 41]
    >>> sonority_counts(Chorale.from_pitches([five_seven] * 4 + [one] * 4))[3:5]
    (1, 0)
    >>> six = [69, 67, 60, 52]  # the seventh leaps up
    >>> sonority_counts(Chorale.from_pitches([five_seven] * 4 + [six] * 4)).unresolved_dominant_sevenths
    1
    >>> freed = [69, 65, 60, 41]  # the seventh becomes the root of F
    >>> sonority_counts(Chorale.from_pitches([five_seven] * 4 + [freed] * 4)).unresolved_dominant_sevenths
    0
    >>> suspended, fifth = [72, 67, 65, 48], [72, 67, 60, 48]
    >>> sonority_counts(Chorale.from_pitches([suspended] * 4 + [fifth] * 4))[:3]
    (2, 1, 1)
    """
    frames = beats(chorale)[:, 0]
    chords = dict(zip(frames.tolist(), chords_at(chorale.pitches[frames]), strict=True))
    named = [chord for chord in chords.values() if chord is not None]
    sevenths, unresolved = _sevenths(chorale, chords)
    return SonorityCounts(
        beats=len(named),
        dissonant=sum(is_dissonant(chord) for chord in named),
        bare=sum(chord.quality in BARE for chord in named),
        sevenths=len(sevenths),
        unresolved_sevenths=len(unresolved),
        dominant_sevenths=sevenths.count("dominant seventh"),
        unresolved_dominant_sevenths=unresolved.count("dominant seventh"),
        **_leading_tones(chorale, chords),
    )


def chords_at(pitches: npt.NDArray[np.integer]) -> list[Chord | None]:
    """Name the chords of frames (N, 4), as `chord_of`."""
    return [_cached(tuple(frame)) for frame in pitches.tolist()]


@lru_cache(maxsize=1 << 16)
def _cached(pitches: tuple[int, ...]) -> Chord | None:
    return chord_of(pitches)


def is_dissonant(chord: Chord) -> bool:
    """Check that a sonority is neither a triad nor a seventh chord, nor bare.

    >>> is_dissonant(Chord(0, "suspended")), is_dissonant(Chord(0, "diminished")), is_dissonant(Chord(0, "fifth"))
    (True, False, False)
    """
    return not (chord.quality in WITH_THIRD or chord.quality in BARE or chord.quality in (*SEVENTHS, *_TRIADS))


def is_dominant(chord: Chord | None, tonic: int) -> bool:
    """Check whether a chord has dominant function in a key: V, V7 or vii, with the leading tone.

    >>> is_dominant(Chord(7, "major"), 0), is_dominant(Chord(11, "diminished"), 0), is_dominant(Chord(7, "minor"), 0)
    (True, True, False)
    """
    if chord is None or chord.root is None:
        return False
    degree = (chord.root - tonic) % 12
    on_five = degree == 7 and chord.quality in ("major", "major third", "dominant seventh", "augmented")
    on_seven = degree == 11 and chord.quality in ("diminished", "half-diminished seventh")
    # A diminished seventh chord has no root of its own: it leads wherever one of its notes does.
    anywhere = chord.quality == "diminished seventh" and (degree - 11) % 3 == 0
    return on_five or on_seven or anywhere


def _sevenths(chorale: Chorale, chords: dict[int, Chord | None]) -> tuple[list[str], list[str]]:
    """Qualities of the chords whose sevenths sound on beats, and of those whose sevenths are unresolved."""
    found: list[str] = []
    unresolved: list[str] = []
    for voice in range(len(VOICES)):
        spans = merged(sung(chorale, voice))
        for index, (pitch, start, end) in enumerate(spans):
            on_beats = [chords[frame] for frame in range(start, end) if frame in chords and pitch != REST]
            chord = next((chord for chord in reversed(on_beats) if _is_seventh(pitch, chord)), None)
            if chord is None:
                continue
            found.append(chord.quality)
            last = next(chord for chord in reversed(on_beats) if chord is not None)
            following = spans[index + 1][0] if index + 1 < len(spans) else REST
            if last.root == chord.root and not 1 <= pitch - following <= 2:
                unresolved.append(chord.quality)
    return found, unresolved


def _is_seventh(pitch: int, chord: Chord | None) -> bool:
    return chord is not None and chord.root is not None and (pitch - chord.root) % 12 == SEVENTHS.get(chord.quality, -1)


def merged(notes: npt.NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Join repeated notes of a voice: pitch, first frame and end of each stretch on one pitch.

    >>> merged(np.array([[60, 0, 4], [60, 4, 8], [62, 8, 12]]))
    [(60, 0, 8), (62, 8, 12)]
    """
    spans: list[tuple[int, int, int]] = []
    for pitch, start, end in notes.tolist():
        if spans and spans[-1][0] == pitch:
            spans[-1] = (pitch, spans[-1][1], end)
        else:
            spans.append((pitch, start, end))
    return spans


def _leading_tones(chorale: Chorale, chords: dict[int, Chord | None]) -> dict[str, int]:
    """Count dominants that go to the tonic or VI, on neighbouring beats, and those whose leading tone is doubled."""
    leading = doubled = 0
    for (frame, chord), following in zip(chords.items(), [*chords.values()][1:], strict=False):
        tonic = chorale.key_at(frame).tonic
        goes = following is not None and following.root is not None and (following.root - tonic) % 12 in (0, 8, 9)
        if goes and is_dominant(chord, tonic):
            pitches = chorale.pitches[frame]
            num = int(((pitches != REST) & ((pitches - tonic) % 12 == 11)).sum())
            leading += num > 0
            doubled += num > 1
    return {"leading_tones": leading, "doubled_leading_tones": doubled}
