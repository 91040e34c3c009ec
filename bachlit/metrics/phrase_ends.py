"""Phrase ends: on what chord a phrase arrives, by which cadence, and what moves after it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, get_args

import numpy as np

from bachlit.metrics.beats import attacks
from bachlit.metrics.breaches import Breach
from bachlit.metrics.cadences import fermata_notes
from bachlit.metrics.chords import Chord
from bachlit.metrics.sonorities import SEVENTHS, WITH_THIRD, chords_at, is_dominant
from bachlit.music.chorale import REST, Chorale, IntArray
from bachlit.music.playing import played_frames

CadenceKind = Literal["authentic", "weak", "half", "phrygian", "plagal", "deceptive", "other"]
CADENCE_KINDS: tuple[CadenceKind, ...] = get_args(CadenceKind)

_TRIADS = ("major", "minor", "diminished", "augmented")


class Arrival(NamedTuple):
    """Arrival: the last soprano note of a phrase, and what leads to it.

    Attributes:
        start: Frame in which the note begins.
        end: Frame after its last.
        since: Frame in which the phrase begins: the end of the last note of the phrase before.
    """

    start: int
    end: int
    since: int


class PhraseEndCounts(NamedTuple):
    """Counts of the inner phrase ends; add them over pieces with `total`. The last phrase is `final_counts`'s.

    An arrival is judged in the last sixteenth of its soprano note, so that a suspension may resolve within it.

    Attributes:
        ends: Phrase ends, that of the last phrase excepted.
        in_root_position: Those on a major or minor triad, with or without its fifth, over its root.
        five_one: Those of them whose bass fell a fifth or rose a fourth into the root.
        unclear: Ends on a seventh, a diminished or augmented triad, or no chord.
        authentic: By `cadence_kind`; likewise below.
        weak: Likewise.
        half: Likewise.
        phrygian: Likewise.
        plagal: Likewise.
        deceptive: Likewise.
        other: Likewise.
        attacks: Notes of alto, tenor and bass that begin within the last soprano note, after its first sixteenth.
        sixteenths: Lengths of these soprano notes.
        leading_tones: Leading tones in the chord before, in authentic and weak cadences.
        unresolved_leading_tones: Those that neither rise to the tonic, nor fall a third in an inner voice.
    """

    ends: int = 0
    in_root_position: int = 0
    five_one: int = 0
    unclear: int = 0
    authentic: int = 0
    weak: int = 0
    half: int = 0
    phrygian: int = 0
    plagal: int = 0
    deceptive: int = 0
    other: int = 0
    attacks: int = 0
    sixteenths: int = 0
    leading_tones: int = 0
    unresolved_leading_tones: int = 0


def phrase_end_counts(chorale: Chorale, ends: Sequence[int] | None = None) -> PhraseEndCounts:
    """Count the inner phrase ends of a chorale.

    Args:
        chorale: The music.
        ends: Frames in which the last soprano notes of phrases begin; by default those under fermatas.

    >>> bars = [[71, 67, 62, 43]] * 4 + [[72, 67, 64, 48]] * 4 + [[74, 65, 62, 46]] * 4
    >>> phrase_end_counts(Chorale.from_pitches(bars), ends=[4])[:5]
    (1, 1, 1, 0, 1)
    """
    arrivals = inner_arrivals(chorale, ends)
    begins = attacks(chorale)[:, 1:]
    kinds = [cadence_kind(chorale, arrival) for arrival in arrivals]
    judged = [chorale.pitches[arrival.end - 1] for arrival in arrivals]
    resolved = [
        _leading_tones(chorale, arrival)
        for arrival, kind in zip(arrivals, kinds, strict=True)
        if kind in ("authentic", "weak")
    ]
    return PhraseEndCounts(
        ends=len(arrivals),
        in_root_position=sum(is_root_position(pitches) for pitches in judged),
        five_one=sum(is_five_one(chorale.pitches[: arrival.end]) for arrival in arrivals),
        unclear=sum(_is_unclear(pitches) for pitches in judged),
        **{kind: kinds.count(kind) for kind in CADENCE_KINDS},
        attacks=sum(int(begins[start + 1 : end].sum()) for start, end, _ in arrivals),
        sixteenths=sum(end - start for start, end, _ in arrivals),
        leading_tones=sum(num for num, _ in resolved),
        unresolved_leading_tones=sum(len(places) for _, places in resolved),
    )


def phrase_end_breaches(chorale: Chorale, ends: Sequence[int] | None = None) -> dict[str, list[Breach]]:
    """List the places of some counts of `phrase_end_counts`, by their names.

    Args:
        chorale: The music.
        ends: Frames in which the last soprano notes of phrases begin; by default those under fermatas.

    >>> bars = [[71, 67, 62, 43]] * 4 + [[72, 65, 59, 43]] * 4 + [[74, 65, 62, 46]] * 4
    >>> phrase_end_breaches(Chorale.from_pitches(bars), ends=[4])["unclear"]
    [Breach(frame=4, voices=(), before=None)]
    """
    arrivals = inner_arrivals(chorale, ends)
    cadential = [arrival for arrival in arrivals if cadence_kind(chorale, arrival) in ("authentic", "weak")]
    return {
        "unclear": [Breach(one.start) for one in arrivals if _is_unclear(chorale.pitches[one.end - 1])],
        "unresolved_leading_tones": [place for arrival in cadential for place in _leading_tones(chorale, arrival)[1]],
    }


def arrivals_at(chorale: Chorale, ends: Sequence[int] | None = None) -> list[Arrival]:
    """Last soprano notes of the phrases, in order as written.

    Args:
        chorale: The music.
        ends: Frames in which they begin (a frame within a note means the note; rests are passed over); by default the
            notes under fermatas.

    >>> arrivals_at(Chorale.from_pitches([[72, 0, 0, 0]] * 4 + [[71, 0, 0, 0]] * 4), ends=[0, 6])
    [Arrival(start=0, end=4, since=0), Arrival(start=4, end=8, since=4)]
    """
    onsets = np.flatnonzero(chorale.onsets[:, 0])
    frames = np.flatnonzero(fermata_notes(chorale)) if ends is None else np.asarray(ends, np.int64)
    index = np.unique(np.searchsorted(onsets, frames, side="right") - 1)
    edges = np.append(onsets, chorale.num_frames).tolist()
    arrivals: list[Arrival] = []
    for note in index.tolist():
        if chorale.pitches[edges[note], 0] != REST:
            since = arrivals[-1].end if arrivals else 0
            arrivals.append(Arrival(edges[note], edges[note + 1], since))
    return arrivals


def with_phrase_ends(chorale: Chorale, ends: Sequence[int]) -> Chorale:
    """Replace a chorale's fermatas by some over the last notes of its phrases.

    Args:
        chorale: The music.
        ends: Frames in which these notes begin.

    >>> melody = Chorale.from_pitches([[72, 0, 0, 0]] * 2 + [[71, 0, 0, 0]] * 2)
    >>> with_phrase_ends(melody, [2]).fermatas.tolist()
    [False, False, True, True]
    """
    fermatas = np.zeros(chorale.num_frames, np.bool_)
    for start, end, _ in arrivals_at(chorale, ends):
        fermatas[start:end] = True
    return replace(chorale, fermatas=fermatas)


def inner_arrivals(chorale: Chorale, ends: Sequence[int] | None = None) -> list[Arrival]:
    """Arrivals, that on the soprano's last note excepted, as it is played."""
    played = played_frames(chorale)
    sung = played[chorale.pitches[played, 0] != REST]
    last = int(sung[-1]) if len(sung) else chorale.num_frames
    return [arrival for arrival in arrivals_at(chorale, ends) if not arrival.start <= last < arrival.end]


