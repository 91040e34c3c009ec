"""Source: the score from which a chorale was read, and where the given voices stand in it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from bachlit.music.chorale import BoolArray, IntArray, Voice


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
        notes: Its notes in order.
    """

    place: int
    staff: str
    heads: frozenset[int] | None
    notes: Sequence[SungNote] = field(repr=False)


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
        semitones: By how much it has been transposed since.
        keeps_parts: Whether parts that are no voice are written below.
    """

    document: Element
    voices: Mapping[Voice, GivenPart]
    lengths: Sequence[Fraction]
    pitches: IntArray
    onsets: BoolArray
    tempos: Sequence[tuple[Fraction, float]] = ()
    chords: Sequence[tuple[Fraction, str]] = ()
    figures: Sequence[tuple[Fraction, Fraction, str]] = ()
    semitones: int = 0
    keeps_parts: bool = False

    def transpose(self, semitones: int) -> "ScoreSource":
        """Transpose what will be written."""
        return dataclasses.replace(self, semitones=self.semitones + semitones)
