"""Final cadences: how a piece ends, and how it begins."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.metrics.beats import attacks, beat_length
from bachlit.metrics.breaches import Breach
from bachlit.metrics.phrase_ends import is_five_one, is_root_position
from bachlit.metrics.sonorities import BARE, WITH_THIRD, chords_at
from bachlit.music.chorale import REST, Chorale
from bachlit.music.playing import played_frames

_TONIC_TRIAD = (0, 3, 4, 7)
_DOMINANT_SEVENTH = (7, 11, 2, 5)
_BEATS_BEFORE = 2


class FinalCounts(NamedTuple):
    """Counts of how a piece ends and begins, as it is played; add them over pieces with `total`.

    Attributes:
        finals: Pieces in which something sounds.
        authentic: Those that end on the tonic triad, major or minor, in root position, reached by the bass from the
            fifth degree, with the leading tone in the two heard beats before.
        allowed: Those whose tune allows it: its last pitch is in the tonic triad, the pitch of the note before in V or
            V7.
        authentic_allowed: Authentic ones of them.
        minor: Finals in minor (dorian, phrygian and aeolian included).
        authentic_minor: Authentic ones of them.
        allowed_minor: Allowed ones of them.
        authentic_allowed_minor: Those that are both.
        bare: Finals whose last sonority is a fifth, an octave or a unison.
        dissonant: Finals whose last sonority is no major or minor triad either, with or without its fifth.
        attacks: Notes of alto, tenor and bass that begin within the last soprano note, after its first sixteenth.
        sixteenths: Lengths of these soprano notes.
        tonic_beginnings: Pieces whose first chord or first downbeat has the tonic as its root.
        off_tonic: Finals whose last sonority isn't the tonic triad, major or minor, in root position; without its
            third it is `bare` alone.
    """

    finals: int = 0
    authentic: int = 0
    allowed: int = 0
    authentic_allowed: int = 0
    minor: int = 0
    authentic_minor: int = 0
    allowed_minor: int = 0
    authentic_allowed_minor: int = 0
    bare: int = 0
    dissonant: int = 0
    attacks: int = 0
    sixteenths: int = 0
    tonic_beginnings: int = 0
    off_tonic: int = 0


def final_counts(chorale: Chorale) -> FinalCounts:
    """Count the end and the beginning of a chorale.

    >>> one, five, four = [72, 67, 64, 48], [71, 67, 62, 43], [69, 65, 60, 53]
    >>> final_counts(Chorale.from_pitches([one] * 8 + [five] * 4 + [one] * 4))[:4]
    (1, 1, 1, 1)
    >>> final_counts(Chorale.from_pitches([one] * 8 + [four] * 4 + [one] * 4))[:4]  # plagal, under a tune of 6-1
    (1, 0, 0, 0)
    >>> bare = [72, 67, 60, 48]
    >>> counts = final_counts(Chorale.from_pitches([one] * 8 + [five] * 4 + [bare] * 4))
    >>> counts.authentic, counts.bare, counts.tonic_beginnings
    (0, 1, 1)
    """
    heard = _heard(chorale)
    if not len(heard):
        return FinalCounts()
    key = chorale.key_at(int(heard[-1])).parallel
    authentic, allowed, minor = _is_authentic(chorale, heard), _is_allowed(chorale, heard), key.mode == "minor"
    (last,) = chords_at(chorale.pitches[heard[-1:]])
    assert last is not None  # something sounds
    notes, sixteenths = _after_arrival(chorale, heard)
    counts = FinalCounts(
        finals=1,
        authentic=authentic,
        allowed=allowed,
        authentic_allowed=authentic and allowed,
        minor=minor,
        authentic_minor=authentic and minor,
        allowed_minor=allowed and minor,
        authentic_allowed_minor=authentic and allowed and minor,
        bare=last.quality in BARE,
        dissonant=last.quality not in (*BARE, *WITH_THIRD),
        attacks=notes,
        sixteenths=sixteenths,
        tonic_beginnings=begins_on_tonic(chorale),
        off_tonic=_is_off_tonic(chorale, int(heard[-1])),
    )
    return FinalCounts(*map(int, counts))


def final_breaches(chorale: Chorale) -> dict[str, list[Breach]]:
    """List the places of some counts of `final_counts`, by their names: where the last soprano note begins.

    >>> one, five, bare = [72, 67, 64, 48], [71, 67, 62, 43], [72, 67, 60, 48]
    >>> final_breaches(Chorale.from_pitches([one] * 4 + [five] * 4 + [bare] * 4))
    {'bare': [Breach(frame=8, voices=(), before=None)], 'dissonant': [], 'off_tonic': []}
    """
    counts, heard = final_counts(chorale), _heard(chorale)
    sung = attacks(chorale)[heard]
    begins = sung[:, 0] if sung[:, 0].any() else sung.any(axis=1)
    place = [Breach(int(heard[begins][-1]))] if len(heard) else []
    return {name: place * getattr(counts, name) for name in ("bare", "dissonant", "off_tonic")}


def _heard(chorale: Chorale) -> npt.NDArray[np.int64]:
    """Frames in order of playing, to the last in which something sounds."""
    frames = played_frames(chorale)
    sounding = np.flatnonzero((chorale.pitches[frames] != REST).any(axis=1))
    return frames[: sounding[-1] + 1] if len(sounding) else frames[:0]


def begins_on_tonic(chorale: Chorale) -> bool:
    """Check whether the first chord or that of the first downbeat has the tonic as its root.

    >>> five, one = [71, 67, 62, 43], [72, 67, 64, 48]
    >>> begins_on_tonic(Chorale.from_pitches([five] * 4 + [one] * 16 + [five] * 4, pickup=4))
    True
    """
    first = np.flatnonzero((chorale.pitches != REST).any(axis=1))[:1]
    downbeats = [measure.start for measure in chorale.measures if measure.position == 0 and measure.start >= first[0]]
    frames = [*first.tolist(), *downbeats[:1]]
    chords = chords_at(chorale.pitches[frames])
    return any(
        chord is not None and chord.root == chorale.key_at(frame).tonic
        for frame, chord in zip(frames, chords, strict=True)
    )


def _is_off_tonic(chorale: Chorale, frame: int) -> bool:
    pitches = chorale.pitches[frame]
    bass = int(pitches[pitches != REST].min()) % 12
    (chord,) = chords_at(pitches[None])
    bare = chord is not None and chord.quality in BARE  # its third is another matter
    return bass != chorale.key_at(frame).tonic or not (bare or is_root_position(pitches))


def _is_authentic(chorale: Chorale, heard: npt.NDArray[np.int64]) -> bool:
    pitches = chorale.pitches[heard]
    tonic, bass = chorale.key_at(int(heard[-1])).tonic, pitches[:, 3]
    if bass[-1] % 12 != tonic or not is_five_one(pitches):
        return False
    arrives = int(np.flatnonzero(bass % 12 != tonic)[-1]) + 1
    metre = next(one.time_signature for one in reversed(chorale.measures) if one.start <= heard[-1])
    before = pitches[max(0, arrives - _BEATS_BEFORE * beat_length(metre)) : arrives]
    return bool(((before != REST) & ((before - tonic) % 12 == 11)).any())


def _is_allowed(chorale: Chorale, heard: npt.NDArray[np.int64]) -> bool:
    begins = attacks(chorale)[heard, 0]
    notes = (chorale.pitches[heard[begins], 0] - chorale.key_at(int(heard[-1])).tonic) % 12
    return len(notes) > 1 and int(notes[-1]) in _TONIC_TRIAD and int(notes[-2]) in _DOMINANT_SEVENTH


def _after_arrival(chorale: Chorale, heard: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Number of attacks of the lower voices within the last soprano note, and its length."""
    begins = attacks(chorale)[heard]
    starts = np.flatnonzero(begins[:, 0])
    if not len(starts):
        return 0, 0
    start = int(starts[-1])
    rests = np.flatnonzero(chorale.pitches[heard[start:], 0] == REST)
    end = start + int(rests[0]) if len(rests) else len(heard)
    return int(begins[start + 1 : end, 1:].sum()), end - start
