"""Fields of ABC as values: K: with its clef, M:, L:, Q:.

Lengths are fractions of a whole note.
"""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from bachlit.music.keys import FIFTHS, alteration
from bachlit.scores.reading.limits import MAX_DIGITS

ACCIDENTALS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
# Fifths from the major key of the same tonic, and the mode's name, by its first letters.
_MODES = {
    "": (0, "major"), "maj": (0, "major"), "ion": (0, "major"), "mix": (-1, "mixolydian"), "dor": (-2, "dorian"),
    "m": (-3, "minor"), "min": (-3, "minor"), "aeo": (-3, "aeolian"), "phr": (-4, "phrygian"), "loc": (-5, "locrian"),
    "lyd": (1, "lydian"),
}  # fmt: skip
_KEY = re.compile(r"(?P<pipes>H[Pp])\b|(?P<tonic>[A-H])(?P<alter>[#b]?) *(?P<mode>[A-Za-z]*)(?![=\w])|none\b|$")
_CLEFS = {
    "treble": ("G", 2), "alto": ("C", 3), "tenor": ("C", 4), "bass": ("F", 4), "perc": ("percussion", 3),
    "G": ("G", 2), "C": ("C", 3), "F": ("F", 4), "none": ("none", 3),
}  # fmt: skip
_CLEF = re.compile(
    r"""(?:^|\s|clef=["']?)
    (?:(?P<name>treble|alto|tenor|bass|perc)(?P<line>\d?)|(?<==)(?P<sign>[GCF]|none)(?P<sign_line>[1-5]?))
    (?P<octave>[+-](?:8|15))?(?![\w=])""",
    re.VERBOSE,
)
_PROPERTY = re.compile(r"\w+=|[\^_=+]")
_ON_CLEF = {"G": 4, "C": 0, "F": -4}  # note on the clef's own line, as diatonic steps from C4


@dataclass(frozen=True)
class KeyField:
    """Key: signature, mode and the semitones by which each step is altered.

    Attributes:
        fifths: Sharps if positive, flats if negative; None without key (K:none).
        mode: Its name; empty if none is written.
        altered: Semitones per step: by the signature and the field's own accidentals.
    """

    fifths: int | None = None
    mode: str = ""
    altered: dict[str, int] = field(default_factory=dict)


class Metre(NamedTuple):
    """Time signature as written: beats (may be a sum), beat type, symbol; no beats if there is no metre."""

    beats: str = ""
    beat_type: int = 4
    symbol: str = ""

    @property
    def length(self) -> Fraction | None:
        """Length of a measure; None without metre."""
        return Fraction(sum(int(term) for term in self.beats.split("+")), self.beat_type) if self.beats else None


@dataclass(frozen=True)
class Clef:
    """Clef, and how far notes lie from those written in ABC.

    Attributes:
        sign: G, C, F, percussion or none.
        line: Of the staff, from below.
        octave: Octaves between the clef and its plain form: -1 for treble-8.
        octaves: Octaves by which `octave=` raises all notes.
        semitones: By which `transpose=` raises the sound.
        middle: Note on the middle line, as diatonic steps from C4; None for the clef's own.
    """

    sign: str = "G"
    line: int = 2
    octave: int = 0
    octaves: int = 0
    semitones: int = 0
    middle: int | None = None

    @property
    def higher(self) -> int:
        """Octaves from the notes of ABC to those on the staff."""
        shift = self.octave + self.octaves
        if self.middle is not None:
            usual = _ON_CLEF.get(self.sign, 6) + 2 * (3 - self.line)
            shift += round((usual - self.middle) / 7)
        return shift

    @property
    def transposition(self) -> int:
        """Semitones from the notes on the staff to the sound."""
        return 12 * (self.octave + self.octaves - self.higher) + self.semitones


class Tempo(NamedTuple):
    """Tempo: beat (0 if only words), beats per minute, words."""

    beat: Fraction
    rate: Fraction
    words: str


