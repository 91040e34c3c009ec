"""A voice of ABC while it is read: what its fields say, and the notes that they decide."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from bachlit.music.chorale import TimeSignature
from bachlit.scores.reading.limits import MAX_DIGITS, MAX_DIVISOR, MAX_FRAMES
from bachlit.scores.reading.score import COMMON_TIME, Part, Signature, Tone, WrittenMeasure

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS = "FCGDAEB"
ACCIDENTALS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
_MODES = {"maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5, "lyd": 1}
_KEY = re.compile(r"(?P<tonic>[A-G])(?P<alter>[#b]?) *(?P<mode>[A-Za-z]*)(?![=\w])|(?P<pipes>H[Pp])\b|none\b|$")
_CLEF = re.compile(r"\w+=|treble|alto|tenor|bass|perc|[\^_=+]")


@dataclass
class Voice:
    """A voice as far as it is read."""

    name: str = ""
    drums: bool = False
    altered: dict[str, int] = field(default_factory=dict)  # semitones of each step, by the key signature
    metre: TimeSignature = COMMON_TIME
    unit: Fraction | None = None  # sixteenths of a note without a length; None until the head ends
    higher: int = 0  # semitones that it sounds above what is written
    metres: list[TimeSignature] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    measures: list[WrittenMeasure] = field(default_factory=list)
    barred: bool = False
    repeats: bool = False
    chord_symbols: int = 0
    graces: int = 0
    words: bool = False
    total: Fraction = Fraction(0)  # sixteenths up to the measure
    now: Fraction = Fraction(0)  # in the measure
    tones: list[Tone] = field(default_factory=list)  # of the measure
    accidentals: dict[str, int] = field(default_factory=dict)  # of each step, in force up to the bar line
    last: Mapping[str, int] = field(default_factory=dict)  # the last notes' pitches, by how they are written
    tied: Mapping[str, int] = field(default_factory=dict)  # those of them that go on
    fermata: bool = False  # stands over the next note
    broken: Fraction = Fraction(1)  # what the next note's length is multiplied by
    tuplet: tuple[int, Fraction] = (0, Fraction(1))  # for how many notes more, and by what
    overlaid: bool = False  # what comes up to the bar line sounds with what was there
    lost: bool = False  # something was overlaid

    def set_key(self, content: str) -> None:
        """Do as a field K: says: a tonic with its mode, pipes or none; single accidentals; a clef.

        >>> voice = Voice()
        >>> voice.set_key("Ador ^g clef=treble")
        >>> voice.signatures, voice.altered
        ([Signature(fifths=1, mode=None)], {'F': 1, 'C': 0, 'G': 1, 'D': 0, 'A': 0, 'E': 0, 'B': 0})
        """
        self.set_clef(content)
        key = _KEY.match(content)
        if key is not None:
            mode = (key["mode"] or "").lower()[:3]
            fifths = 2 if key["pipes"] else 0
            if key["tonic"]:
                fifths = _FIFTHS.index(key["tonic"]) - 1 + {"#": 7, "b": -7, "": 0}[key["alter"]] + _MODES.get(mode, 0)
            if not self.measures and not self.now:
                self.signatures.clear()  # before the first note, the last field holds
            if key["tonic"] or key["pipes"]:
                names = {"m": "minor", "min": "minor", "aeo": "minor"} | dict.fromkeys(_MODES.keys() - {"maj", "ion"})
                self.signatures.append(Signature(fifths, None if key["pipes"] else names.get(mode, "major")))
            self.altered = {step: (fifths - place + 6) // 7 for place, step in enumerate(_FIFTHS)}
        elif not _CLEF.match(content):
            raise ValueError(f"its key is {content[:20]!r}")
        if re.search(r"\bexp\b", content):
            self.altered = {}
        for accidental, step in re.findall(r"(?:^|\s)(\^\^|__|[\^_=])([A-Ga-g])\b", content):
            self.altered[step.upper()] = ACCIDENTALS[accidental]

    def set_clef(self, content: str) -> None:
        """Take from a field how much higher the voice sounds than it is written, and whether it is one of drums."""
        octaves = re.search(r"\boctave=([+-]?\d)\b", content)
        semitones = re.search(r"\btranspose=([+-]?\d{1,2})\b", content)
        clef = re.search(r"\b(?:treble|alto|tenor|bass)\d?([+-])(8|15)\b", content)
        if octaves or semitones or clef:
            self.higher = 12 * int(octaves[1] if octaves else 0) + int(semitones[1] if semitones else 0)
            if clef:
                self.higher += int(f"{clef[1]}12") * (2 if clef[2] == "15" else 1)
        self.drums |= re.search(r"\bperc\b", content) is not None

    def set_metre(self, content: str) -> None:
        """Do as a field M: says; none leaves it."""
        common = {"C": (4, 4), "C|": (2, 2)}.get(content)
        written = re.match(r"\(?(\d[\d+]*)\)? */ *(\d+)", content)
        if written is not None:
            common = sum(number(beats) for beats in written[1].split("+")), number(written[2])
        if common is None:
            return
        if 0 in common:
            raise ValueError("a time signature of it has no beats")
        if not self.measures and not self.now:
            self.metres.clear()
        self.metre = common
        self.metres.append(common)

    def set_unit(self, content: str) -> None:
        """Do as a field L: says."""
        written = re.fullmatch(r"(\d+)(?: */ *(\d+))?", content)
        parts = (number(written[1]), number(written[2] or "1")) if written else (0, 0)
        if 0 in parts:
            raise ValueError(f"its length of notes is {content[:20]!r}")
        self.unit = Fraction(16 * parts[0], parts[1])

    def usual_unit(self) -> Fraction:
        """Sixteenths of a note where no field says: an eighth, or a sixteenth in measures of less than 3/4."""
        return Fraction(1 if self.metres and Fraction(*self.metre) < Fraction(3, 4) else 2)

    def pitch(self, accidental: str | None, letter: str, octaves: str) -> tuple[str, int]:
        """A note as it is written, without its accidental, and its MIDI pitch."""
        step = letter.upper()
        octave = 5 + letter.islower() + octaves.count("'") - octaves.count(",")
        written = f"{step}{octave}"
        if accidental:
            self.accidentals[step] = ACCIDENTALS[accidental]
        elif written in self.tied:
            return written, self.tied[written]  # an accidental holds on over the bar line
        return written, 12 * octave + _STEPS[step] + self.accidentals.get(step, self.altered.get(step, 0))

    def sound(self, pitches: Mapping[str, int], length: Fraction, *, tied: Mapping[str, int], broken: str) -> None:
        """Let notes sound at once, or none for a rest.

        Args:
            pitches: MIDI pitches, by how they are written.
            length: In units.
            tied: Those of them that go on in the next.
            broken: What stands between them and the next: > where they last half as long again, and those half as
                long; < the other way round.
        """
        shorter = Fraction(1, 2 ** len(broken))
        own, following = (shorter, 2 - shorter) if "<" in broken else (2 - shorter, shorter)
        length *= self.broken * own * (self.unit or self.usual_unit())
        self.broken = following
        left, ratio = self.tuplet
        if left:
            length *= ratio
            self.tuplet = left - 1, ratio
        for written, pitch in sorted(pitches.items(), key=lambda item: -item[1]):
            goes_on = self.tied.get(written) == pitch
            self.tones.append(Tone(self.now, length, pitch + self.higher, goes_on, self.fermata))
        self.fermata = False
        self.last, self.tied = pitches, tied
        self._go_on(length)

    def rest_for_measures(self, num: int) -> None:
        """Rest for so many measures."""
        for _ in range(num):
            self._go_on(Fraction(16 * self.metre[0], self.metre[1]))
            self.end_measure()

    def _go_on(self, length: Fraction) -> None:
        self.now += length
        if self.total + self.now > MAX_FRAMES:
            raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
        if self.now.denominator > MAX_DIVISOR:
            raise ValueError("it divides quarters in too many ways")

    def end_measure(self) -> None:
        """Begin a new measure, unless this one is empty."""
        self.accidentals, self.overlaid = {}, False
        if self.now:
            self.measures.append(WrittenMeasure("", self.now, self.tones, self.metre))
            self.total += self.now
            self.now, self.tones = Fraction(0), []

    def part(self) -> Part:
        """What was read. A first measure that isn't full has the number 0; without bar lines, there are no numbers."""
        self.end_measure()
        first = 0 if len(self.measures) > 1 and self.measures[0].length < self.measures[0].full else 1
        return Part(
            name=self.name,
            measures=[
                replace(measure, number=str(place) if self.barred else None)
                for place, measure in enumerate(self.measures, start=first)
            ],
            metres=self.metres,
            signatures=self.signatures,
            repeats=self.repeats,
            chord_symbols=self.chord_symbols,
            graces=self.graces,
            words=self.words,
        )


def number(text: str) -> int:
    """A number of few digits; none is 0."""
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number in its music has more than {MAX_DIGITS} digits")
    return int(text or "0")