def cadence_kind(chorale: Chorale, arrival: Arrival) -> CadenceKind:
    """Name the cadence of an arrival.

    The chord before is the last triad or seventh chord on another root in the phrase. A major or minor triad is reached
    by an authentic cadence from its dominant (V, V7 or vii) if the bass goes 5-1 into its root, else by a weak one. A
    triad a step above a dominant's root is deceptive. Otherwise a major triad over its root is a phrygian cadence if
    the bass fell a semitone into it, and a half cadence on the fifth degree of the key in force or of the phrase's own
    key; a triad reached from that on its fourth or second degree is plagal. Off the first and fifth degree, the
    phrase's own key has whichever seventh above the root, minor or major, it sings longer.

    Args:
        chorale: The piece.
        arrival: The last note of a phrase, from `arrivals`.

    >>> from dataclasses import replace
    >>> from bachlit.music.keys import Key
    >>> def kind(before: list[int], after: list[int]) -> str:
    ...     in_c = replace(Chorale.from_pitches([before] * 4 + [after] * 4), key=Key())
    ...     return cadence_kind(in_c, Arrival(4, 8, 0))
    >>> kind([71, 67, 62, 43], [72, 67, 64, 48]), kind([71, 67, 62, 47], [72, 67, 64, 48])
    ('authentic', 'weak')
    >>> kind([72, 67, 64, 48], [71, 67, 62, 43]), kind([72, 65, 57, 53], [72, 67, 64, 48])
    ('half', 'plagal')
    >>> kind([71, 67, 62, 55], [72, 64, 60, 57]), kind([72, 67, 64, 48], [71, 65, 62, 44])
    ('deceptive', 'other')
    """
    goal = chorale.pitches[arrival.end - 1]
    (chord,) = chords_at(goal[None])
    frame = _frame_before(chorale, arrival)
    if chord is None or chord.root is None or chord.quality not in WITH_THIRD or frame is None:
        return "other"
    (previous,) = chords_at(chorale.pitches[frame][None])
    if is_dominant(previous, chord.root):
        return "authentic" if is_five_one(chorale.pitches[: arrival.end]) else "weak"
    assert previous is not None and previous.root is not None  # noqa: PT018  # `_frame_before` chose it by them
    step = (chord.root - previous.root) % 12
    if is_dominant(previous, (previous.root + 5) % 12) and (step, chord.quality[:5]) in ((2, "minor"), (1, "major")):
        return "deceptive"
    if not is_root_position(goal):
        return "other"
    if chord.quality.startswith("major") and _bass(chorale.pitches[frame]) == _bass(goal) + 1:
        return "phrygian"
    half = chord.quality.startswith("major") and _is_fifth_degree(chorale, arrival, chord.root)
    return "half" if half else "plagal" if step in (7, 10) else "other"


