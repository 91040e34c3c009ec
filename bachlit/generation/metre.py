"""Metre: a tune in the note values and bars that models know, and back in its own.

Bach's chorales are in 4/4 or 3/4 and move in quarters. A tune in 6/8 moves in eighths: a model that reads it as it is
written takes it for 3/4, and ties notes over the middle of the bar. Read in doubled values, each of its bars is two of
3/4. Likewise a tune in half notes is read in halved values.
"""

import dataclasses
import warnings
from fractions import Fraction
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bachlit.errors import HearingWarning, OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, REST, VOICES, BoolArray, Chorale, IntArray
from bachlit.music.measures import Measure, TimeSignature, frames_per_measure
from bachlit.music.notes import notes_of
from bachlit.music.playing import interruptions, jumps
from bachlit.music.prompt import Prompt

Beat = Literal["auto", "eighth", "quarter", "half"]
BEATS: tuple[Beat, ...] = get_args(Beat)

SCALES: dict[Beat, Fraction] = {"eighth": Fraction(2), "quarter": Fraction(1), "half": Fraction(1, 2)}
"""Sixteenths that a model reads for each written one, by the note value that is the tune's beat."""

_CALLED: dict[Beat, str] = {"eighth": "an eighth", "half": "a half note"}
_HALF_BAR, _BAR, _THREE = 2 * FRAMES_PER_QUARTER, (4, 4), (3, 4)

# Geometric mean lengths of notes, in sixteenths: 3.8 in Bach's sopranos, 2.3 to 8.8 in each. Below the first a tune in
# 2/4 or 4/4 counts eighths, above the second one in 2/2, 3/2 or 4/2 half notes, above the third one in 4/4.
_SHORT: dict[TimeSignature, float] = {(2, 4): 2.7, (4, 4): 2.2}
_LONG, _VERY_LONG = 5.4, 9.0
_FEW = 8  # notes, of which the lengths say nothing if there are fewer


def scale_of(prompt: Prompt, beat: Beat = "auto") -> Fraction:
    """Find the scale in which a model reads a prompt.

    Args:
        prompt: What is given.
        beat: The note value of a beat; if auto, it is chosen from metre and note lengths.

    Raises:
        OptionError: If the beat is a half note but something given doesn't begin on an eighth; if there is no such
            beat.
    """
    if beat not in BEATS:
        raise OptionError(f"A beat can't be {beat!r}; expected one of {', '.join(BEATS)}; set --beat to one of these.")
    if beat == "half" and not _fits_eighths(prompt):
        raise OptionError(
            f"{prompt.chorale.name or 'The tune'} has notes or bars that don't begin on an eighth, so its beat can't "
            "be a half note; expected longer values; leave --beat out, or set it to quarter."
        )
    return SCALES[_usual_beat(prompt) if beat == "auto" else beat]


def told_beat(prompt: Prompt, beat: Beat = "auto") -> Beat:
    """Choose a prompt's beat if it is auto, with a warning where it is no quarter.

    Raises:
        OptionError: As `scale_of` does.
    """
    scale = scale_of(prompt, beat)
    chosen = next(name for name, value in SCALES.items() if value == scale)
    if beat == "auto" and chosen != "quarter":
        warnings.warn(
            f"{prompt.chorale.name or 'The tune'} is heard with {_CALLED[chosen]} as its beat; --beat says otherwise.",
            HearingWarning,
            stacklevel=2,
        )
    return chosen


def _usual_beat(prompt: Prompt) -> Beat:
    """Choose a beat by the metre of most frames and the lengths of given notes."""
    frames: dict[TimeSignature, int] = {}
    for measure in prompt.chorale.measures:
        frames[measure.time_signature] = frames.get(measure.time_signature, 0) + measure.length
    numerator, denominator = max(frames, key=lambda metre: frames[metre])
    length = _mean_length(prompt)
    if denominator >= 8 or length < _SHORT.get((numerator, denominator), 0.0):
        return "eighth"
    long = length > (_LONG if denominator <= 2 else _VERY_LONG)
    return "half" if long and _fits_eighths(prompt) else "quarter"


def _mean_length(prompt: Prompt) -> float:
    """Geometric mean length, in sixteenths, of the notes of the highest given voice; a quarter if there are few."""
    for column, voice in enumerate(VOICES):
        lengths = [note.length for note in notes_of(prompt.chorale, voice) if note.pitch != REST]
        if prompt.given[:, column].all() and len(lengths) >= _FEW:
            return float(np.exp(np.log(lengths).mean()))
    return float(FRAMES_PER_QUARTER)


def _fits_eighths(prompt: Prompt) -> bool:
    """Check whether all that is given begins and ends on eighths, and so do measures, keys and fermatas."""
    chorale = prompt.chorale
    fixed = prompt.given | prompt.rhythm
    begins: BoolArray = np.logical_or.reduce(chorale.onsets & fixed, axis=1)
    for mask in (prompt.given, prompt.rhythm, chorale.fermatas[:, None]):
        begins[1:] |= (mask[1:] != mask[:-1]).any(axis=1)
    places = [chorale.num_frames, *(start for start, _ in chorale.keys)]
    for measure in chorale.measures:
        places += [measure.start, measure.length, measure.position, measure.full]
    return not begins[1::2].any() and not any(place % 2 for place in places)


