"""Bars of ABC: notes, rests, signs, changes of key and metre, and the bar lines.

Lengths and times are fractions of a whole note.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element

from bachlit.scores.reading.abc.fields import Clef, KeyField, Metre
from bachlit.scores.reading.abc.words import Lyric


@dataclass(slots=True)
class Head:
    """Note head: spelling, the accidental if one is shown, and ties."""

    step: str
    octave: int
    alter: int
    shown: bool = False
    tied_back: bool = False
    tied_on: bool = False


@dataclass(slots=True)
class Sound:
    """Note, chord or rest.

    Attributes:
        written: Length as drawn.
        length: Time that it takes; 0 for a grace note.
        heads: Of a note or chord, the lowest first; none of a rest.
        ratio: Notes of a tuplet (actual, normal).
        joined: Follows the sound before without a space: short values share beams.
        grace: Is a grace note.
        slashed: Has a slash, as a grace note.
        hidden: Is a rest that isn't drawn.
        fills: Is a rest of a whole measure.
        unpitched: Belongs to percussion.
        tuplet: Brackets that "start" or "stop" here.
        slurs: (number, "start" or "stop", dotted).
        marks: Writers into `<notations>`.
        words: Syllables by verse.
    """

    written: Fraction
    length: Fraction
    heads: list[Head] = field(default_factory=list)
    ratio: tuple[int, int] = (1, 1)
    joined: bool = False
    grace: bool = False
    slashed: bool = False
    hidden: bool = False
    fills: bool = False
    unpitched: bool = False
    bar: int = 0
    tuplet: list[str] = field(default_factory=list)
    slurs: list[tuple[int, str, bool]] = field(default_factory=list)
    marks: list[Callable[[Element], None]] = field(default_factory=list)
    words: dict[int, Lyric] = field(default_factory=dict)


@dataclass
class Change:
    """Key, metre and clef that begin at a place; None for what stays."""

    key: KeyField | None = None
    metre: Metre | None = None
    clef: Clef | None = None


Item = Sound | Change | Element


@dataclass
class BarLine:
    """Bar line: its style in MusicXML (empty if regular), and plays of a repeated passage (0 if none)."""

    style: str = ""
    plays: int = 0


@dataclass
class Bar:
    """Bar: all that stands between two bar lines.

    Attributes:
        layers: Items of the voice, and of those laid over it.
        length: Of the longest layer.
        metre: The metre at its last note.
        left, right: Bar lines; a passage repeats from left and to right.
        ending: Passes on which the ending plays that begins here; empty if none begins.
        ending_text: The ending's text if it isn't its number.
        ends: "stop" or "discontinue" if an ending ends here.
    """

    layers: list[list[Item]]
    length: Fraction
    metre: Metre
    left: BarLine = field(default_factory=BarLine)
    right: BarLine = field(default_factory=BarLine)
    ending: str = ""
    ending_text: str = ""
    ends: str = ""

    @property
    def full(self) -> Fraction | None:
        """Length of a full measure; None without metre."""
        return self.metre.length


def read_bar_line(text: str) -> tuple[BarLine, int]:
    """Read a bar line, and the plays of the passage that begins at it (0 if none does).

    >>> read_bar_line(":|"), read_bar_line("|::"), read_bar_line("::")[0].plays
    ((BarLine(style='light-heavy', plays=2), 0), (BarLine(style='', plays=0), 3), 2)
    """
    before = len(text) - len(text.lstrip(":"))
    after = len(text) - len(text.rstrip(":"))
    if before == len(text):  # ::
        before = after = max(1, before // 2)
    bars = text.strip(":")
    if "[|]" in bars:
        style = "none"
    elif before or bars.endswith("|]"):
        style = "light-heavy"
    elif bars.startswith("[|"):
        style = "heavy-light"
    elif "||" in bars:
        style = "light-light"
    else:
        style = "dotted" if text.startswith(".") else ""
    if after and style in ("heavy-light", "light-light"):
        style = ""  # it is drawn where the next passage begins
    return BarLine(style, min(before, 8) + 1 if before else 0), min(after, 8) + 1 if after else 0


def read_passes(text: str) -> str:
    """Read the passes of an ending, or [ if a text follows.

    >>> read_passes("[1,3-5"), read_passes(" 2"), read_passes("[")
    ('1, 3, 4, 5', '2', '[')
    """
    text = text.strip()
    if text in ("", "["):
        return text
    passes: list[int] = []
    for term in text.removeprefix("[").split(","):
        first, _, last = (part[:2] for part in term.strip("-").partition("-"))
        if first.isdecimal():
            passes.extend(range(int(first), max(int(first), int(last or "0")) + 1))
    return ", ".join(str(one) for one in sorted({one for one in passes if one}))
