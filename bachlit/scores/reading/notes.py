"""Part of a score -> notes of a voice, on the grid of sixteenths."""

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
    """Note head on the grid: first frame, end, and its place for messages."""

    start: int
    end: int
    tone: Tone
    place: str


def sung_notes(part: Part, voice: str, *, quantize: bool, tune: bool = False) -> list[Note]:
    """Notes of a part in order, ties joined, with rests between them.

    A tied note of another pitch is a new note.

    Args:
        part: A part of a score.
        voice: Its name in messages: "soprano of bwv269.mxl".
        quantize: Round notes finer than a sixteenth instead of refusing them.
        tune: Of simultaneous notes keep the tune, with a warning, instead of refusing them.

    Raises:
        ScoreError: If the part has simultaneous notes, a note finer than a sixteenth or outside MIDI's pitches, or no
            note.
    """
    written = list(_heads(part.measures, voice, quantize))
    heads = [head for head in written if head.start < head.end]
    _warn_of_what_is_left_out(part, voice, len(written) - len(heads))
    if tune:
        heads = _tune(heads, voice)
    notes: list[Note] = []
    for head in heads:
        before = notes[-1] if notes else None
        if before is not None and head.start < before.start + before.length:
            raise ScoreError(f"The {voice} has two notes at once {head.place}; expected one at a time per part.")
        pitch, fermata = int(head.tone.pitch), head.tone.fermata
        tied = before is not None and (before.pitch, before.start + before.length) == (pitch, head.start)
        if before is not None and tied and head.tone.tied:
            notes[-1] = Note(pitch, before.start, head.end - before.start, fermata or before.fermata)
        else:
            notes.append(Note(pitch, head.start, head.end - head.start, fermata))
    if not notes:
        raise ScoreError(f"The {voice} has no notes of a sixteenth or more; expected a melody in longer values.")
    return notes


def _warn_of_what_is_left_out(part: Part, voice: str, lost: int) -> None:
    """Warn of notes that a voice doesn't sing, and of notes lost by rounding."""
    numbers = {**part.left_out, "note": lost}
    for thing, why in (
        ("grace note", ""),
        ("cue note", ""),
        ("slash head", ", which tell a rhythm and no pitch"),
        ("note", " too short for a sixteenth"),
    ):
        if numbers.get(thing):
            warn(f"The {voice}: left out {_counted(numbers[thing], thing)}{why}.")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number > 1)}"


def _heads(measures: Sequence[WrittenMeasure], voice: str, quantize: bool) -> Iterator[_Head]:
    """Yield the note heads of a part in order of time.

    Raises:
        ScoreError: If one is finer than a sixteenth (and not rounded), or no voice's pitch.
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
                    f"The {voice} has a note finer than a sixteenth {place}; expected whole sixteenths; round it with "
                    "--quantize."
                )
            if not float(tone.pitch).is_integer() or not 1 <= tone.pitch <= 127:
                raise ScoreError(f"The {voice} has the pitch {tone.pitch:g} {place}; expected a MIDI pitch, 1 to 127.")
            yield _Head(round(start), round(end), tone, place)
        offset += measure.length


def _tune(heads: Sequence[_Head], voice: str) -> list[_Head]:
    """Pick the tune among simultaneous notes: the highest of the first voice, others where it rests.

    Notes that slightly overlap the next one (legato) are shortened.
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
    """Shorten heads that overlap the next in their voice by less than half of either; count them."""
    shorter = list(heads)
    latest: dict[int, int] = {}  # index of the last head of each voice
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