def read_key(content: str, before: KeyField) -> KeyField:
    """Read a field K:, after the key that was in force (it stays if the field has only a clef).

    Raises:
        ValueError: If it isn't a key.

    >>> key = read_key("Ador ^g clef=treble", KeyField())
    >>> key.fifths, key.mode, key.altered
    (1, 'dorian', {'F': 1, 'C': 0, 'G': 1, 'D': 0, 'A': 0, 'E': 0, 'B': 0})
    >>> read_key("D exp ^f =c", KeyField()).mode
    'mixolydian'
    """
    key = _KEY.match(content)
    if key is None:
        if not (_PROPERTY.match(content) or _CLEF.match(content)):
            raise ValueError(f"its key is {content[:20]!r}")
        return _with_accidentals(content, before, before.altered, None)
    if key["pipes"]:
        return KeyField(2, "", _signature(2))
    if not key["tonic"]:
        return _with_accidentals(content, KeyField(), {}, None)
    fifths, mode = _MODES.get((key["mode"] or "").lower()[:3], _MODES[""])
    step = key["tonic"].replace("H", "B")  # as in German
    tonic = FIFTHS.index(step) - 1 + {"#": 7, "b": -7, "": 0}[key["alter"]]
    usual = KeyField(tonic + fifths, mode, _signature(tonic + fifths))
    explicit = re.search(r"\bexp\b", content) is not None
    return _with_accidentals(content, usual, _signature(0) if explicit else usual.altered, tonic)


def _with_accidentals(content: str, key: KeyField, altered: dict[str, int], tonic: int | None) -> KeyField:
    """Alter steps by a key's own accidentals; the signature follows if there is one of these accidentals.

    Args:
        content: Of the field.
        key: Its key without them.
        altered: Semitones per step before.
        tonic: On the line of fifths, C = 0; None without one.
    """
    own = re.findall(r"(?:^|\s)(\^\^|__|[\^_=])([A-Ga-g])(?=[\s\^_=]|$)", content)
    altered = altered | {step.upper(): ACCIDENTALS[accidental] for accidental, step in own}
    if altered == key.altered:
        return key
    fifths, mode = key.fifths, key.mode
    for other in range(-7, 8):
        if _signature(other) == _signature(0) | altered:
            modes = {above: name for above, name in _MODES.values() if name != "aeolian"}
            fifths, mode = other, modes.get(other - tonic, "") if tonic is not None else ""
    return KeyField(fifths, mode, altered)


def _signature(fifths: int) -> dict[str, int]:
    return {step: alteration(step, fifths) for step in FIFTHS}


def read_clef(content: str, before: Clef) -> Clef:
    """Read the clef in a field K: or V: (without its first word), after the one that was in force.

    >>> read_clef("clef=treble-8", Clef())
    Clef(sign='G', line=2, octave=-1, octaves=0, semitones=0, middle=None)
    >>> clef = read_clef("bass middle=d transpose=-24", Clef())
    >>> clef.higher, clef.transposition
    (-2, 0)
    """
    content = re.sub(r'\b\w+="[^"]*"?', lambda found: found[0] if found[0].startswith("clef=") else "", content)
    clef = before
    if found := _CLEF.search(content):
        sign, line = _CLEFS[found["name"] or found["sign"]]
        written = found["line"] or found["sign_line"]
        line = int(written) if written in ("1", "2", "3", "4", "5") else line
        octave = int(f"{found['octave'][0]}{2 if found['octave'][1:] == '15' else 1}") if found["octave"] else 0
        clef = replace(clef, sign=sign, line=line, octave=octave, middle=None)
    if octaves := re.search(r"\boctave=([+-]?\d)\b", content):
        clef = replace(clef, octaves=int(octaves[1]))
    if semitones := re.search(r"\btranspose=([+-]?\d{1,2})\b", content):
        clef = replace(clef, semitones=int(semitones[1]))
    if middle := re.search(r"\b(?:middle|m)=([A-Ga-g])([,']{0,9})", content):
        octave = 7 * (middle[1].islower() + middle[2].count("'") - middle[2].count(","))
        clef = replace(clef, middle="CDEFGAB".index(middle[1].upper()) + octave)
    return clef


