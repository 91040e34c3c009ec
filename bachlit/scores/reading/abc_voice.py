"""A voice of ABC: its fields, and the notes read so far."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from bachlit.music.chorale import TimeSignature
from bachlit.music.keys import FIFTHS, STEPS, alteration
from bachlit.scores.reading.limits import MAX_DIGITS, MAX_DIVISOR, MAX_FRAMES
from bachlit.scores.reading.score import COMMON_TIME, Part, Signature, Tone, WrittenMeasure

_ACCIDENTALS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
_MODES = {"maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5, "lyd": 1}
_KEY = re.compile(r"(?P<tonic>[A-G])(?P<alter>[#b]?) *(?P<mode>[A-Za-z]*)(?![=\w])|(?P<pipes>H[Pp])\b|none\b|$")
_CLEF = re.compile(r"\w+=|treble|alto|tenor|bass|perc|[\^_=+]")


@dataclass
class Voice(Part):
    """Part that is being read."""

    drums: bool = False
    altered: dict[str, int] = field(default_factory=dict)  # semitones per step, by the key signature
    metre: TimeSignature = COMMON_TIME
    unit: Fraction | None = None  # unit length in sixteenths; None until the head ends
    higher: int = 0  # semitones from written to sounding pitch
    barred: bool = False
    total: Fraction = Fraction(0)  # sixteenths before the measure
    now: Fraction = Fraction(0)  # in the measure
    tones: list[Tone] = field(default_factory=list)  # of the measure
    accidentals: dict[str, int] = field(default_factory=dict)  # per step, in force up to the bar line
    last: Mapping[str, int] = field(default_factory=dict)  # pitches of the last notes, by spelling
    tied: Mapping[str, int] = field(default_factory=dict)  # those of them that are tied
    fermata: bool = False  # over the next note
    broken: Fraction = Fraction(1)  # factor of the next note's length
    tuplet: tuple[int, Fraction] = (0, Fraction(1))  # remaining notes, and their factor
    overlaid: bool = False  # after &, up to the bar line: an overlaid voice
    lost: bool = False  # an overlaid voice was left out

    def set_key(self, content: str) -> None:
        """Apply a field K: a tonic with its mode, pipes or none; single accidentals; a clef.

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
                fifths = FIFTHS.index(key["tonic"]) - 1 + {"#": 7, "b": -7, "": 0}[key["alter"]] + _MODES.get(mode, 0)
            if not self.measures and not self.now:
                self.signatures.clear()  # before the first note, the last field holds
            if key["tonic"] or key["pipes"]:
                names = {"m": "minor", "min": "minor", "aeo": "minor"} | dict.fromkeys(_MODES.keys() - {"maj", "ion"})
                self.signatures.append(Signature(fifths, None if key["pipes"] else names.get(mode, "major")))
            self.altered = {step: alteration(step, fifths) for step in FIFTHS}
        elif not _CLEF.match(content):
            raise ValueError(f"its key is {content[:20]!r}")
        if re.search(r"\bexp\b", content):
            self.altered = {}
        for accidental, step in re.findall(r"(?:^|\s)(\^\^|__|[\^_=])([A-Ga-g])\b", content):
            self.altered[step.upper()] = _ACCIDENTALS[accidental]

    def set_clef(self, content: str) -> None:
        """Apply a clef or transposition, and note percussion."""
        octaves = re.search(r"\boctave=([+-]?\d)\b", content)
        semitones = re.search(r"\btranspose=([+-]?\d{1,2})\b", content)
        clef = re.search(r"\b(?:treble|alto|tenor|bass)\d?([+-])(8|15)\b", content)
        if octaves or semitones or clef:
            self.higher = 12 * int(octaves[1] if octaves else 0) + int(semitones[1] if semitones else 0)
            if clef:
                self.higher += int(f"{clef[1]}12") * (2 if clef[2] == "15" else 1)
        self.drums |= re.search(r"\bperc\b", content) is not None

    def set_metre(self, content: str) -> None:
        """Apply a field M:; `none` changes nothing."""
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
        """Apply a field L:."""
        written = re.fullmatch(r"(\d+)(?: */ *(\d+))?", content)
        parts = (number(written[1]), number(written[2] or "1")) if written else (0, 0)
        if 0 in parts:
            raise ValueError(f"its length of notes is {content[:20]!r}")
        self.unit = Fraction(16 * parts[0], parts[1])

    def usual_unit(self) -> Fraction:
        """Default unit length: an eighth, or a sixteenth in measures below 3/4."""
        return Fraction(1 if self.metres and Fraction(*self.metre) < Fraction(3, 4) else 2)

    def pitch(self, accidental: str | None, letter: str, octaves: str) -> tuple[str, int]:
        """Spelling of a note without its accidental, and its MIDI pitch."""
        step = letter.upper()
        octave = 5 + letter.islower() + octaves.count("'") - octaves.count(",")
        written = f"{step}{octave}"
        if accidental:
            self.accidentals[step] = _ACCIDENTALS[accidental]
        elif written in self.tied:
            return written, self.tied[written]  # a tie carries the accidental over the bar line
        return written, 12 * octave + STEPS[step] + self.accidentals.get(step, self.altered.get(step, 0))

    def sound(self, pitches: Mapping[str, int], length: Fraction, *, tied: Mapping[str, int], broken: str) -> None:
        """Add simultaneous notes, or a rest if there are none.

        Args:
            pitches: MIDI pitches by spelling.
            length: In unit lengths.
            tied: Those of them tied to the next note.
            broken: Broken rhythm sign before the next note: > lengthens these by half and halves the next, < the
                other way round.
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
        """Rest for some measures."""
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

    def finish(self) -> None:
        """Number the measures. An incomplete first one has the number 0; without bar lines there are no numbers."""
        self.end_measure()
        first = 0 if len(self.measures) > 1 and self.measures[0].length < self.measures[0].full else 1
        self.measures = [
            replace(measure, number=str(place) if self.barred else None)
            for place, measure in enumerate(self.measures, start=first)
        ]


def number(text: str) -> int:
    """Read a number of few digits; an empty text is 0."""
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number in its music has more than {MAX_DIGITS} digits")
    return int(text or "0")
