"""A voice of ABC that is being read: the settings in force, what is open, and its bars so far.

Lengths and times are fractions of a whole note.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element

from bachlit.music.keys import alteration
from bachlit.scores.reading.abc.bars import Bar, BarLine, Change, Head, Item, Sound
from bachlit.scores.reading.abc.fields import ACCIDENTALS, Clef, KeyField, Metre
from bachlit.scores.reading.abc.signs import direction, notation
from bachlit.scores.reading.abc.slurs import Slurs
from bachlit.scores.reading.abc.words import set_words
from bachlit.scores.reading.limits import MAX_DIVISOR, MAX_FRAMES, MAX_SIGNS, MAX_STAVES
from bachlit.scores.reading.score import COMMON_TIME


@dataclass
class _Layer:
    """Voice or one laid over it: items of the current bar, and what the next note must know."""

    items: list[Item] = field(default_factory=list)
    now: Fraction = Fraction(0)
    last: Sound | None = None  # note that a tie may begin at
    tied: dict[tuple[str, int], Head] = field(default_factory=dict)  # heads to be tied, by step and octave
    broken: Fraction = Fraction(1)  # factor of the next note's length
    tuplet: tuple[int, int, int] = (0, 1, 1)  # remaining notes, actual, normal
    bracketed: Sound | None = None  # last note of an open bracket


@dataclass
class Voice:
    """Voice that is being read."""

    name: str = ""
    short_name: str = ""
    key: KeyField = field(default_factory=KeyField)
    metre: Metre = field(default_factory=Metre)
    unit: Fraction | None = None  # None until the head ends
    clef: Clef = field(default_factory=Clef)
    start: Change = field(default_factory=Change)
    bars: list[Bar] = field(default_factory=list)
    total: Fraction = Fraction(0)  # time before the bar
    num_signs: int = 0  # heads and bars
    slurs: Slurs = field(default_factory=Slurs)
    _block: list[Sound] = field(default_factory=list)  # notes that the next line of words belongs to
    _verse: int = 0  # verses of these notes so far
    _divided: set[int] = field(default_factory=set)  # verses whose last word goes on
    _layers: list[_Layer] = field(default_factory=lambda: [_Layer()])
    _layer: int = 0
    _metre_here: Metre = field(default_factory=Metre)  # of the last sound
    _left: BarLine = field(default_factory=BarLine)
    _ending: tuple[str, str] = ("", "")
    _within_ending: bool = False
    _accidentals: dict[str, int] = field(default_factory=dict)  # per step, in force up to the bar line
    _drawn: dict[tuple[str, int], int] = field(default_factory=dict)  # alterations that a player reads in this bar
    _marks: list[Callable[[Element], None]] = field(default_factory=list)  # decorations of the next note
    _grace: list[Sound] | None = None  # an open group of grace notes
    _slashed: bool = False
    _outside: dict[str, int] = field(default_factory=dict)  # accidentals before the group

    def like(self, name: str, short_name: str = "") -> "Voice":
        """Make a voice with the same settings."""
        return Voice(name, short_name, key=self.key, metre=self.metre, unit=self.unit, clef=self.clef)

    @property
    def layer(self) -> _Layer:
        """The voice, or the one laid over it, that is being read."""
        return self._layers[self._layer]

    @property
    def is_empty(self) -> bool:
        """Check that it has neither notes nor rests."""
        return not self.num_signs

    @property
    def in_grace(self) -> bool:
        """Check whether a group of grace notes is open."""
        return self._grace is not None

    def change(self, *, key: KeyField | None = None, metre: Metre | None = None, clef: Clef | None = None) -> None:
        """Change key, metre or clef; before the first note, the last one holds."""
        key = None if key == self.key else key
        metre = None if metre == self.metre else metre
        clef = None if clef == self.clef else clef
        self.key, self.metre, self.clef = key or self.key, metre or self.metre, clef or self.clef
        if key is not None:
            self._drawn = {}
        begun = bool(self.bars) or any(layer.now for layer in self._layers)
        if not begun or (key, metre, clef) == (None, None, None):
            return
        items = self.layer.items
        last = items[-1] if items else None
        if not isinstance(last, Change):
            last = Change()
            items.append(last)
        last.key, last.metre, last.clef = key or last.key, metre or last.metre, clef or last.clef

    def _begin(self) -> None:
        """Keep the settings with which the first note begins."""
        if not self.bars and not any(layer.now for layer in self._layers):
            self.start = Change(self.key, self.metre, self.clef)

    def add(self, element: Element) -> None:
        """Add a direction or chord symbol before the next note."""
        self.layer.items.append(element)

    def end_line(self) -> None:
        """End a line of music: the next note begins a system."""
        items = self._layers[0].items
        place = len(items)
        while place and isinstance(items[place - 1], Change):  # it may grow in the next line
            place -= 1
        if self.num_signs and not (place and _begins_system(items[place - 1])):
            items.insert(place, Element("print", {"new-system": "yes"}))

    def decorate(self, name: str) -> None:
        """Decorate the next note, or add the direction that a decoration is."""
        write = notation(name)
        if write is None:
            self.add(direction(name))
        else:
            self._marks.append(write)

    def head(self, accidental: str | None, letter: str, octaves: str) -> Head:
        """Spell a note: by its accidental, a tie, the bar's accidentals or the key."""
        step = letter.upper()
        octave = 4 + letter.islower() + octaves.count("'") - octaves.count(",")
        place = step, octave
        tied = None if accidental or self.in_grace else self.layer.tied.get(place)
        if accidental:
            self._accidentals[step] = ACCIDENTALS[accidental]
        if tied is not None:  # a tie carries the accidental over the bar line
            return Head(step, octave, tied.alter)
        alter = self._accidentals.get(step, self.key.altered.get(step, 0))
        shown = bool(accidental) or alter != self._drawn.get(place, alteration(step, self.key.fifths or 0))
        self._drawn[place] = alter
        return Head(step, octave, alter, shown)

    def sound(
        self, heads: Iterable[Head], length: Fraction, *, tied: list[Head], broken: str, joined: bool, hidden: bool
    ) -> None:
        """Add simultaneous notes, or a rest if there are none; those of length 0 are left out.

        Args:
            heads: Their heads.
            length: In unit lengths.
            tied: Heads tied to the next note.
            broken: Broken rhythm sign before the next note: > lengthens these by half and halves the next, < the
                other way round.
            joined: They follow the sound before without a space.
            hidden: A rest isn't drawn.
        """
        if not length:
            return
        layer, unit = self.layer, self.unit or Fraction(1, 8)
        heads = sorted(heads, key=lambda head: (head.octave, "CDEFGAB".index(head.step), head.alter))
        if self._grace is not None:
            grace = Sound(length, Fraction(0), heads, joined=bool(self._grace), grace=True, slashed=self._slashed)
            self._place(grace)
            self._grace.append(grace)
            return
        shorter = Fraction(1, 2 ** len(broken))
        own, following = (shorter, 2 - shorter) if "<" in broken else (2 - shorter, shorter)
        written = length * layer.broken * own * unit
        left, actual, normal = layer.tuplet
        ratio = (actual, normal) if left else (1, 1)
        sound = Sound(written, written * ratio[1] / ratio[0], heads, ratio, joined=joined, hidden=hidden)
        layer.broken = following
        self._bracket(layer, sound)
        sound.marks, self._marks = self._marks, []
        self._place(sound)
        for head in heads:
            before = layer.tied.get((head.step, head.octave))
            if before is not None and before.alter == head.alter:
                before.tied_on = head.tied_back = True
        if heads and layer.tied and not any(head.tied_back for head in heads) and layer.last is not None:
            self.slurs.join(layer.last, sound)  # older ABC writes such slurs as ties
        layer.last, layer.tied = sound, {(head.step, head.octave): head for head in tied}
        if heads and self._layer == 0:
            if self._verse:  # words of other notes stand between
                self._block, self._verse = [], 0
            self._block.append(sound)
        self._go_on(sound.length)

    def _place(self, sound: Sound) -> None:
        """Add a sound to the layer, with the slurs that begin at it."""
        self._begin()
        self.num_signs += max(1, len(sound.heads))
        self._check_size()
        self._metre_here = self.metre
        sound.unpitched, sound.bar = self.clef.sign == "percussion", len(self.bars)
        self.layer.items.append(sound)
        if sound.heads:
            self.slurs.go_on(sound)

    def _bracket(self, layer: _Layer, sound: Sound) -> None:
        left, actual, normal = layer.tuplet
        if not left:
            return
        layer.tuplet = left - 1, actual, normal
        if layer.bracketed is None:
            sound.tuplet.append("start")
        layer.bracketed = sound
        if left == 1:
            self._end_bracket(layer)

    def _end_bracket(self, layer: _Layer) -> None:
        if layer.bracketed is not None:
            layer.bracketed.tuplet.append("stop")
            layer.bracketed = None

    def begin_tuplet(self, actual: int, normal: int, notes: int) -> None:
        """Begin a tuplet: the next notes, each shortened by normal / actual."""
        self._end_bracket(self.layer)
        self.layer.tuplet = (notes, actual, normal) if actual != normal else (0, 1, 1)

    def begin_grace(self, *, slashed: bool) -> None:
        """Begin a group of grace notes; their accidentals hold within it."""
        self.end_grace()
        self._grace, self._slashed, self._outside = [], slashed, self._accidentals.copy()

    def end_grace(self) -> None:
        """End a group of grace notes: one is an eighth, several are sixteenths, times their written lengths."""
        for sound in self._grace or ():
            sound.written *= Fraction(1, 8 if len(self._grace or ()) == 1 else 16)
        if self._grace is not None:
            self._grace, self._accidentals = None, self._outside

    def tie(self) -> None:
        """Tie the last note or chord to the next, unless a grace note stands between."""
        layer = self.layer
        if layer.items and isinstance(layer.items[-1], Sound) and layer.items[-1].grace:
            return
        layer.tied = {(head.step, head.octave): head for head in layer.last.heads} if layer.last else {}

    def sing(self, line: str) -> None:
        """Set a line of words below the notes since the last words; lines in a row are verses."""
        self._verse += 1
        within = self._verse in self._divided
        self._divided.discard(self._verse)
        if set_words(line, self._block, self._verse, within=within):
            self._divided.add(self._verse)

    def next_ending(self) -> str:
        """Number of an ending that has a text instead."""
        before = self._ending[0] or next((bar.ending for bar in reversed(self.bars) if bar.ending), "0")
        return str(int(before.split()[-1]) + 1)

    def overlay(self) -> None:
        """Go back to the beginning of the bar, for a voice laid over this one."""
        self._layer += 1
        if self._layer > MAX_STAVES:
            raise ValueError(f"it has more than {MAX_STAVES} voices laid over one")
        if self._layer == len(self._layers):
            self._layers.append(_Layer())
        self._accidentals, self._drawn = {}, {}

    def rest_for_measures(self, num: int, *, hidden: bool) -> None:
        """Rest for some measures; within a bar, for some unit lengths (Z is often meant as z)."""
        if self.layer.now:
            self.sound([], Fraction(num), tied=[], broken="", joined=False, hidden=hidden)
            return
        full = self.metre.length or Fraction(*COMMON_TIME)
        for _ in range(num):
            rest = Sound(full, full, fills=True, hidden=hidden)
            self._place(rest)
            self._go_on(full)
            self.layer.last, self.layer.tied = None, {}
            self.bar_line(BarLine(), plays=0)

    def _go_on(self, length: Fraction) -> None:
        layer = self.layer
        layer.now += length
        if self.total + layer.now > Fraction(MAX_FRAMES, 16):
            raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
        if layer.now.denominator > MAX_DIVISOR:
            raise ValueError("it divides quarters in too many ways")

    def bar_line(self, line: BarLine, *, plays: int, ending: str = "", ending_text: str = "") -> None:
        """End the bar, unless it is empty: then its bar line is joined with the one before.

        Args:
            line: Its style, and plays of the passage that ends here.
            plays: Of the passage that begins here; 0 if none does.
            ending: Passes on which the ending that begins here is played; empty if none begins.
            ending_text: The ending's text if it isn't its number.
        """
        self._end_bar()
        before = self.bars[-1] if self.bars else None
        if before is None:
            self._left.style = line.style if line.style != "light-light" else ""
        else:
            before.right.style = line.style or before.right.style
            before.right.plays = max(before.right.plays, line.plays)
            if self._within_ending and not self._ending[0]:
                closed = line.plays or line.style in ("light-light", "light-heavy", "heavy-light") or ending
                if closed or plays:
                    before.ends = "stop" if closed else "discontinue"
                    self._within_ending = False
        self._left.plays = max(self._left.plays, plays)
        if ending:
            self._ending, self._within_ending = (ending, ending_text), True

    def _end_bar(self) -> None:
        """End the bar unless it is empty; what changes after its last note changes in the next one."""
        self._accidentals, self._drawn, self._layer = {}, {}, 0
        for layer in self._layers:
            self._end_bracket(layer)
        length = max(layer.now for layer in self._layers)
        if not length:
            return
        self.num_signs += 1
        self._check_size()
        ending, text = self._ending
        following: list[Item] = []
        layers = [layer.items for layer in self._layers]
        while layers[0] and (isinstance(layers[0][-1], Change) or _begins_system(layers[0][-1])):
            following.insert(0, layers[0].pop())
        while len(layers) > 1 and not layers[-1]:
            layers.pop()
        self.bars.append(Bar(layers, length, self._metre_here, left=self._left, ending=ending, ending_text=text))
        self._left, self._ending = BarLine(), ("", "")
        self.total += length
        for layer in self._layers:
            layer.items, layer.now = [], Fraction(0)
        self._layers[0].items = following

    def _check_size(self) -> None:
        if self.num_signs > MAX_SIGNS:
            raise ValueError(f"it has more than {MAX_SIGNS} notes and measures")

    def finish(self) -> None:
        """End the last bar, and what is open."""
        self.end_grace()
        self._end_bar()
        if not self.bars:
            self._begin()
            return
        last = self.bars[-1]
        left = [item for item in self._layers[0].items if isinstance(item, Element) and not _begins_system(item)]
        last.layers[0].extend(left)
        if self._within_ending and not last.ends:
            last.ends = "discontinue"
        self.slurs.finish()


def _begins_system(item: Item) -> bool:
    return isinstance(item, Element) and item.tag == "print"
