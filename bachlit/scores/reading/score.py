"""Scores as plain values, common to all readers.

Times and lengths are fractions of a sixteenth. Nothing here depends on a file format or a library.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from bachlit.music.chorale import TimeSignature

COMMON_TIME: TimeSignature = (4, 4)

JUMP = re.compile(
    r"\b(?:d\. ?[cs]\.|d\.? ?[cs]\.? al\b|da ?capo\b|dal ?segno\b|(?:da)?coda\b|segno\b|fine\b)", re.IGNORECASE
)
"""Words for a jump (da capo, dal segno, coda), in any spelling."""


class Tone(NamedTuple):
    """Note head, at sounding pitch.

    Attributes:
        start: Time from the beginning of its measure.
        length: Its duration.
        pitch: MIDI pitch; a fraction for a quarter tone.
        tied: Whether it continues the previous note.
        fermata: Whether it carries a fermata.
        rank: Index of its voice within the part, 0 the first.
    """

    start: Fraction
    length: Fraction
    pitch: float
    tied: bool = False
    fermata: bool = False
    rank: int = 0


class Signature(NamedTuple):
    """Key signature: sharps if positive, flats if negative, and the mode if one is written."""

    fifths: int
    mode: str | None = None


class BarLines(NamedTuple):
    """Repeat signs of a measure.

    Attributes:
        opens: A repeated passage begins here.
        closes: It ends here, to be played again.
        ending: Passes on which the ending that begins here is played, such as "1"; empty if none begins.
        ends: An ending ends here.
    """

    opens: bool = False
    closes: bool = False
    ending: str = ""
    ends: bool = False


@dataclass(frozen=True)
class WrittenMeasure:
    """Measure of a part.

    Attributes:
        number: As printed; None in formats without measures.
        length: Up to the end of its last note or rest; 0 if it is empty.
        tones: Its notes, in order of time.
        metre: The time signature in force.
        bar_lines: Its repeat signs.
    """

    number: str | None
    length: Fraction
    tones: Sequence[Tone] = ()
    metre: TimeSignature = COMMON_TIME
    bar_lines: BarLines = BarLines()  # noqa: RUF009  # immutable

    @property
    def full(self) -> int:
        """Length of a full measure in this metre."""
        return 16 * self.metre[0] // self.metre[1]


@dataclass
class Part:
    """Part (staff) of a score.

    Attributes:
        name: As printed.
        measures: In order.
        metres: Written time signatures, in order.
        signatures: Written key signatures, in order, at sounding pitch.
        repeats: Whether it has repeats, endings or jumps.
        left_out: Number of each thing that a chorale can't hold: chord symbol, word, grace note, cue note, slash head.
    """

    name: str = ""
    measures: list[WrittenMeasure] = field(default_factory=list)
    metres: list[TimeSignature] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    repeats: bool = False
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def sounds(self) -> bool:
        """Check whether it has any note."""
        return any(measure.tones for measure in self.measures)


@dataclass(frozen=True)
class Score:
    """Piece.

    Attributes:
        title: As printed.
        parts: From the top down.
        lost: What the reader left out, as a sentence; empty if nothing.
    """

    title: str
    parts: Sequence[Part] = ()
    lost: str = ""


def in_step(parts: Sequence[Part], others: Sequence[Part] = ()) -> list[Part]:
    """Align parts: each measure gets the length of the longest at its place.

    A measure that is empty in all parts is as long as in the other parts, else a full measure.

    Args:
        parts: Parts to align.
        others: All parts of the score.

    >>> short = Part("Soprano", [WrittenMeasure("1", Fraction(4)), WrittenMeasure("2", Fraction(0))])
    >>> long = Part("Bass", [WrittenMeasure("1", Fraction(16))])
    >>> [[int(measure.length) for measure in part.measures] for part in in_step([short, long])]
    [[16, 16], [16, 16]]
    """
    longest = max((part.measures for part in parts), key=len)
    lengths = []
    for index, measure in enumerate(longest):
        written, elsewhere = (
            [part.measures[index].length for part in some if index < len(part.measures)] for some in (parts, others)
        )
        lengths.append(max(written) or max(elsewhere, default=Fraction(0)) or Fraction(measure.full))
    stepping = []
    for part in parts:
        measures = [*part.measures, *(replace(measure, tones=()) for measure in longest[len(part.measures) :])]
        timed = [replace(measure, length=length) for measure, length in zip(measures, lengths, strict=True)]
        stepping.append(replace(part, measures=timed))
    return stepping


def play_order(measures: Sequence[WrittenMeasure]) -> list[int]:
    """Indices of the measures in the order in which they are played.

    A repeated passage is played twice, the second time without its first ending.

    >>> first, second = BarLines(ending="1", closes=True, ends=True), BarLines(ending="2", ends=True)
    >>> play_order([WrittenMeasure("", Fraction(4), bar_lines=lines) for lines in (BarLines(), first, second)])
    [0, 1, 0, 2]
    """
    lines = [measure.bar_lines for measure in measures]
    played: list[int] = []
    index = first = 0
    again = False
    while index < len(lines):
        if again and lines[index].ending == "1":
            while not lines[index].ends and index + 1 < len(lines):
                index += 1
            again = False
            index = first = index + 1
            continue
        if lines[index].opens and not again:
            first = index
        played.append(index)
        if lines[index].closes and not again:
            index, again = first, True
            continue
        if lines[index].closes:
            again = False
            first = index + 1
        index += 1
    return played
