"""Part of a score -> notes of a voice, exact and on the grid of sixteenths."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from bachlit.errors import ScoreError
from bachlit.music.notes import Note
from bachlit.scores.reading.score import Part, Tone
from bachlit.scores.source import SungNote


class Span(NamedTuple):
    """Place of a measure on the grid: its first frame, its number of frames, and its length in sixteenths."""

    start: int
    num_frames: int
    length: Fraction

    def frame(self, time: Fraction) -> Fraction:
        """Exact frame of a time in the measure."""
        return (
            self.start + time if self.length == self.num_frames else self.start + time * self.num_frames / self.length
        )


class _Head(NamedTuple):
    """Note head: its first frame and its end, exactly, and its measure's number."""

    start: Fraction
    end: Fraction
    tone: Tone
    measure: str


def sung_notes(part: Part, spans: Sequence[Span], voice: str, *, tune: bool = False) -> tuple[list[SungNote], int]:
    """Read the notes of a part in order, ties joined.

    A tied note of another pitch is a new note.

    Args:
        part: A part of a score.
        spans: Places of its measures.
        voice: Its name in messages: "soprano of bwv269.mxl".
        tune: Of simultaneous notes keep the tune instead of refusing them.

    Returns:
        The notes, and how many note heads are left out because others sound at the same time.

    Raises:
        ScoreError: If the part has simultaneous notes, or a pitch that MIDI hasn't.
    """
    written = list(_heads(part, spans, voice))
    heads = _tune(_without_legato(written)) if tune else written
    notes: list[SungNote] = []
    for head in heads:
        before = notes[-1] if notes else None
        if before is not None and head.start < before.end:
            raise ScoreError(
                f"The {voice} has two notes at once in measure {head.measure}; expected one at a time per part."
            )
        pitch, fermata, index = int(head.tone.pitch), head.tone.fermata, head.tone.head
        if before is not None and head.tone.tied and (before.pitch, before.end) == (pitch, head.start):
            notes[-1] = SungNote(pitch, before.start, head.end, fermata or before.fermata, (*before.heads, index))
        else:
            notes.append(SungNote(pitch, head.start, head.end, fermata, (index,)))
    return notes, len(written) - len(heads)


def on_grid(notes: Sequence[SungNote]) -> list[Note]:
    """Put notes on the grid: each frame hears what sounds at its beginning.

    Notes that sound at no frame's beginning are left out, such as the second of two thirty-seconds.

    >>> triplet = [SungNote(60 + step, Fraction(4 * step, 3), Fraction(4 * step + 4, 3)) for step in range(3)]
    >>> [(note.start, note.length) for note in on_grid(triplet)]
    [(0, 2), (2, 1), (3, 1)]
    """
    frames = ((ceil(note.start), ceil(note.end), note) for note in notes)
    return [Note(note.pitch, start, end - start, note.fermata) for start, end, note in frames if start < end]


def _heads(part: Part, spans: Sequence[Span], voice: str) -> Iterator[_Head]:
    """Yield the note heads of a part in order of time."""
    for measure, span in zip(part.measures, spans, strict=False):
        for tone in measure.tones:
            if not float(tone.pitch).is_integer() or not 1 <= tone.pitch <= 127:
                raise ScoreError(
                    f"The {voice} has the pitch {tone.pitch:g} in measure {measure.number}; expected a MIDI pitch, 1 "
                    "to 127."
                )
            yield _Head(span.frame(tone.start), span.frame(tone.start + tone.length), tone, measure.number)


def _tune(heads: Sequence[_Head]) -> list[_Head]:
    """Pick the tune among simultaneous notes: the highest of the first voice, others where it rests."""
    starts: list[Fraction] = []
    tune: list[_Head] = []
    for head in sorted(heads, key=lambda head: (head.tone.rank, -head.tone.pitch, head.start)):
        place = bisect_left(starts, head.start)
        free_before = place == 0 or tune[place - 1].end <= head.start
        free_after = place == len(tune) or head.end <= tune[place].start
        if free_before and free_after:
            starts.insert(place, head.start)
            tune.insert(place, head)
    return tune


def _without_legato(heads: Sequence[_Head]) -> list[_Head]:
    """Shorten heads that overlap the next in their voice by less than half of either."""
    shorter = list(heads)
    latest: dict[int, int] = {}  # index of the last head of each voice
    for index, head in enumerate(heads):
        before = latest.get(head.tone.rank)
        if before is not None:
            start, end = shorter[before].start, shorter[before].end
            if start < head.start < end and 2 * (end - head.start) < min(end - start, head.end - head.start):
                shorter[before] = shorter[before]._replace(end=head.start)
        latest[head.tone.rank] = index
    return shorter
