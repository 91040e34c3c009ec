"""Sonorities on beats: dissonant and bare ones, and what becomes of sevenths and leading tones."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.metrics.beats import beats, sung
from bachlit.metrics.breaches import Breach
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
        dominants: Beats on V, V7 or vii of the key in force, with the leading tone, whatever follows.
        doubling_dominants: Those on which two voices have the leading tone.
        unresolved_leading_tones: Leading tones, on the beats of `leading_tones`, that neither rise a semitone (as the
            next note or by the next beat), nor fall a third into the next beat in an inner voice, nor pass down by step
            from the tonic.
        stranded_sevenths: As `unresolved_sevenths`, by the chords' functions: the root of a diminished seventh chord is
            the leading tone of the next chord or else of the key in force, and the raised fourth over the lowered sixth
            degree, an augmented sixth, isn't a seventh.
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
    dominants: int = 0
    doubling_dominants: int = 0
    unresolved_leading_tones: int = 0
    stranded_sevenths: int = 0


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
    chords = _chords_on_beats(chorale)
    named = [chord for chord in chords.values() if chord is not None]
    sevenths = _sevenths(chorale, chords)
    dominants = _dominants(chorale, chords)
    led = [one for one in dominants if one.following is not None]
    return SonorityCounts(
        beats=len(named),
        dissonant=sum(is_dissonant(chord) for chord in named),
        bare=sum(chord.quality in BARE for chord in named),
        sevenths=len(sevenths),
        unresolved_sevenths=sum(not one.resolved for one in sevenths),
        dominant_sevenths=sum(one.quality == "dominant seventh" for one in sevenths),
        unresolved_dominant_sevenths=sum(one.quality == "dominant seventh" and not one.resolved for one in sevenths),
        leading_tones=len(led),
        doubled_leading_tones=sum(len(one.voices) > 1 for one in led),
        dominants=len(dominants),
        doubling_dominants=sum(len(one.voices) > 1 for one in dominants),
        unresolved_leading_tones=len(_unresolved(chorale, led)),
        stranded_sevenths=len(_stranded(chorale, chords)),
    )


def sonority_breaches(chorale: Chorale) -> dict[str, list[Breach]]:
    """List the places of some counts of `sonority_counts`, by their names.

    A seventh and a leading tone stand where they are heard on a beat, not where they should have gone.

    >>> five_seven, six = [67, 65, 59, 43], [69, 67, 60, 52]  # the alto's seventh leaps up
    >>> sonority_breaches(Chorale.from_pitches([five_seven] * 4 + [six] * 4))["unresolved_sevenths"][0]
    Breach(frame=0, voices=(1,), before=None)
    >>> five, one = [71, 62, 59, 43], [67, 64, 60, 48]  # doubled, and the soprano's leaves downwards
    >>> found = sonority_breaches(Chorale.from_pitches([one] * 4 + [five] * 4 + [one] * 4))
    >>> found["doubling_dominants"], found["unresolved_leading_tones"]
    ([Breach(frame=4, voices=(0, 2), before=None)], [Breach(frame=4, voices=(0,), before=None)])
    """
    chords = _chords_on_beats(chorale)
    dominants = _dominants(chorale, chords)
    return {
        "unresolved_sevenths": sorted(one.place for one in _sevenths(chorale, chords) if not one.resolved),
        "stranded_sevenths": _stranded(chorale, chords),
        "doubling_dominants": [Breach(one.frame, one.voices) for one in dominants if len(one.voices) > 1],
        "unresolved_leading_tones": _unresolved(chorale, [one for one in dominants if one.following is not None]),
    }


def _chords_on_beats(chorale: Chorale) -> dict[int, Chord | None]:
    frames = beats(chorale)[:, 0]
    return dict(zip(frames.tolist(), chords_at(chorale.pitches[frames]), strict=True))


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


class _Seventh(NamedTuple):
    quality: str
    place: Breach
    resolved: bool


def _sevenths(chorale: Chorale, chords: dict[int, Chord | None]) -> list[_Seventh]:
    """Find the sevenths of chords that sound on beats."""
    found: list[_Seventh] = []
    for voice in range(len(VOICES)):
        spans = merged(sung(chorale, voice))
        for index, (pitch, start, end) in enumerate(spans):
            on_beats = {frame: chords[frame] for frame in range(start, end) if frame in chords and pitch != REST}
            frame = next((frame for frame in reversed(on_beats) if _is_seventh(pitch, on_beats[frame])), None)
            chord = None if frame is None else on_beats[frame]
            if frame is None or chord is None:
                continue
            last = next(chord for chord in reversed(on_beats.values()) if chord is not None)
            following = spans[index + 1][0] if index + 1 < len(spans) else REST
            resolved = last.root != chord.root or 1 <= pitch - following <= 2
            found.append(_Seventh(chord.quality, Breach(frame, (voice,)), resolved))
    return found


def _stranded(chorale: Chorale, chords: dict[int, Chord | None]) -> list[Breach]:
    """List the unresolved sevenths of chords by their function.

    >>> seven, one = [77, 68, 62, 59], [76, 69, 60, 57]  # vii in A minor over its third: G sharp leads
    >>> minor = Chorale.from_pitches([one] * 4 + [seven] * 4 + [one] * 4)
    >>> sonority_counts(minor).stranded_sevenths
    0
    """
    functional: dict[int, Chord | None] = {}
    goal: int | None = None  # root of the next chord that isn't one of these
    for frame, chord in reversed(chords.items()):
        if chord is None or chord.quality != "diminished seventh" or chord.root is None:
            functional[frame] = chord
            goal = goal if chord is None or chord.root is None else chord.root
            continue
        leading = [(one - 1) % 12 for one in (goal, chorale.key_at(frame).tonic) if one is not None]
        root = next((one for one in leading if (one - chord.root) % 3 == 0), chord.root)
        functional[frame] = chord._replace(root=root)

    def is_augmented_sixth(frame: int, voice: int) -> bool:
        tonic, chord = chorale.key_at(frame).tonic, functional[frame]
        raised = (int(chorale.pitches[frame, voice]) - tonic) % 12 == 6
        return raised and chord is not None and chord.root == (tonic + 8) % 12

    places = [one.place for one in _sevenths(chorale, functional) if not one.resolved]
    return sorted(place for place in places if not is_augmented_sixth(place.frame, *place.voices))


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


class _Dominant(NamedTuple):
    frame: int
    voices: tuple[int, ...]  # with the leading tone
    following: int | None  # the next beat, if that is on I or VI


def _dominants(chorale: Chorale, chords: dict[int, Chord | None]) -> list[_Dominant]:
    """Find the beats on V, V7 or vii of the key in force, with its leading tone."""
    found: list[_Dominant] = []
    for (frame, chord), (next_frame, following) in zip_longest(
        chords.items(), list(chords.items())[1:], fillvalue=(chorale.num_frames, None)
    ):
        tonic = chorale.key_at(frame).tonic
        goes = following is not None and following.root is not None and (following.root - tonic) % 12 in (0, 8, 9)
        pitches = chorale.pitches[frame].tolist()
        voices = tuple(voice for voice, pitch in enumerate(pitches) if pitch != REST and (pitch - tonic) % 12 == 11)
        if is_dominant(chord, tonic) and voices:
            found.append(_Dominant(frame, voices, next_frame if goes else None))
    return found


def _unresolved(chorale: Chorale, dominants: Sequence[_Dominant]) -> list[Breach]:
    """List the leading tones before I or VI that go elsewhere."""
    found: list[Breach] = []
    for frame, voices, following in dominants:
        for voice in voices:
            line = chorale.pitches[frame:, voice].tolist()
            before = chorale.pitches[:frame, voice][::-1].tolist()
            left, reached = (next((pitch for pitch in way if pitch != line[0]), REST) for way in (line, before))
            arrived = line[(following or frame) - frame]
            falls_inside = voice in (1, 2) and line[0] - arrived == 4
            passes = reached == line[0] + 1 and line[0] - left in (1, 2)
            if left != REST and line[0] + 1 not in (left, arrived) and not falls_inside and not passes:
                found.append(Breach(frame, (voice,)))
    return found
