"""Closed scores: two staves of two voices each, as in hymnals -> soprano, alto, tenor, bass."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from bachlit.music.chorale import VOICES
from bachlit.scores.reading.score import Part, Tone

_SHARE = 0.8  # of the measures with notes, in which a staff has exactly two voices


def opened(parts: Sequence[Part]) -> list[Part] | None:
    """Split the two staves of a closed score into four voices, named; None if it isn't one.

    Two voices of a staff are those written as voices, or the upper and lower notes of its chords.
    """
    if len(parts) != 2 or not all(map(_holds_two, parts)):
        return None
    halves = [half for part in parts for half in _halves(part)]
    return [replace(half, name=voice.capitalize()) for half, voice in zip(halves, VOICES, strict=True)]


def _holds_two(part: Part) -> bool:
    """Check whether a staff has two voices nearly everywhere, and never three."""
    filled = [measure.tones for measure in part.measures if measure.tones]
    double = sum(_most_at_once(tones) == 2 for tones in filled)
    return double >= _SHARE * len(filled) and all(_most_at_once(tones) <= 2 for tones in filled)


def _most_at_once(tones: Sequence[Tone]) -> int:
    """Greatest number of notes that sound at one time."""
    events = sorted(event for tone in tones for event in ((tone.start, 1), (tone.start + tone.length, -1)))
    return max(accumulate(change for _, change in events))


def _halves(part: Part) -> tuple[Part, Part]:
    """Split a staff into its upper and its lower voice; a single note without a voice of its own belongs to both."""
    upper, lower = [], []
    for measure in part.measures:
        ranks = sorted({tone.rank for tone in measure.tones})
        if len(ranks) > 1:
            upper.append([tone for tone in measure.tones if tone.rank == ranks[0]])
            lower.append([tone for tone in measure.tones if tone.rank != ranks[0]])
        else:
            upper.append(_outer(measure.tones, top=True))
            lower.append(_outer(measure.tones, top=False))
    return part.keeping(upper), part.keeping(lower)


def _outer(tones: Sequence[Tone], *, top: bool) -> list[Tone]:
    """Highest or lowest of the notes that begin together."""
    found: dict[object, Tone] = {}
    for tone in tones:
        other = found.get(tone.start)
        if other is None or (tone.pitch > other.pitch) == top:
            found[tone.start] = tone
    return list(found.values())
