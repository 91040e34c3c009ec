"""ABC -> parts, one per voice, by the standard 2.1 (abcnotation.com/wiki/abc:standard:v2.1).

Music21's reader isn't used because it misreads common ABC: without a version field an accidental holds for one note
instead of its measure, inline fields such as [K:D] are ignored, and returning voices are joined or cut off.
"""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from bachlit.scores.reading.abc_voice import Voice, number
from bachlit.scores.reading.limits import MAX_DIGITS, MAX_STAVES, MAX_TEXT
from bachlit.scores.reading.score import JUMP, Score

# A field on a line of its own. G:| isn't one, but a note before a repeat sign.
_FIELD = re.compile(r"([A-Za-z+]):(?![|:])(.*)")
_TOKEN = re.compile(
    r"""
      (?P<text>"(?P<words>[^"]*)"?)
    | (?P<mark>!(?P<name>[^!|]*)! | \+(?P<old_name>[a-z.]{4,})\+)
    | (?P<field>\[(?P<letter>[A-Za-z]):(?P<content>[^]]*)]?)
    | (?P<bar>(?P<line>(?:\[\||:{0,2}\||::)[|:\]]*)(?P<ending>\[?\d|\[(?="))? | (?P<lone_ending>\[\d))
    | (?P<tuplet>\((?P<notes>\d)(?::(?P<time>\d?))?(?::(?P<following>\d?))?)
    | (?P<sound>
        (?:(?P<accidental>\^\^|__|[\^_=])?(?P<step>[A-Ga-g])(?P<octaves>[,']*) | (?P<rest>[zx]) | (?P<end>]))
        (?P<length>\d*/*\d*)(?P<tie>-?)(?:\ *(?P<broken><{1,3}|>{1,3}))?
      )
    | (?P<silence>[ZX](?P<num>\d*))
    | (?P<fault>[\^_](?P<quarter_tone>\d*/)?)
    | (?P<sign>[\[{}&H-])
    """,
    re.VERBOSE,
)
_TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # p notes in the time of q; for others the metre decides


@dataclass
class _TuneReading:
    """State while reading a tune."""

    head: Voice = field(default_factory=Voice)  # fields of the tune's head, valid for all voices
    title: str = ""
    voices: dict[str, Voice] = field(default_factory=dict)
    voice: Voice = field(default_factory=Voice)  # the current voice; the head until it ends
    begun: bool = False  # a voice was named or has notes: fields now hold for it alone
    grace: bool = False
    chord: dict[str, int] | None = None  # notes of an open chord, by their spelling
    chord_length: Fraction = Fraction(1)
    chord_tied: dict[str, int] = field(default_factory=dict)  # those of them that are tied

    def __post_init__(self) -> None:
        self.voice = self.head


def num_tunes(text: str) -> int:
    """Count the tunes of a file in ABC."""
    return len(re.findall(r"^X:", text, re.MULTILINE))


def read_abc(text: str) -> Score:
    r"""Read a tune in ABC.

    Raises:
        ValueError: If it isn't a tune, is too large, or a number in it isn't possible.

    >>> [part] = read_abc("X:1\nL:1/4\nK:G\n^c2 c F-|[K:C]F4|").parts
    >>> [(measure.number, [tone.pitch for tone in measure.tones]) for measure in part.measures]
    [('1', [73, 73, 66]), ('2', [66])]
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} characters")
    reading = _TuneReading()
    for letter, content in _lines(text):
        if letter:
            _read_field(letter, content, reading)
        elif reading.voice is not reading.head:
            reading.begun = True
            _read_line(content, reading)
    if reading.voice is reading.head:
        raise ValueError("it has no line K:, after which a tune begins")
    voices = reading.voices.values()
    for voice in voices:
        voice.finish()
    lost = "what is laid over a voice with & is left out." if any(voice.lost for voice in voices) else ""
    return Score(reading.title, [voice for voice in voices if not voice.drums], lost)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a tune without comments: (letter, content) of a field, or ("", music)."""
    begun = within = False  # within a block of text
    for line in text.splitlines():
        if re.match(r"%%(begin|end)", line):
            within = line.startswith("%%begin")
        if within:
            continue
        written = re.sub(r"(?<!\\)%.*", "", line).strip()
        found = _FIELD.match(written)
        if found:
            yield found[1], found[2].strip()
        elif written:
            begun = True
            yield "", written
        elif begun and not line.strip():
            return  # an empty line ends a tune


def _read_field(letter: str, content: str, reading: _TuneReading) -> None:
    """Apply a field, on its own line or inline; most don't concern the notes."""
    in_head = reading.voice is reading.head
    if letter == "V":
        voice = _voice(content, reading)
        reading.voice = reading.head if in_head else voice
        reading.begun = not in_head
    elif letter == "T" and in_head:
        reading.title = reading.title or content
    elif letter == "w":
        reading.voice.left_out["word"] += 1
    elif letter == "P" and in_head:
        reading.head.repeats |= re.search(r"([A-Za-z]).*\1|\d|\(", content) is not None
    elif letter in ("K", "L", "M"):
        for voice in [reading.voice] if in_head or reading.begun else [reading.head, *reading.voices.values()]:
            {"K": voice.set_key, "L": voice.set_unit, "M": voice.set_metre}[letter](content)
        if letter == "K" and in_head:
            _end_head(reading)


