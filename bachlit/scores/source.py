"""Source: the score from which a chorale was read, and where the given voices stand in it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from math import ceil
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale, IntArray, Voice
from bachlit.music.notes import notes_of
from bachlit.scores.reading.harmony import transposed


class SungNote(NamedTuple):
    """Note as a source has it, ties joined.

    Attributes:
        pitch: MIDI pitch, as it sounds.
        start: In frames, exactly.
        end: Likewise.
        fermata: Whether it carries one.
        heads: Its note heads: indices of `<note>` elements in its `<part>`.
    """

    pitch: int
    start: Fraction
    end: Fraction
    fermata: bool = False
    heads: tuple[int, ...] = ()


@dataclass(frozen=True)
class GivenPart:
    """Where a voice stands in a source.

    Attributes:
        place: Index of its `<part>`.
        staff: Its staff there; empty if there is one.
        heads: Note heads that are the voice's; None if the part holds nothing else.
        name: The voice's name, if it is one of two on a staff; else empty.
        notes: Its notes in order.
    """

    place: int
    staff: str
    heads: frozenset[int] | None
    notes: Sequence[SungNote] = field(repr=False)
    name: str = ""


@dataclass(frozen=True, eq=False)
class ScoreSource:
    """The score behind a chorale, as MusicXML.

    What is given comes back from here, not from the chorale's grid.

    Attributes:
        document: The whole score, partwise; not to be changed.
        voices: Where the given voices stand.
        lengths: Length of each measure in sixteenths.
        tempos: Frames at which a tempo begins, with its quarters per minute, in order.
        chords: Frames at which a chord symbol stands, with the symbol at sounding pitch, in order.
        figures: Figures over a bass: frame, length in frames (0 until the next), text.
        pitches: (T, 4) the grid that was read from it.
        onsets: (T, 4) likewise.
        fermatas: (T,) likewise.
        title: Likewise.
        semitones: By how much it has been transposed since.
        keeps_parts: Whether parts that are no voice are written below.
    """

    document: Element
    voices: Mapping[Voice, GivenPart]
    lengths: Sequence[Fraction]
    pitches: IntArray
    onsets: BoolArray
    fermatas: BoolArray
    title: str = ""
    tempos: Sequence[tuple[Fraction, float]] = ()
    chords: Sequence[tuple[Fraction, str]] = ()
    figures: Sequence[tuple[Fraction, Fraction, str]] = ()
    semitones: int = 0
    keeps_parts: bool = False

    def transpose(self, semitones: int) -> "ScoreSource":
        """Transpose what will be written."""
        return dataclasses.replace(self, semitones=self.semitones + semitones)


def source_of(chorale: Chorale) -> ScoreSource | None:
    """Source of a chorale, if it still has the measures that were read from it."""
    source = chorale.source
    if not isinstance(source, ScoreSource) or len(source.pitches) != chorale.num_frames:
        return None
    return source if len(source.lengths) == len(chorale.measures) else None


def changed_measures(chorale: Chorale, source: ScoreSource, voice: Voice) -> list[int]:
    """Indices of the measures in which a chorale has other notes or fermatas than its source."""
    column = VOICES.index(voice)
    read = source.pitches[:, column]
    read = np.where(read == REST, REST, read + source.semitones)
    differs = (chorale.pitches[:, column] != read) | (chorale.onsets[:, column] != source.onsets[:, column])
    differs |= chorale.fermatas != source.fermatas
    return [index for index, measure in enumerate(chorale.measures) if differs[measure.start : measure.end].any()]


def exact_notes(chorale: Chorale, voice: Voice) -> list[SungNote]:
    """Notes of a voice in order: the source's where the chorale still has them, else the grid's."""
    written = [
        SungNote(note.pitch, Fraction(note.start), Fraction(note.start + note.length), note.fermata)
        for note in notes_of(chorale, voice)
        if note.pitch != REST
    ]
    source = source_of(chorale)
    if source is None or voice not in source.voices:
        return written
    given = [note._replace(pitch=note.pitch + source.semitones) for note in source.voices[voice].notes]
    changed = set(changed_measures(chorale, source, voice))
    onsets = chorale.onsets[:, VOICES.index(voice)]
    notes: list[SungNote] = []
    for is_new, run in groupby(enumerate(chorale.measures), key=lambda measure: measure[0] in changed):
        measures = [measure for _, measure in run]
        start, end = Fraction(measures[0].start), Fraction(measures[-1].end)
        for note in written if is_new else given:
            if note.start < end and start < note.end:
                piece = note._replace(start=max(note.start, start), end=min(note.end, end))
                before = notes[-1] if notes else piece
                if before.end == piece.start == start and before.pitch == piece.pitch and not onsets[int(start)]:
                    notes[-1] = before._replace(end=piece.end, fermata=before.fermata or piece.fermata)
                else:
                    notes.append(piece)
    return notes


def tempos_of(chorale: Chorale, default: float = 80.0) -> list[tuple[Fraction, float]]:
    """Frames at which a tempo begins, with its quarters per minute: the source's, else a default."""
    source = source_of(chorale)
    tempos = list(source.tempos) if source is not None else []
    return tempos if tempos and tempos[0][0] == 0 else [(Fraction(0), tempos[0][1] if tempos else default), *tempos]


def given_chords(chorale: Chorale) -> list[tuple[int, str]]:
    """Chord symbols of a chorale's source at the frames where they begin to hold, transposed with it.

    Args:
        chorale: As it was read from a score.
    """
    source = source_of(chorale)
    if source is None:
        return []
    chords = {ceil(time): transposed(symbol, source.semitones) for time, symbol in source.chords}
    return sorted((frame, symbol) for frame, symbol in chords.items() if frame < chorale.num_frames)


def given_figures(chorale: Chorale) -> list[tuple[int, int, str]]:
    """Figured bass of a chorale's source: frame, length in frames (0 until the next), figures.

    Args:
        chorale: As it was read from a score.
    """
    source = source_of(chorale)
    figures = source.figures if source is not None else ()
    return [(ceil(time), int(length), text) for time, length, text in figures if ceil(time) < chorale.num_frames]


def names_of(chorale: Chorale) -> dict[Voice, str]:
    """Names of the voices: the source's for parts that it gives whole, else soprano, alto, tenor and bass."""
    names = {voice: voice.capitalize() for voice in VOICES}
    source = source_of(chorale)
    if source is not None:
        listed = {
            part.get("id"): part.findtext("part-name", "") for part in source.document.iterfind("part-list/score-part")
        }
        parts = source.document.findall("part")
        for voice, given in source.voices.items():
            name = " ".join(listed.get(parts[given.place].get("id"), "").split())
            names[voice] = name if name and given.heads is None else names[voice]
    return names
