"""Faults of part-writing: what a teacher marks, by bar, beat and voices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from bachlit.checking.sentences import details
from bachlit.metrics import Breach, beats, final_breaches, phrase_end_breaches, rule_breaches, sonority_breaches
from bachlit.music.chorale import RANGES, REST, VOICES, Chorale, Voice
from bachlit.music.measures import Place, place_of

Profile = Literal["school", "bach"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

Ranges = Mapping[Voice, tuple[int, int]]


class Kind(NamedTuple):
    """Kind of fault, as a profile finds it.

    Attributes:
        title: What teachers call it.
        short: The same, for a mark in a score.
        breaches: Names of the breaches in `bachlit.metrics` that it stands for.
        bach: Share of the 314 chorales in the train fold of Bach's that have one.
        why: Why teachers mark it, in a sentence.
        lasts: Whether neighbouring breaches are one fault.
    """

    title: str
    short: str
    breaches: tuple[str, ...]
    bach: float
    why: str
    lasts: bool = False


_WHY = {
    "parallel_fifths": "Two voices that move from fifth to fifth lose their independence: one sounds like an echo.",
    "parallel_octaves": "Two voices that move in octaves or unisons sound as one: the harmony loses a part.",
    "hidden_fifths": "Outer voices that move in one direction into a fifth, the soprano by a leap, lay it bare.",
    "hidden_octaves": "Outer voices that move in one direction into an octave, the soprano by a leap, lay it bare.",
    "crossing": "A voice below its lower neighbour hides which of the two sings which line.",
    "overlap": "A voice that moves past the note its neighbour just sang is easily heard as that neighbour going on.",
    "spacing": "More than an octave between soprano and alto, or alto and tenor, leaves a hole in the sound.",
    "range": "The note is higher or lower than this voice sings with ease.",
    "leap": "A leap of more than an octave is hard to sing, and breaks the line.",
    "doubled_leading_tone": "Both want to rise to the tonic: either in parallel octaves, or one is left hanging.",
    "leading_tone": "The leading tone pulls to the tonic a semitone above; here it goes elsewhere.",
    "seventh": "The seventh of a chord is a dissonance: it should stay, or resolve a step down.",
    "cadence": "A phrase should rest on a major or minor triad, not on a seventh or another dissonance.",
    "final": "A piece rests on the chord of its key, root in the bass; any other end sounds like a question.",
    "final_sonority": "The last chord sounds empty without its third, and unfinished with a dissonance.",
}

_SCHOOL = {
    name: Kind(title, short, breaches, bach, _WHY[name], lasts=name in ("crossing", "spacing", "range"))
    for name, title, short, breaches, bach in (
        ("parallel_fifths", "parallel fifths", "5ths", ("parallel_fifths",), 0.264),
        ("parallel_octaves", "parallel octaves", "8ves", ("parallel_octaves",), 0.143),
        ("hidden_fifths", "hidden fifths", "hidden 5th", ("hidden_fifths",), 0.271),
        ("hidden_octaves", "hidden octaves", "hidden 8ve", ("hidden_octaves",), 0.092),
        ("crossing", "crossing", "crossing", ("crossings",), 0.554),
        ("overlap", "overlap", "overlap", ("overlaps",), 0.803),
        ("spacing", "spacing", "spacing", ("wide_soprano_alto", "wide_alto_tenor"), 0.427),
        ("range", "range", "range", ("out_of_range",), 0),
        ("leap", "leap", "leap", ("wide_leaps",), 0.092),
        ("doubled_leading_tone", "doubled leading tone", "doubled leading tone", ("doubling_dominants",), 0.226),
        ("leading_tone", "leading tone", "leading tone", ("unresolved_leading_tones",), 0.436),
        ("seventh", "seventh", "7th", ("stranded_sevenths",), 0.487),
        ("cadence", "cadence", "cadence", ("unclear",), 0.035),
        ("final", "final", "final", ("off_tonic",), 0.201),
        ("final_sonority", "final without third", "no third", ("bare", "dissonant"), 0),
    )
}
_BACH = {
    "parallel_fifths": _SCHOOL["parallel_fifths"]._replace(breaches=("similar_fifths",), bach=0.111),
    "parallel_octaves": _SCHOOL["parallel_octaves"]._replace(breaches=("similar_octaves",), bach=0.096),
    **{name: _SCHOOL[name] for name in ("hidden_octaves", "range", "leap", "cadence", "final_sonority")},
}

# Judged by whole chords: not asked of two or three voices.
_HARMONIC = ("doubled_leading_tone", "leading_tone", "seventh", "cadence", "final", "final_sonority")

KINDS: Mapping[Profile, Mapping[str, Kind]] = {"school": _SCHOOL, "bach": _BACH}
"""Kinds of faults by profile: textbooks', or those that fewer than one in eight of Bach's chorales has."""


class Fault(NamedTuple):
    """Fault of part-writing.

    Attributes:
        start: Its first frame; of a motion, that of the second chord.
        end: The frame after its last.
        kind: One of `KINDS`.
        voices: Those concerned, the highest first; empty if it is the whole chord.
        place: Bar and beat of its start.
        details: The notes, in words.
        before: Of a motion, the frame of the first chord.
    """

    start: int
    end: int
    kind: str
    voices: tuple[Voice, ...]
    place: Place
    details: str
    before: int | None = None


def find_faults(
    chorale: Chorale, *, profile: Profile = "school", ranges: Ranges = RANGES, ends: Sequence[int] | None = None
) -> list[Fault]:
    """Find the faults of a chorale, in order.

    Args:
        chorale: Four voices. If one rests throughout, only motion, spacing and ranges of the others are judged.
        profile: Textbooks' rules (`school`), or those that Bach hardly ever breaks (`bach`).
        ranges: Lowest and highest pitch of each voice.
        ends: Frames in which the last soprano notes of phrases begin; by default those under fermatas.

    >>> fifths = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 62, 50]] * 4 + [[71, 67, 62, 43]] * 4)
    >>> for fault in find_faults(fifths)[:2]:
    ...     print(fault.kind, fault.place, *fault.voices, fault.details, sep=", ")
    parallel_fifths, 1.2, soprano, bass, C3-G4 to D3-A4
    parallel_fifths, 1.2, soprano, tenor, C4-G4 to D4-A4
    """
    found = _breaches(chorale, ranges, ends)
    faults: list[Fault] = []
    complete = (chorale.pitches != REST).any(axis=0).all()
    for name, kind in KINDS[profile].items():
        if name in _HARMONIC and not complete:
            continue
        places = {place for breaches in kind.breaches for place in found[breaches]}
        for first, end in _spans(places, lasts=kind.lasts):
            named = tuple(VOICES[voice] for voice in first.voices)
            place = place_of(chorale.measures, first.frame)
            faults.append(
                Fault(first.frame, end, name, named, place, details(chorale, name, first, ranges), first.before)
            )
    order = list(KINDS["school"])
    return sorted(faults, key=lambda fault: (fault.start, order.index(fault.kind), fault.voices))


def sung_frames(chorale: Chorale, fault: Fault, column: int) -> list[int]:
    """List frames at which a fault's notes of a voice sound: the first chord's, and each that begins within it.

    Args:
        chorale: The music.
        fault: One of its faults.
        column: 0 for the soprano to 3 for the bass.
    """
    within = np.flatnonzero(chorale.onsets[fault.start + 1 : fault.end, column]) + fault.start + 1
    frames = [*([] if fault.before is None else [fault.before]), fault.start, *within.tolist()]
    return [frame for frame in frames if chorale.pitches[frame, column] != REST]


def _breaches(chorale: Chorale, ranges: Ranges, ends: Sequence[int] | None) -> dict[str, list[Breach]]:
    """Collect the breaches of all metrics by their names."""
    sonorities, phrases = sonority_breaches(chorale), phrase_end_breaches(chorale, ends)
    on_beats = beats(chorale)[:, 0]
    # A leading tone at a cadence may be one that is heard on a beat: it is one fault, where it was last heard on one.
    # One that rises and goes on before the arrival ends, where cadences are judged, is none.
    cadential = [
        Breach(_last_beat(chorale, on_beats, frame, *voices), voices)
        for frame, voices, _ in phrases["unresolved_leading_tones"]
        if not _rises(chorale, frame, *voices)
    ]
    leading = {*sonorities["unresolved_leading_tones"], *cadential}
    rules = rule_breaches(chorale, ranges)
    return {
        **rules,
        # Of a pair that crosses, the crossing is the fault.
        "overlaps": [place for place in rules["overlaps"] if not _crosses(chorale, place)],
        **sonorities,
        **phrases,
        **final_breaches(chorale),
        "unresolved_leading_tones": sorted(leading),
    }


def _crosses(chorale: Chorale, place: Breach) -> bool:
    """Check whether two neighbours cross before a motion or after it."""
    upper, lower = chorale.pitches[:, list(place.voices)].T
    crossed = upper < lower
    return bool(crossed[place.frame]) or (place.before is not None and bool(crossed[place.before]))


def _rises(chorale: Chorale, frame: int, voice: int) -> bool:
    """Check whether a voice's next other pitch is a semitone higher."""
    line = chorale.pitches[frame:, voice]
    others = line[line != line[0]]
    return len(others) > 0 and bool(others[0] == line[0] + 1)


def _last_beat(chorale: Chorale, on_beats: Iterable[int], frame: int, voice: int) -> int:
    """Last beat on which a voice's note sounds by a frame; where it begins if it sounds on none."""
    onset = int(np.flatnonzero(chorale.onsets[: frame + 1, voice])[-1])
    return max([int(beat) for beat in on_beats if onset <= beat <= frame], default=onset)


def _spans(places: Iterable[Breach], *, lasts: bool) -> list[tuple[Breach, int]]:
    """List the first breach of each fault, and the frame after its last one."""
    spans: list[tuple[Breach, int]] = []
    for place in sorted(places, key=lambda place: (place.voices, place.frame)):
        first, end = spans[-1] if spans else (place, -1)
        if place.voices == first.voices and (place.frame < end or (lasts and place.frame == end)):
            spans[-1] = first, place.frame + 1
        else:
            spans.append((place, place.frame + 1))
    return spans