def heard(prompt: Prompt, scale: Fraction) -> Prompt:
    """Put a prompt into the values and bars in which a model reads it.

    In doubled values 6/8 becomes two bars of 3/4; in halved ones 2/2 becomes half a bar of 4/4, as does 2/4 in its own.

    Args:
        prompt: As written.
        scale: From `scale_of`.

    >>> tune = dataclasses.replace(Chorale.from_pitches([[67, 0, 0, 0]] * 12), time_signature=(6, 8))
    >>> [bar[1:] for bar in heard(Prompt.voices(tune, "soprano"), Fraction(2)).chorale.measures]
    [(0, 12, 0, (3, 4)), (12, 12, 0, (3, 4))]
    """
    chorale = prompt.chorale
    measures = _heard_measures(chorale, scale)
    bars = tuple(bar for parts in measures for bar in parts)
    if scale == 1 and bars == chorale.measures:
        return prompt
    first = np.cumsum([0, *map(len, measures)]).tolist()  # heard measures before each written one
    order = tuple(bar for index in chorale.order for bar in range(first[index], first[index + 1]))
    frames = written_frames(chorale.num_frames, scale)
    begins: BoolArray = np.diff(frames, prepend=-1) > 0
    width = scale.denominator
    # Free notes may begin between eighths.
    onsets: BoolArray = np.logical_or.reduce(chorale.onsets.reshape(-1, width, len(VOICES)), axis=1)
    return Prompt(
        dataclasses.replace(
            chorale,
            pitches=chorale.pitches[frames + width - 1],
            onsets=onsets[frames // width] & begins[:, None],
            fermatas=chorale.fermatas[frames],
            bars=bars,
            keys=tuple((int(start * scale), key) for start, key in chorale.keys),
            order=order,
            source=None,
        ),
        prompt.given[frames],
        prompt.rhythm[frames],
    )


def written_frames(num_frames: int, scale: Fraction) -> npt.NDArray[np.int64]:
    """Written sixteenth that is heard at each frame, (T * scale,).

    >>> written_frames(4, Fraction(2)).tolist(), written_frames(4, Fraction(1, 2)).tolist()
    ([0, 0, 1, 1, 2, 2, 3, 3], [0, 2])
    """
    return np.arange(int(num_frames * scale)) * scale.denominator // scale.numerator


def as_written(chorale: Chorale, scale: Fraction) -> tuple[IntArray, BoolArray]:
    """Pitches and onsets of what a model wrote, (T, 4) each, in the tune's own values.

    >>> onsets = as_written(Chorale.from_pitches([[67, 64, 60, 48]] * 2), Fraction(1, 2))[1]
    >>> onsets[:, 0].tolist()
    [True, False, False, False]
    """
    frames = np.arange(int(chorale.num_frames / scale)) * scale.numerator // scale.denominator
    begins: BoolArray = np.diff(frames, prepend=-1) > 0
    return chorale.pitches[frames], chorale.onsets[frames] & begins[:, None]


def _heard_measures(chorale: Chorale, scale: Fraction) -> list[list[Measure]]:
    """Measures that a model reads for each written one; bars of two quarters are the halves of 4/4 in turns."""
    landings = {*interruptions(chorale), *(frame for _, frame in jumps(chorale))}
    found: list[list[Measure]] = []
    paired = second = False
    for measure in chorale.measures:
        full = int(measure.full * scale)
        follows = paired and measure.start not in landings
        paired = full == _HALF_BAR
        second = paired and (second != (not measure.position) if follows else measure.position > 0)
        found.append(_cut(measure, scale, _HALF_BAR * second))
    return found


def _cut(measure: Measure, scale: Fraction, offset: int) -> list[Measure]:
    """Cut a written measure into those that a model reads.

    Args:
        measure: As written.
        scale: From `scale_of`.
        offset: Frames of a heard bar before it.
    """
    start, length = int(measure.start * scale), int(measure.length * scale)
    place = int(measure.position * scale) + offset
    metre = _heard_metre(measure.time_signature, scale)
    full = frames_per_measure(metre)
    if full == measure.full * scale:
        return [measure._replace(start=start, length=length, position=place, time_signature=metre)]
    cuts = [start, *range(start + full - place % full, start + length, full), start + length]
    return [
        Measure(measure.number, begin, end - begin, (place + begin - start) % full, metre)
        for begin, end in pairwise(cuts)
    ]


def _heard_metre(metre: TimeSignature, scale: Fraction) -> TimeSignature:
    """Metre that a model reads for a written one.

    >>> [_heard_metre(metre, Fraction(2)) for metre in ((6, 8), (3, 8), (2, 4), (5, 8))]
    [(3, 4), (3, 4), (4, 4), (5, 4)]
    >>> [_heard_metre(metre, Fraction(1, 2)) for metre in ((2, 2), (3, 2), (4, 2))]
    [(4, 4), (3, 4), (4, 4)]
    """
    numerator, denominator = metre[0], Fraction(metre[1]) / scale
    full = int(frames_per_measure(metre) * scale)
    if full in (_HALF_BAR, 4 * _HALF_BAR) or full == frames_per_measure(_BAR):
        return _BAR
    if denominator == 4 and numerator % 3 == 0:
        return _THREE
    fits = denominator.denominator == 1 and denominator <= 16
    return (numerator, int(denominator)) if fits else (full, 16)
