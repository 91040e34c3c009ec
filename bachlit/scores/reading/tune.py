"""Choose the part that has the tune: the one that sings."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from bachlit.scores.reading.midi.general_midi import INSTRUMENTS
from bachlit.scores.reading.score import Part

TUNE = re.compile(
    r"\b(melod\w*|tune|vocals?|vox|voc|voices?|voce|voix|sing\w*|lead|solo|soprano|cantus|canto|chant|song|gesang"
    r"|c\.? ?f\.?)(?!\w)",
    re.IGNORECASE,
)
"""Names of a part that has the tune."""

_ACCOMPANIMENT = re.compile(
    r"\b(\w*bass\w*|drums?|perc\w*|strings?|\w*pad|acc\w*|guitars?|gtr|piano|organ|harp|back\w*|chords?|rhythm|harmon\w*"
    r"|counter\w*|left|2nd|second|ii)\b",
    re.IGNORECASE,
)
_LEAST_SUNG = 0.1  # of the piece: a part with less has no tune, whatever its name

# Weights, each of a figure from 0 to 1; they decide the cases in tests/scores/reading/test_tune.py.
_ALONE, _PRESENT, _HIGH, _SINGABLE, _STEPWISE, _ACCOMPANIES = 2.5, 1.5, 1.5, 2.0, 1.5, 0.5

_MIDDLE = (58.0, 79.0)  # mean pitches of tunes: B-flat 3 to G5
_COMPASS = 19  # semitones that most tunes keep within


class _Line(NamedTuple):
    """Notes of a part, ties joined: times in sixteenths, and of each beginning the note on top."""

    sung: float  # time in which something sounds
    sounding: float  # sum of all lengths
    tops: list[float]  # pitches


def choose_tune(parts: Sequence[Part]) -> int:
    """Choose the part with the tune; return its index.

    A part named after a tune wins if it sings for a tenth of the piece. Else it is the one that has one note at a time,
    plays most of the piece, is high and yet singable, and moves by steps; a part named after an accompanying instrument
    loses a little. Of equals it is the first.

    Args:
        parts: At least one, with notes.

    >>> from bachlit.scores.reading.score import Tone, WrittenMeasure
    >>> def part(name, *pitches):
    ...     tones = [Tone(Fraction(4 * place), Fraction(4), pitch) for place, pitch in enumerate(pitches)]
    ...     return Part(name, [WrittenMeasure("1", Fraction(16), tones)])
    >>> bass, tune, descant = part("", 43, 50, 43, 38), part("", 67, 69, 71, 67), part("", 90, 78)
    >>> choose_tune([bass, descant, tune])
    2
    >>> choose_tune([part("Vocals", 55, 57, 55, 54), tune])
    0
    """
    lines = [_line(part) for part in parts]
    longest = max(line.sung for line in lines) or 1.0
    heights = [float(np.mean(line.tops)) if line.tops else 0.0 for line in lines]
    scores = []
    for part, line, height in zip(parts, lines, heights, strict=True):
        present = line.sung / longest
        score = _song(line, height) + _PRESENT * present
        score += _HIGH * (height - min(heights)) / max(max(heights) - min(heights), 12.0)
        score -= _ACCOMPANIES * bool(_ACCOMPANIMENT.search(part.name))
        named = present >= _LEAST_SUNG and _is_named(part.name)
        scores.append((named, score))
    return max(range(len(parts)), key=lambda index: scores[index])


def _is_named(name: str) -> bool:
    """Check whether a name tells of the tune, and isn't just an instrument's (Square Lead, Voice Oohs)."""
    if any(name == instrument or name.startswith(f"{instrument} (") for instrument in INSTRUMENTS):
        return False
    return bool(TUNE.search(name)) and not _ACCOMPANIMENT.search(name)


def _song(line: _Line, height: float) -> float:
    """Score a line by itself: one note at a time, in a singer's compass, in steps."""
    if not line.tops:
        return 0.0
    pitches = np.array(line.tops)
    low, high = (float(end) for end in np.percentile(pitches, (5, 95)))
    outside = max(_MIDDLE[0] - height, height - _MIDDLE[1], 0.0) / 12 + max(high - low - _COMPASS, 0.0) / 12
    intervals = np.abs(np.diff(pitches))
    steps, leaps = np.count_nonzero((intervals > 0) & (intervals <= 2)), np.count_nonzero(intervals > 4)
    moves = np.count_nonzero(intervals)
    stepwise = ((steps - leaps) / moves + 1) / 2 if moves else 0.0
    return _ALONE * line.sung / line.sounding + _SINGABLE * max(0.0, 1 - outside) + _STEPWISE * stepwise


def _line(part: Part) -> _Line:
    """Time that a part sings, and the notes on top."""
    offset = Fraction(0)
    notes: list[tuple[float, int, float, float, bool]] = []  # start, voice, minus pitch, end, whether it is tied on
    for measure in part.measures:
        for tone in measure.tones:
            start = float(offset + tone.start)
            notes.append((start, tone.rank, -tone.pitch, start + float(tone.length), tone.tied))
        offset += measure.length
    notes.sort()
    end = sung = sounding = 0.0
    before = top_ends = -1.0
    tops: list[float] = []
    for start, _, pitch, stop, tied in notes:
        sung += max(0.0, stop - max(start, end))
        sounding += stop - start
        if start > before and not tied and (start >= top_ends or -pitch > tops[-1]):
            tops.append(-pitch)
            top_ends = stop
        before, end = start, max(end, stop)
    return _Line(sung, sounding, tops)
