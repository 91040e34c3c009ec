"""Scores as plain values, common to all formats.

Times and lengths are fractions of a sixteenth. Nothing here depends on a file format or a library.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from bachlit.music.chorale import TimeSignature
from bachlit.scores.reading.playing import Signs

COMMON_TIME: TimeSignature = (4, 4)


class Tone(NamedTuple):
    """Note head, at sounding pitch.

    Attributes:
        start: Time from the beginning of its measure.
        length: Its duration.
        pitch: MIDI pitch; a fraction for a quarter tone.
        tied: Whether it continues the previous note.
        fermata: Whether it carries a fermata.
        rank: Number of its voice within the part, the lowest first.
        head: Which `<note>` of its `<part>` it is, counted from 0.
    """

    start: Fraction
    length: Fraction
    pitch: float
    tied: bool = False
    fermata: bool = False
    rank: int = 0
    head: int = -1


class Signature(NamedTuple):
    """Key signature: sharps if positive, flats if negative, and the mode if one is written."""

    fifths: int
    mode: str | None = None


class Symbol(NamedTuple):
    """Text for the harmony at a time of its measure: a chord symbol, or the figures over a bass note.

    Attributes:
        start: Time from the beginning of its measure.
        text: Such as `G7/B`, or `6,5`.
        length: Its duration; 0 if it holds until the next.
    """

    start: Fraction
    text: str
    length: Fraction = Fraction(0)  # immutable


@dataclass(frozen=True)
class WrittenMeasure:
    """Measure of a part.

    Attributes:
        number: As printed.
        length: Up to the end of its last note or rest; 0 if it is empty or has a whole-measure rest.
        rested: Length of that, as far as it says it.
        tones: Its notes, in order of time.
        metre: The time signature in force.
        signature: The key signature in force at its end, at sounding pitch; None before the first.
        signs: Its repeat signs and jumps.
        tempos: Times at which a tempo begins, in quarters per minute.
        chords: Its chord symbols.
        figures: Its figured bass.
    """

    number: str
    length: Fraction
    tones: Sequence[Tone] = ()
    rested: Fraction = Fraction(0)  # immutable
    metre: TimeSignature = COMMON_TIME
    signature: Signature | None = None
    signs: Signs = Signs()  # noqa: RUF009  # immutable
    tempos: Sequence[tuple[Fraction, float]] = ()
    chords: Sequence[Symbol] = ()
    figures: Sequence[Symbol] = ()

    @property
    def full(self) -> Fraction:
        """Length of a full measure in this metre."""
        return Fraction(16 * self.metre[0], self.metre[1])


@dataclass(frozen=True)
class Part:
    """Part of a score: a staff, or a voice taken from one.

    Attributes:
        name: As printed.
        measures: In order.
        place: Index of its `<part>` in the document.
        staff: Its staff there, such as "2"; empty if the `<part>` has a single one.
        instrument: What plays it, if it is written: an instrument's name.
        channel: Its MIDI channel, counted from 1; 0 if none is written.
    """

    name: str = ""
    measures: Sequence[WrittenMeasure] = ()
    place: int = 0
    staff: str = ""
    instrument: str = ""
    channel: int = 0

    @property
    def sounds(self) -> bool:
        """Check whether it has any note."""
        return any(measure.tones for measure in self.measures)

    def keeping(self, tones: Sequence[Sequence[Tone]]) -> "Part":
        """Replace the notes, measure by measure."""
        pairs = zip(self.measures, tones, strict=True)
        return replace(self, measures=[replace(measure, tones=some) for measure, some in pairs])


@dataclass(frozen=True)
class Score:
    """Piece.

    Attributes:
        title: As printed.
        parts: From the top down.
        document: The score as MusicXML, `score-partwise`; not to be changed.
        changed: Sentences on what the reader changed or left out.
    """

    title: str
    parts: Sequence[Part] = ()
    document: Element = field(default_factory=lambda: Element("score-partwise"), compare=False, repr=False)
    changed: Sequence[str] = ()


def measure_lengths(parts: Sequence[Part], others: Sequence[Part]) -> list[Fraction]:
    """Length of each measure of a score, in sixteenths.

    A measure is as long as a wanted part fills it. If none is full, it is as long as others fill it, but for the last,
    with which the piece ends. Where all are empty it is as long as they rest, else full.

    Args:
        parts: Parts that are wanted.
        others: All parts of the score.

    >>> short = Part("Soprano", [WrittenMeasure("1", Fraction(4)), WrittenMeasure("2", Fraction(0))])
    >>> long = Part("Bass", [WrittenMeasure("1", Fraction(16))])
    >>> [int(length) for length in measure_lengths([short, long], [short, long])]
    [16, 16]
    """
    longest = max((part.measures for part in parts), key=len)
    lengths = []
    for index, measure in enumerate(longest):
        mine, theirs = (
            [part.measures[index] for part in some if index < len(part.measures)] for some in (parts, others)
        )
        wanted, written = (max((one.length for one in some), default=Fraction(0)) for some in (mine, theirs))
        if wanted >= measure.full or (index == len(longest) - 1 and wanted > 0):
            lengths.append(wanted)
        else:
            rested = max((one.rested for one in (*mine, *theirs)), default=Fraction(0))
            lengths.append(min(max(wanted, written) or rested or measure.full, measure.full))
    return lengths
