"""What every reader makes of a file: plain values, whatever the format was.

Times and lengths are fractions of a sixteenth. Nothing here knows a file format or a library.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from bachlit.music.chorale import TimeSignature

COMMON_TIME: TimeSignature = (4, 4)

JUMP = re.compile(
    r"\b(?:d\. ?[cs]\.|d\.? ?[cs]\.? al\b|da ?capo\b|dal ?segno\b|(?:da)?coda\b|segno\b|fine\b)", re.IGNORECASE
)
"""Words that send a player elsewhere, however they are spelled."""


class Tone(NamedTuple):
    """A note head as it is written, at the pitch that sounds.

    Attributes:
        start: From the beginning of its measure.
        length: How long it lasts.
        pitch: MIDI pitch; a fraction where it is a quarter tone.
        tied: It goes on with the note before.
        fermata: It carries a fermata.
        rank: Its voice's place among those of its part, 0 the first.
    """

    start: Fraction
    length: Fraction
    pitch: float
    tied: bool = False
    fermata: bool = False
    rank: int = 0


class Signature(NamedTuple):
    """A key signature: sharps if positive, flats if negative, and the mode if one is written."""

    fifths: int
    mode: str | None = None


@dataclass(frozen=True)
class WrittenMeasure:
    """A measure of a part.

    Attributes:
        number: As printed; None where a format has no measures.
        length: Up to the end of its last note or rest; 0 if nothing is written in it.
        tones: Its notes, in order of time.
        metre: The time signature in force.
    """

    number: str | None
    length: Fraction
    tones: Sequence[Tone] = ()
    metre: TimeSignature = COMMON_TIME

    @property
    def full(self) -> int:
        """Sixteenths that its metre asks for."""
        return 16 * self.metre[0] // self.metre[1]


@dataclass(frozen=True)
class Part:
    """A staff of a score.

    Attributes:
        name: As printed.
        measures: In order.
        metres: The time signatures that are written, in order.
        signatures: The key signatures that are written, in order, as they sound.
        repeats: There are repeats, endings or jumps.
        chord_symbols: How many stand above it.
        graces: How many grace notes it has, which take no time.
        cues: How many notes of others it shows in small print.
        slashes: How many slashes it has, which tell an accompaniment's rhythm, and no pitch.
        words: Its notes have words.
    """

    name: str
    measures: Sequence[WrittenMeasure]
    metres: Sequence[TimeSignature] = ()
    signatures: Sequence[Signature] = ()
    repeats: bool = False
    chord_symbols: int = 0
    graces: int = 0
    cues: int = 0
    slashes: int = 0
    words: bool = False

    @property
    def sounds(self) -> bool:
        """Whether it holds notes that last."""
        return any(measure.tones for measure in self.measures)


@dataclass(frozen=True)
class Score:
    """A piece.

    Attributes:
        title: As printed.
        parts: From the top down.
        lost: What its reader had to leave out, as a sentence; empty if nothing.
    """

    title: str
    parts: Sequence[Part] = ()
    lost: str = ""


def in_step(parts: Sequence[Part], others: Sequence[Part] = ()) -> list[Part]:
    """Parts whose measures begin together: each is as long as the longest of its place.

    One that is empty in all parts lasts as long as in others, or as its metre asks for.

    Args:
        parts: Those that are wanted.
        others: All of the score.

    >>> short = Part("Soprano", [WrittenMeasure("1", Fraction(4)), WrittenMeasure("2", Fraction(0))])
    >>> long = Part("Bass", [WrittenMeasure("1", Fraction(16))])
    >>> [[int(measure.length) for measure in part.measures] for part in in_step([short, long])]
    [[16, 16], [16, 16]]
    """
    most = max((part.measures for part in parts), key=len)
    lengths = []
    for index, measure in enumerate(most):
        written = [part.measures[index].length for part in parts if index < len(part.measures)]
        elsewhere = [part.measures[index].length for part in others if index < len(part.measures)]
        lengths.append(max(written) or max(elsewhere, default=Fraction(0)) or Fraction(measure.full))
    stepping = []
    for part in parts:
        measures = [*part.measures, *(replace(measure, tones=()) for measure in most[len(part.measures) :])]
        timed = [replace(measure, length=length) for measure, length in zip(measures, lengths, strict=True)]
        stepping.append(replace(part, measures=timed))
    return stepping
