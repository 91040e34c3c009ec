"""One part of a score -> the notes that a voice sings, on the grid of sixteenths."""

from fractions import Fraction
from typing import Any

from bachlit.chorale import FRAMES_PER_QUARTER
from bachlit.errors import ScoreError
from bachlit.scores.files import warn
from bachlit.scores.notation import Note


def sung_notes(part: Any, voice: str, *, quantize: bool) -> list[Note]:
    """The notes of a part in order, tied ones joined; what lies between them is rest.

    Chord symbols are passed over. A tied note of another pitch is a new note.

    Args:
        part: A part of a music21 score.
        voice: What messages call it: "soprano of bwv269.mxl".
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Raises:
        ScoreError: If the part has two notes at once, a note finer than a sixteenth or one outside MIDI's pitches, or
            no note at all.
    """
    notes: list[Note] = []
    graces = lost = 0
    for element in part.flatten().notes:
        if "Harmony" in element.classes:
            continue
        if element.duration.isGrace:
            graces += 1
            continue
        start, end = _span(element, voice, quantize)
        pitch = _pitch(element, voice)
        if start == end:
            lost += 1
            continue
        before = notes[-1] if notes else None
        if before is not None and start < before.start + before.length:
            raise _two_at_once(element, voice)
        tied = element.tie is not None and element.tie.type in ("stop", "continue")
        fermata = any("Fermata" in expression.classes for expression in element.expressions)
        if tied and before is not None and (before.pitch, before.start + before.length) == (pitch, start):
            fermata = fermata or before.fermata
            notes[-1] = Note(pitch, before.start, end - before.start, fermata)
        else:
            notes.append(Note(pitch, start, end - start, fermata))
    if graces:
        warn(f"The {voice}: left out {graces} grace note{'s' * (graces > 1)}.")
    if lost:
        warn(f"The {voice}: left out {lost} note{'s' * (lost > 1)} too short for a sixteenth.")
    if not notes:
        raise ScoreError(f"The {voice} holds no notes of a sixteenth or more; expected a melody; write longer values.")
    return notes


def _span(element: Any, voice: str, quantize: bool) -> tuple[int, int]:
    """First frame and end."""
    start = Fraction(element.offset) * FRAMES_PER_QUARTER
    end = start + Fraction(element.quarterLength) * FRAMES_PER_QUARTER
    if not quantize and (start.denominator != 1 or end.denominator != 1):
        raise ScoreError(
            f"The {voice} has a note finer than a sixteenth {_place(element)}; expected whole sixteenths; round it "
            "with --quantize, or write it out."
        )
    return round(start), round(end)


def _pitch(element: Any, voice: str) -> int:
    if len(element.pitches) != 1:
        raise _two_at_once(element, voice)
    pitch = float(element.pitches[0].ps)
    if not pitch.is_integer() or not 1 <= pitch <= 127:
        raise ScoreError(
            f"The {voice} has a {element.pitches[0].unicodeNameWithOctave} {_place(element)}, which isn't one of "
            "MIDI's pitches; expected 1 to 127 without quarter tones; write a note that voices sing."
        )
    return int(pitch)


def _two_at_once(element: Any, voice: str) -> ScoreError:
    return ScoreError(
        f"The {voice} has two notes at once {_place(element)}; expected one at a time; put each voice on a part of "
        "its own."
    )


def _place(element: Any) -> str:
    if element.measureNumber is not None:
        return f"in measure {element.measureNumber}"
    return f"{float(element.offset):.4g} quarters in"