def _voice(content: str, reading: _TuneReading) -> Voice:
    """Return the voice that a field V: names by its first word."""
    word = (content.split() or [""])[0]
    if word not in reading.voices:
        if len(reading.voices) == MAX_STAVES:
            raise ValueError(f"it has more than {MAX_STAVES} voices")
        reading.voices[word] = copy.deepcopy(reading.head)
        reading.voices[word].name = "" if word.isdecimal() else word
    voice = reading.voices[word]
    name = re.search(r'\b(?:name|nm)="([^"]*)"', content)
    voice.name = name[1].strip() if name else voice.name
    voice.set_clef(content)
    return voice


def _end_head(reading: _TuneReading) -> None:
    """Apply the head's fields to the voices it names, and go on with the first."""
    head = reading.head
    head.unit = head.unit or head.usual_unit()
    named, reading.voices = reading.voices, {}
    for word, voice in named.items():
        reading.voices[word] = copy.deepcopy(head)
        reading.voices[word].name = voice.name
        reading.voices[word].higher = voice.higher or head.higher
        reading.voices[word].drums = voice.drums or head.drums
    reading.voice = next(iter(reading.voices.values()), None) or _voice("", reading)


def _read_line(line: str, reading: _TuneReading) -> None:
    """Read a line of music."""
    for token in _TOKEN.finditer(line):
        kind = token.lastgroup or ""
        if kind in ("text", "mark", "field", "bar") or not (reading.grace or reading.voice.overlaid):
            _READERS[kind](token, reading)
        elif token["sign"] == "}":
            reading.grace = False
        elif reading.grace and token["step"]:
            reading.voice.left_out["grace note"] += 1
    reading.grace = False
    if reading.chord is not None:
        raise ValueError(f"a chord of it has no end: {line[:40]}")


def _read_text(token: re.Match[str], reading: _TuneReading) -> None:
    reading.voice.left_out["chord symbol"] += re.match(r"[A-G]", token["words"]) is not None
    reading.voice.repeats |= JUMP.search(token["words"]) is not None


def _read_mark(token: re.Match[str], reading: _TuneReading) -> None:
    name = token["name"] or token["old_name"] or ""
    reading.voice.fermata |= name == "fermata"
    reading.voice.repeats |= JUMP.search(name) is not None


def _read_bar(token: re.Match[str], reading: _TuneReading) -> None:
    if reading.chord is not None:
        raise ValueError(f"a chord of it has no end: {token.string[:40]}")
    reading.voice.end_measure()
    reading.voice.barred = True
    reading.voice.repeats |= ":" in (token["line"] or "") or bool(token["ending"] or token["lone_ending"])


def _read_tuplet(token: re.Match[str], reading: _TuneReading) -> None:
    notes = int(token["notes"])
    beats, unit = reading.voice.metre
    time = int(token["time"] or _TUPLETS.get(notes, 3 if unit == 8 and beats in (6, 9, 12) else 2))
    if 0 in (notes, time):
        raise ValueError("a tuplet of it has no notes")
    reading.voice.tuplet = int(token["following"] or notes), Fraction(time, notes)


def _read_sound(token: re.Match[str], reading: _TuneReading) -> None:
    """Read a note, a rest, or the end of a chord."""
    length, pitches = _length(token["length"]), {}
    if token["step"]:
        written, pitch = reading.voice.pitch(token["accidental"], token["step"], token["octaves"])
        pitches = {written: pitch}
    tied = pitches if token["tie"] else {}
    if reading.chord is not None and not token["end"]:
        reading.chord_length = reading.chord_length if reading.chord else length
        reading.chord |= pitches
        reading.chord_tied |= tied
        return
    if token["end"]:
        pitches, reading.chord = reading.chord or {}, None
        tied = pitches if token["tie"] else reading.chord_tied
        length *= reading.chord_length
        if not pitches:
            return
    reading.voice.sound(pitches, length, tied=tied, broken=token["broken"] or "")


def _read_silence(token: re.Match[str], reading: _TuneReading) -> None:
    reading.voice.rest_for_measures(number(token["num"] or "1"))


def _refuse(token: re.Match[str], reading: _TuneReading) -> None:
    why = "it has quarter tones" if token["quarter_tone"] else "an accidental of it stands before no note"
    raise ValueError(f"{why}: {token.string[:40]}")


def _read_sign(token: re.Match[str], reading: _TuneReading) -> None:
    voice = reading.voice
    if token["sign"] == "[":
        reading.chord, reading.chord_tied = {}, {}
    elif token["sign"] == "{":
        reading.grace = True
    elif token["sign"] == "&":
        voice.overlaid = voice.lost = True
    elif token["sign"] == "H":
        voice.fermata = True
    elif token["sign"] == "-":
        voice.tied = voice.last


_READERS: dict[str, Callable[[re.Match[str], _TuneReading], None]] = {
    "text": _read_text,
    "mark": _read_mark,
    "field": lambda token, reading: _read_field(token["letter"], token["content"].strip(), reading),
    "bar": _read_bar,
    "tuplet": _read_tuplet,
    "sound": _read_sound,
    "silence": _read_silence,
    "fault": _refuse,
    "sign": _read_sign,
}


def _length(text: str) -> Fraction:
    """Factor of the unit length.

    >>> [str(_length(text)) for text in ("", "3", "/", "//", "3/2", "/4")]
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