def read_metre(content: str) -> Metre | None:
    """Read a field M:; None if it isn't a metre.

    Raises:
        ValueError: If it has no beats, or a number of too many digits.

    >>> read_metre("C|"), read_metre("(2+3)/8")
    (Metre(beats='2', beat_type=2, symbol='cut'), Metre(beats='2+3', beat_type=8, symbol=''))
    >>> str(read_metre("(2+3)/8").length), read_metre("none").length
    ('5/8', None)
    """
    if content in ("C", "C|"):
        return Metre("4", 4, "common") if content == "C" else Metre("2", 2, "cut")
    if content == "none":
        return Metre()
    written = re.match(r"\(?(\d[\d+ ]*)\)? */ *(\d+)", content)
    if written is None:
        return None
    terms = [number(term) for term in written[1].replace(" ", "").split("+") if term]
    if 0 in (sum(terms), number(written[2])):
        raise ValueError("a time signature of it has no beats")
    return Metre("+".join(str(term) for term in terms if term), number(written[2]))


def read_unit(content: str) -> Fraction:
    """Read a field L:.

    Raises:
        ValueError: If it isn't a length.
    """
    written = re.fullmatch(r"(\d+)(?: */ *(\d+))?", content)
    parts = (number(written[1]), number(written[2] or "1")) if written else (0, 0)
    if 0 in parts:
        raise ValueError(f"its length of notes is {content[:20]!r}")
    return Fraction(*parts)


def usual_unit(metre: Metre) -> Fraction:
    """Find the unit length without a field L:, an eighth, or a sixteenth in measures below 3/4."""
    return Fraction(1, 16 if metre.length is not None and metre.length < Fraction(3, 4) else 8)


def read_tempo(content: str, unit: Fraction) -> Tempo | None:
    """Read a field Q:; None if it is neither words nor a tempo. A bare number counts unit lengths.

    >>> read_tempo('"Allegro" 3/8=60', Fraction(1, 8))
    Tempo(beat=Fraction(3, 8), rate=Fraction(60, 1), words='Allegro')
    """
    words = " ".join(re.findall(r'"([^"]*)"', content)).strip()
    rest = "".join(re.sub(r'"[^"]*"?', " ", content).split())
    found = re.fullmatch(r"(?:(?P<beats>[\d/]+|C\d?)=)?(?P<rate>\d{1,4}(?:\.\d{1,4})?)", rest)
    if found is None:
        return Tempo(Fraction(0), Fraction(0), words) if words else None
    written = found["beats"] or ""
    beats = [
        Fraction(int(above), int(below)) for above, below in re.findall(r"(\d{1,2})/(128|64|32|16|8|4|2|1)", written)
    ]
    beat = sum(beats, Fraction(0)) or unit * int(re.sub(r"\D", "", written)[:2] or "1")
    rate = Fraction(found["rate"])
    return Tempo(beat, rate, words) if beat and rate else None


def number(text: str) -> int:
    """Read a number of few digits; an empty text is 0."""
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number in its music has more than {MAX_DIGITS} digits")
    return int(text or "0")


def factor(text: str) -> Fraction:
    """Read a length as a factor of the unit length.

    >>> [str(factor(text)) for text in ("", "3", "/", "//", "3/2", "/4")]
    ['1', '3', '1/2', '1/4', '3/2', '1/4']
    """
    above, slash, below = text.partition("/")
    slashes = 1 + len(below) - len(below.lstrip("/")) if slash else 0
    if slashes > MAX_DIGITS:
        raise ValueError(f"a length of it has more than {MAX_DIGITS} slashes")
    divisor = number(below.lstrip("/")) if below.strip("/") else 2**slashes
    if not divisor:
        raise ValueError("a length of it is divided by 0")
    return Fraction(number(above or "1"), divisor)
