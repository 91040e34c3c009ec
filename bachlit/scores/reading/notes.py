"""One part of a score -> the notes that a voice sings, on the grid of sixteenths."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from bachlit.errors import ScoreError
from bachlit.music.chorale import FRAMES_PER_QUARTER
from bachlit.music.notes import Note
from bachlit.scores.reading.score import Part, Tone, WrittenMeasure
from bachlit.scores.reading.source import warn


class _Head(NamedTuple):
    """A note head on the grid: first frame, end, and where it stands."""

    start: int
    end: int
    tone: Tone
    place: str


def sung_notes(part: Part, voice: str, *, quantize: bool, tune: bool = False) -> list[Note]:
    """The notes of a part in order, tied ones joined; what lies between them is rest.

    A tied note of another pitch is a new note.

    Args:
        part: A part of a score.
        voice: What messages call it: "soprano of bwv269.mxl".
        quantize: Round what is finer than a sixteenth instead of refusing it.
        tune: Keep the tune where several notes sound at once, with a warning, instead of refusing them.

    Raises:
        ScoreError: If the part has two notes at once, a note finer than a sixteenth or one outside MIDI's pitches, or
            no note at all.
    """
    heads, lost = [], 0
    for head in _heads(part.measures, voice, quantize):
        if head.start < head.end:
            heads.append(head)
        else:
            lost += 1
    _warn_of_what_is_left_out(part, voice, lost)
    if tune:
        heads = _tune(heads, voice)
    notes: list[Note] = []
    for head in heads:
        before = notes[-1] if notes else None
        if before is not None and head.start < before.start + before.length:
            raise ScoreError(
                f"The {voice} has two notes at once {head.place}; expected one at a time; put each voice on a part of "
                "its own."
            )
        pitch, fermata = int(head.tone.pitch), head.tone.fermata
        tied = before is not None and (before.pitch, before.start + before.length) == (pitch, head.start)
        if before is not None and tied and head.tone.tied:
            notes[-1] = Note(pitch, before.start, head.end - before.start, fermata or before.fermata)
        else:
            notes.append(Note(pitch, head.start, head.end - head.start, fermata))
    if not notes:
        raise ScoreError(f"The {voice} holds no notes of a sixteenth or more; expected a melody; write longer values.")
    return notes


def _warn_of_what_is_left_out(part: Part, voice: str, lost: int) -> None:
    """Tell of what a part shows and a voice doesn't sing, and of the notes that were lost by rounding."""
    if part.graces:
        warn(f"The {voice}: left out {_counted(part.graces, 'grace note')}.")
    if part.cues:
        warn(f"The {voice}: left out {_counted(part.cues, 'cue note')}.")
    if part.slashes:
        warn(f"The {voice}: left out {_counted(part.slashes, 'slash head')}, which tell a rhythm and no pitch.")
    if lost:
        warn(f"The {voice}: left out {_counted(lost, 'note')} too short for a sixteenth.")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number > 1)}"


def _heads(measures: Sequence[WrittenMeasure], voice: str, quantize: bool) -> Iterator[_Head]:
    """A part's note heads in order of time.

    Raises:
        ScoreError: If one is finer than a sixteenth and not rounded, or no voice's pitch.
    """
    offset = Fraction(0)
    for measure in measures:
        for tone in measure.tones:
            start, end = offset + tone.start, offset + tone.start + tone.length
            place = (
                f"{float(start / FRAMES_PER_QUARTER):.4g} quarters in"
                if measure.number is None
                else f"in measure {measure.number}"
            )
            if not quantize and (start.denominator != 1 or end.denominator != 1):
                raise ScoreError(
                    f"The {voice} has a note finer than a sixteenth {place}; expected whole sixteenths; round it "
                    "with --quantize, or write it out."
                )
            if not float(tone.pitch).is_integer() or not 1 <= tone.pitch <= 127:
                raise ScoreError(
                    f"The {voice} has the pitch {tone.pitch:g} {place}, which isn't one of MIDI's pitches; expected 1 "
                    "to 127 without quarter tones; write a note that voices sing."
                )
            yield _Head(round(start), round(end), tone, place)
        offset += measure.length


def _tune(heads: Sequence[_Head], voice: str) -> list[_Head]:
    """The tune among notes that may sound at once: the highest of the first voice, the others where it rests.

    Notes that run on a little while the next sounds, as on a keyboard, are cut short.
    """
    heads, shortened = _without_legato(heads)
    taken = np.zeros(max((head.end for head in heads), default=0), np.bool_)
    tune = []
    for head in sorted(heads, key=lambda head: (head.tone.rank, -head.tone.pitch, head.start)):
        if not taken[head.start : head.end].any():
            taken[head.start : head.end] = True
            tune.append(head)
    if shortened:
        warn(f"The {voice}: cut {_counted(shortened, 'note')} short that ran on into the next.")
    if len(tune) < len(heads):
        left_out = _counted(len(heads) - len(tune), "note")
        warn(f"The {voice}: where several notes sound at once, the top one is taken; left out {left_out}.")
    return sorted(tune)


def _without_legato(heads: Sequence[_Head]) -> tuple[list[_Head], int]:
    """Heads of which none runs on for less than half of itself and of the next in its voice; and how many did."""
    shorter = list(heads)
    latest: dict[int, int] = {}  # of each voice, the index of its last head
    shortened = 0
    for index, head in enumerate(heads):
        before = latest.get(head.tone.rank)
        if before is not None:
            start, end = shorter[before].start, shorter[before].end
            if start < head.start < end and 2 * (end - head.start) < min(end - start, head.end - head.start):
                shorter[before] = shorter[before]._replace(end=head.start)
                shortened += 1
        latest[head.tone.rank] = index
    return shorter, shortened