def is_root_position(pitches: IntArray) -> bool:
    """Check for a major or minor triad, with or without its fifth, over its root.

    >>> is_root_position(np.array([72, 64, 60, 48])), is_root_position(np.array([72, 67, 60, 52]))
    (True, False)
    """
    (chord,) = chords_at(pitches[None])
    return chord is not None and chord.quality in WITH_THIRD and chord.root == _bass(pitches) % 12


def is_five_one(pitches: IntArray) -> bool:
    """Check that the last frame is a triad over its root, and the bass's last other note the fifth of it.

    >>> is_five_one(np.array([[71, 67, 62, 43], [72, 67, 64, 48]])), is_five_one(np.array([[72, 67, 64, 48]] * 2))
    (True, False)
    """
    bass = pitches[:, 3].astype(np.int64)
    before = bass[(bass != REST) & (bass % 12 != bass[-1] % 12)]
    fifth = len(before) > 0 and bass[-1] != REST and int(before[-1] - bass[-1]) % 12 == 7
    return bool(fifth) and is_root_position(pitches[-1])


def _bass(pitches: IntArray) -> int:
    """Lowest pitch that sounds."""
    return int(pitches[pitches != REST].min())


def _is_unclear(pitches: IntArray) -> bool:
    """Check for a seventh, a diminished or augmented triad, or no chord; bare sonorities and sixths are none of it."""
    (chord,) = chords_at(pitches[None])
    return chord is None or chord.quality in (*SEVENTHS, "diminished", "augmented", "suspended", "other")


def _frame_before(chorale: Chorale, arrival: Arrival) -> int | None:
    """Last frame of the phrase on a triad or seventh chord with another root than the arrival's."""
    named = chords_at(chorale.pitches[arrival.since : arrival.end])
    goal = named[-1]
    for frame, chord in zip(range(arrival.end - 1, arrival.since - 1, -1), reversed(named), strict=True):
        if chord is not None and goal is not None and _is_named(chord) and chord.root != goal.root:
            return frame
    return None


def _is_named(chord: Chord) -> bool:
    return chord.quality in (*_TRIADS, *SEVENTHS, *WITH_THIRD)


def _is_fifth_degree(chorale: Chorale, arrival: Arrival, root: int) -> bool:
    """Check whether a root is the dominant of the key in force, or of the phrase's by its seventh degree."""
    if (root - chorale.key_at(arrival.start).tonic) % 12 in (0, 7):
        return (root - chorale.key_at(arrival.start).tonic) % 12 == 7
    phrase = chorale.pitches[arrival.since : arrival.end]
    degrees = (phrase[phrase != REST] - root) % 12
    return int((degrees == 10).sum()) > int((degrees == 11).sum())


def _leading_tones(chorale: Chorale, arrival: Arrival) -> tuple[int, list[Breach]]:
    """Number of leading tones in the chord before an arrival, and the unresolved ones."""
    frame, goal = _frame_before(chorale, arrival), chorale.pitches[arrival.end - 1]
    (chord,) = chords_at(goal[None])
    assert frame is not None and chord is not None and chord.root is not None  # noqa: PT018  # so is a cadence named
    leading, unresolved = 0, list[Breach]()
    for voice, (before, after) in enumerate(zip(chorale.pitches[frame].tolist(), goal.tolist(), strict=True)):
        if before != REST and (before - chord.root) % 12 == 11:
            leading += 1
            falls_inside = voice in (1, 2) and before - after == 4
            if after - before != 1 and not falls_inside:
                unresolved.append(Breach(frame, (voice,)))
    return leading, unresolved
