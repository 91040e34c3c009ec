"""ABC -> voices of a tune, by the standard 2.1 (abcnotation.com/wiki/abc:standard:v2.1).

Music21's reader isn't used because it misreads common ABC: without a version field an accidental holds for one note
instead of its measure, inline fields such as [K:D] are ignored, and returning voices are joined or cut off.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from bachlit.scores.reading.abc.bars import Head, read_bar_line, read_passes
from bachlit.scores.reading.abc.fields import (
    factor,
    number,
    read_clef,
    read_key,
    read_metre,
    read_tempo,
    read_unit,
    usual_unit,
)
from bachlit.scores.reading.abc.signs import SHORTHANDS, rehearsal, tempo_sign, text_sign, words
from bachlit.scores.reading.abc.text import plain, tune_lines
from bachlit.scores.reading.abc.voice import Voice
from bachlit.scores.reading.limits import MAX_SIGNS, MAX_STAVES

_TOKEN = re.compile(
    r"""
      (?P<text>"(?P<words>[^"]*)"?)
    | (?P<mark>!(?P<name>[^!|\s]{1,40}|D\.[CS]\.[^!|]{0,20})! | \+(?P<old_name>[a-z.]{4,40})\+)
    | (?P<field>\[(?P<letter>[A-Za-z]):(?P<content>[^]]*)]?)
    | (?P<bar>
        (?P<line>(?:\[\||\.?:{0,2}\||::)[|:\]]*)(?P<ending>\ {0,3}\[?\d[\d,-]{0,20}|\ {0,3}\[(?="))?
        | (?P<lone_ending>\[\d[\d,-]{0,20})
      )
    | (?P<tuplet>\((?P<notes>\d)(?::(?P<time>\d?))?(?::(?P<following>\d?))?)
    | (?P<sound>
        (?:(?P<accidental>\^\^|__|[\^_=])?(?P<step>[A-Ga-g])(?P<octaves>[,']*) | (?P<rest>[zx]) | (?P<end>]))
        (?P<length>\d*/*\d*)(?P<tie>(?:\.?-)?)(?:\ *(?P<broken><{1,3}|>{1,3}))?
      )
    | (?P<silence>[ZX](?P<num>\d*))
    | (?P<fault>[\^_](?P<quarter_tone>\d*/)?)
    | (?P<slur>\.?\((?!&)|\))
    | (?P<sign>[\[&-]|\{/?|\})
    | (?P<shorthand>[~.H-Wh-w])
    """,
    re.VERBOSE,
)
_TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # p notes in the time of q; for others the metre decides


@dataclass
class Tune:
    """Tune that is being read.

    Attributes:
        titles: The title, then subtitles.
        composers: Those who composed it.
        order: Order of its parts (P: in the head), such as AABB.
        head: Settings of the tune's head, valid for all voices.
        voices: By name.
    """

    titles: list[str] = field(default_factory=list)
    composers: list[str] = field(default_factory=list)
    order: str = ""
    head: Voice = field(default_factory=Voice)
    voices: dict[str, Voice] = field(default_factory=dict)
    _voice: Voice | None = None  # the current one; None in the head
    _clefs: dict[str, str] = field(default_factory=dict)  # properties of the voices that the head names
    _shorthands: dict[str, str] = field(default_factory=lambda: dict(SHORTHANDS))
    _tempo: str = ""  # field Q: of the head
    _begun: bool = False  # a voice was named or has notes: fields now hold for it alone
    _chord: dict[tuple[str, int, int], Head] | None = None  # heads of an open chord, by their spelling
    _chord_line: str = ""  # the line that it begins in
    _chord_length: Fraction | None = None
    _chord_tied: list[Head] = field(default_factory=list)
    _joined: bool = False  # no space since the last sound

    def read_field(self, letter: str, content: str) -> None:
        """Apply a field, on its own line or inline; most don't concern the notes."""
        if letter == "V":
            self._read_voice(content)
        elif letter == "U":
            shorthand = re.match(r"([~H-Wh-w]) *= *[!+]?([^!+]{1,40})", content)
            if shorthand:
                self._shorthands[shorthand[1]] = shorthand[2].strip()
        elif letter == "K":
            for voice in self._concerned():
                voice.change(key=read_key(content, voice.key), clef=read_clef(content, voice.clef))
            if self._voice is None:
                self._end_head()
        elif letter == "L":
            for voice in self._concerned():
                voice.unit = read_unit(content)
        elif letter == "M":
            for voice in self._concerned():
                voice.change(metre=read_metre(content))
        elif self._voice is None:
            self._read_heading(letter, content)
        else:
            self._read_sign(letter, content, self._voice)

    def _concerned(self) -> list[Voice]:
        """List the voices that a field holds for."""
        if self._voice is None:
            return [self.head]
        return [self._voice] if self._begun else [self.head, *self.voices.values()]

    def _read_heading(self, letter: str, content: str) -> None:
        """Read a field of the tune's head that doesn't concern the notes."""
        if letter == "T" and plain(content):
            self.titles.append(plain(content))
        elif letter == "C" and plain(content):
            self.composers.append(plain(content))
        elif letter == "P":
            self.order = plain(content)
        elif letter == "Q":
            self._tempo = content

    def _read_sign(self, letter: str, content: str, voice: Voice) -> None:
        """Read a field within the tune that stands in the score: tempo, label of a part, subtitle, words."""
        if letter == "Q":
            tempo = read_tempo(content, voice.unit or Fraction(1, 8))
            if tempo is not None:
                voice.add(tempo_sign(tempo))
        elif letter == "P" and plain(content):
            voice.add(rehearsal(plain(content)))
        elif letter == "T" and plain(content):
            voice.add(words(plain(content)))
        elif letter == "w":
            voice.sing(content)

    def _read_voice(self, content: str) -> None:
        """Go on with the voice that a field V: names by its first word."""
        word, _, properties = " ".join(content.split()).partition(" ")
        voice = self._voice_called(word)
        voice.name = _name("name|nm", properties) or voice.name
        voice.short_name = _name("subname|sname|snm", properties) or voice.short_name
        if self._voice is None:
            self._clefs[word] = f"{self._clefs.get(word, '')} {properties}"
        else:
            voice.change(clef=read_clef(properties, voice.clef))
            self._voice, self._begun = voice, True

    def _voice_called(self, word: str) -> Voice:
        if word not in self.voices:
            name = "" if word.isdecimal() else plain(word)
            first = self.voices.get("")
            if first is not None and first.is_empty:  # no voice was named before the music
                del self.voices[""]
                first.name = name
                self.voices[word] = first
                return first
            if len(self.voices) == MAX_STAVES:
                raise ValueError(f"it has more than {MAX_STAVES} voices")
            self.voices[word] = self.head.like(name)
        return self.voices[word]

    def _end_head(self) -> None:
        """Apply the head's fields to the voices it names, and go on with the first."""
        head = self.head
        head.unit = head.unit or usual_unit(head.metre)
        for word, voice in self.voices.items():
            self.voices[word] = head.like(voice.name, voice.short_name)
            self.voices[word].change(clef=read_clef(self._clefs[word], head.clef))
        self._voice = next(iter(self.voices.values()), None) or self._voice_called("")
        if self._tempo:
            self._read_sign("Q", self._tempo, self._voice)

    def read_line(self, line: str) -> None:
        """Read a line of music."""
        if self._voice is None:
            return
        self._begun, self._joined = True, False
        end = 0
        for token in _TOKEN.finditer(line):
            self._joined &= not any(letter.isspace() for letter in line[end : token.start()])
            end = token.end()
            _READERS[token.lastgroup or ""](self, self._voice, token)
        self._voice.end_grace()
        if not line.endswith("\\"):
            self._voice.end_line()

    def finish(self) -> None:
        """End what is open."""
        self._check_chord()
        for voice in self.voices.values():
            voice.finish()

    def _check_chord(self) -> None:
        """Check that no chord is open."""
        if self._chord is not None:
            raise ValueError(f"a chord of it has no end: {self._chord_line[:40]}")

    def _read_text(self, voice: Voice, token: re.Match[str]) -> None:
        sign = text_sign(token["words"])
        if sign is not None:
            voice.add(sign)

    def _read_mark(self, voice: Voice, token: re.Match[str]) -> None:
        voice.decorate(token["name"] or token["old_name"] or "")

    def _read_shorthand(self, voice: Voice, token: re.Match[str]) -> None:
        name = self._shorthands.get(token["shorthand"])
        if name:
            voice.decorate(name)

    def _read_inline_field(self, voice: Voice, token: re.Match[str]) -> None:
        self.read_field(token["letter"], token["content"].strip())

    def _read_bar(self, voice: Voice, token: re.Match[str]) -> None:
        self._check_chord()
        self._joined = False
        ending, text = read_passes(token["ending"] or token["lone_ending"] or ""), ""
        if ending == "[":  # with a text instead of a number
            text = token.string[token.end() + 1 :].partition('"')[0]
            ending = voice.next_ending()
        line, plays = read_bar_line(token["line"] or "")
        voice.end_grace()
        voice.bar_line(line, plays=plays, ending=ending, ending_text=plain(text))

    def _read_tuplet(self, voice: Voice, token: re.Match[str]) -> None:
        notes, metre = int(token["notes"]), voice.metre
        compound = metre.beat_type == 8 and metre.beats in ("6", "9", "12")
        time = int(token["time"] or _TUPLETS.get(notes, 3 if compound else 2))
        if 0 in (notes, time):
            raise ValueError("a tuplet of it has no notes")
        voice.begin_tuplet(notes, time, int(token["following"] or notes))

    def _read_sound(self, voice: Voice, token: re.Match[str]) -> None:
        """Read a note, a rest, or the end of a chord."""
        length = factor(token["length"])
        heads = [voice.head(token["accidental"], token["step"], token["octaves"])] if token["step"] else []
        tied = heads if token["tie"] else []
        if self._chord is not None and not token["end"]:
            self._chord_length = self._chord_length or length
            for head in heads:
                self._chord.setdefault((head.step, head.octave, head.alter), head)
            self._chord_tied.extend(tied)
            return
        if token["end"]:
            heads, self._chord = list((self._chord or {}).values()), None
            tied = heads if token["tie"] else self._chord_tied
            length *= self._chord_length or 1
            if not heads:
                return
        voice.sound(
            heads,
            length,
            tied=tied,
            broken=token["broken"] or "",
            joined=self._joined,
            hidden=token["rest"] == "x",
        )
        self._joined = True

    def _read_silence(self, voice: Voice, token: re.Match[str]) -> None:
        voice.rest_for_measures(number(token["num"] or "1"), hidden=token["silence"].startswith("X"))
        if sum(other.num_signs for other in self.voices.values()) > MAX_SIGNS:
            raise ValueError(f"it has more than {MAX_SIGNS} notes and measures")

    def _refuse(self, voice: Voice, token: re.Match[str]) -> None:
        why = "it has quarter tones" if token["quarter_tone"] else "an accidental of it stands before no note"
        raise ValueError(f"{why}: {token.string[:40]}")

    def _read_slur(self, voice: Voice, token: re.Match[str]) -> None:
        if token["slur"] == ")":
            voice.slurs.end()
        else:
            voice.slurs.begin(dotted=token["slur"].startswith("."))

    def _read_other(self, voice: Voice, token: re.Match[str]) -> None:
        sign = token["sign"]
        if sign == "[":
            self._chord, self._chord_tied, self._chord_length = {}, [], None
            self._chord_line = token.string
        elif sign in ("{", "{/"):
            voice.begin_grace(slashed=sign == "{/")
        elif sign == "}":
            voice.end_grace()
        elif sign == "&":
            voice.overlay()
        elif sign == "-":
            voice.tie()


_READERS: dict[str, Callable[[Tune, Voice, re.Match[str]], None]] = {
    "text": Tune._read_text,
    "mark": Tune._read_mark,
    "field": Tune._read_inline_field,
    "bar": Tune._read_bar,
    "tuplet": Tune._read_tuplet,
    "sound": Tune._read_sound,
    "silence": Tune._read_silence,
    "fault": Tune._refuse,
    "slur": Tune._read_slur,
    "sign": Tune._read_other,
    "shorthand": Tune._read_shorthand,
}


def _name(keys: str, properties: str) -> str:
    """Name among the properties of a voice; empty if there is none."""
    found = re.search(rf'\b(?:{keys})=(?:"([^"]*)|([^\s"]+))', properties)
    return plain(found[1] or found[2] or "") if found else ""


def read_tune(text: str) -> Tune:
    """Read the first tune of a text.

    Raises:
        ValueError: If it isn't a tune, is too large, or a number in it isn't possible.
    """
    tune = Tune()
    for letter, content in tune_lines(text):
        if letter:
            tune.read_field(letter, content)
        else:
            tune.read_line(content)
    if not tune.voices or tune.head.unit is None:
        raise ValueError("it has no line K:, after which a tune begins")
    tune.finish()
    return tune
