"""Scores with all that MusicXML has for a song, composed at random. Import it as `composed`."""

import random
from dataclasses import dataclass
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

STEPS = "CDEFGAB"
MODES = ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian"]
KINDS = ["major", "minor", "dominant", "minor-seventh", "diminished", "half-diminished", "suspended-fourth"]
ORNAMENTS = ["<ornaments><trill-mark/></ornaments>", "<ornaments><mordent/></ornaments>"]
ARTICULATIONS = ["<articulations><staccato/></articulations>", "<fermata/>", "<technical><up-bow/></technical>"]
# Spans in quarters, and notes in them: length of each, its type, dots, and (actual, normal) in tuplets.
Group = tuple[Fraction, list[tuple[Fraction, str, int]], tuple[int, int] | None]
GROUPS: list[Group] = [
    (Fraction(span), [(Fraction(length), kind, dots) for length, kind, dots in notes], tuplet)  # type: ignore[misc]
    for span, notes, tuplet in [
        (4, [(4, "whole", 0)], None),
        (3, [(3, "half", 1)], None),
        (2, [(2, "half", 0)], None),
        (1, [(1, "quarter", 0)], None),
        (1, [(1, "quarter", 0)], None),
        (1, [("1/2", "eighth", 0)] * 2, None),
        (1, [("3/4", "eighth", 1), ("1/4", "16th", 0)], None),
        (2, [("3/2", "quarter", 1), ("1/2", "eighth", 0)], None),
        (2, [("1/2", "eighth", 0), (1, "quarter", 0), ("1/2", "eighth", 0)], None),
        ("1/2", [("1/2", "eighth", 0)], None),
        ("1/2", [("1/8", "32nd", 0)] * 4, None),
        ("1/2", [("3/8", "16th", 1), ("1/8", "32nd", 0)], None),
        ("1/4", [("1/4", "16th", 0)], None),
        ("1/8", [("1/8", "32nd", 0)], None),
        (1, [("1/3", "eighth", 0)] * 3, (3, 2)),
        (1, [("2/3", "quarter", 0), ("1/3", "eighth", 0)], (3, 2)),
        (2, [("2/3", "quarter", 0)] * 3, (3, 2)),
        (1, [("1/5", "16th", 0)] * 5, (5, 4)),
        (2, [("2/5", "eighth", 0)] * 5, (5, 4)),
    ]
]
FREE = [group for group in GROUPS if group[2] is None]


@dataclass
class Bar:
    """What a measure of all parts has besides notes."""

    number: str
    length: Fraction  # in quarters
    implicit: bool = False
    metre: str = ""
    key: str = ""
    left: str = ""
    right: str = ""
    directions: str = ""


class Composed:
    """Composes a score that its seed decides.

    Args:
        seed: Of all that is random.
        plain: Only what other formats hold too: one voice a part, no ornaments, directions or timewise scores.
        coarse: Without quintuplets and basses of chord symbols, which converters to kern lose.
    """

    def __init__(self, seed: int, *, plain: bool = False, coarse: bool = False) -> None:
        self.random = random.Random(seed)
        self.plain = plain
        self.coarse = coarse
        self.fifths = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def rich(self, share: float) -> bool:
        """Chance of what only a rich score has."""
        return not self.plain and self.chance(share)

    def musicxml(self) -> str:
        """A score of one to three parts; the tune is the one called Soprano or Melody, or the only one."""
        bars = self.bars()
        names = self.random.choice([["Soprano"], ["Melody"], ["Soprano", "Organ"], ["Piano", "Soprano", "Flute"]])
        listed = parts = ""
        for number, name in enumerate(names):
            identity = self.random.choice([f"P{number}", name, f"{name}-{number}"])
            instrument = f'<score-instrument id="{identity}-I1"><instrument-name>{name}</instrument-name>'
            listed += (
                f'<score-part id="{identity}"><part-name>{name}</part-name>{instrument}</score-instrument></score-part>'
            )
            parts += f'<part id="{identity}">{self.part(bars, tune=name in ("Soprano", "Melody"))}</part>'
        head = "<work><work-title>Jesu, meine Freude</work-title></work>" if self.chance(0.5) else ""
        head += "<identification><creator type='composer'>Crüger</creator></identification>" if self.chance(0.5) else ""
        if self.rich(0.1):
            return _timewise(f"<score-partwise>{head}<part-list>{listed}</part-list>{parts}</score-partwise>")
        return f'<score-partwise version="3.1">{head}<part-list>{listed}</part-list>{parts}</score-partwise>'

    def bars(self) -> list[Bar]:
        """Three to eight measures in common: metres, keys, repeats, endings, jumps; pickups, split bars."""
        beats, unit = self.random.choice([(4, 4), (3, 4), (2, 4), (6, 8), (3, 8), (2, 2), (3, 2)])
        full = Fraction(4 * beats, unit)
        bars: list[Bar] = []
        pickup = self.random.choice([Fraction(0), Fraction(0), Fraction(1), Fraction(1, 2)])
        if 0 < pickup < full:
            own = self.rich(0.2) and pickup == 1 and full > 2  # a metre of its own
            bars.append(Bar("0", pickup, implicit=self.chance(0.8), metre=_time(*((1, 4) if own else (beats, unit)))))
            if own:
                bars.append(Bar("1", full, metre=_time(beats, unit)))
        else:
            bars.append(Bar("1", full, metre=_time(beats, unit, symbol=self.chance(0.2))))
        for number in range(len(bars) + (bars[0].number != "0"), self.random.randint(4, 9)):
            metre = ""
            if self.chance(0.15):
                beats, unit = self.random.choice([(4, 4), (3, 4), (2, 4), (6, 8), (5, 4)])
                full, metre = Fraction(4 * beats, unit), _time(beats, unit)
            key = self.key() if self.chance(0.15) else ""
            bars.append(Bar(str(number), full, metre=metre, key=key))
            if self.rich(0.1) and full > 1:  # a bar that is split, as where a repeat ends in it
                bars[-1].length = full - 1
                bars.append(Bar(f"X{number}", Fraction(1), implicit=True))
        bars[0].key = self.key()
        self.repeats(bars)
        if self.rich(0.3):
            bars[0].directions += (
                '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>96'
                '</per-minute></metronome></direction-type><sound tempo="96"/></direction>'
            )
        return bars

    def repeats(self, bars: list[Bar]) -> None:
        """A repeat, with endings or without, or a jump."""
        kind = self.random.choice(["none", "repeat", "endings", "jump", "coda"])
        last = len(bars) - 1
        if kind == "repeat":
            first = self.random.randint(0, last - 1)
            if first:
                bars[
                    first
                ].left += (
                    '<barline location="left"><bar-style>heavy-light</bar-style><repeat direction="forward"/></barline>'
                )
            bars[
                self.random.randint(first, last)
            ].right += (
                '<barline location="right"><bar-style>light-heavy</bar-style><repeat direction="backward"/></barline>'
            )
        elif kind == "endings":
            first = self.random.randint(1, last - 1)
            if bars[0].number == "0" and bars[first].length > bars[0].length:
                bars[first].length -= bars[0].length  # shorter by the pickup
            bars[first].left += '<barline location="left"><ending number="1" type="start"/></barline>'
            bars[
                first
            ].right += (
                '<barline location="right"><ending number="1" type="stop"/><repeat direction="backward"/></barline>'
            )
            bars[first + 1].left += '<barline location="left"><ending number="2" type="start"/></barline>'
            bars[first + 1].right += '<barline location="right"><ending number="2" type="discontinue"/></barline>'
        elif kind == "jump" and not self.plain:
            place = self.random.randint(0, last)
            bars[place].right = _direction("<words>Fine</words>", '<sound fine="yes"/>') + bars[place].right
            bars[last].right = _direction("<words>D.C. al Fine</words>", '<sound dacapo="yes"/>') + bars[last].right
        elif kind == "coda" and not self.plain and last >= 4:
            bars[1].directions += _direction("<segno/>", '<sound segno="s"/>')
            bars[2].right = _direction("<words>To Coda</words>", '<sound tocoda="c"/>') + bars[2].right
            bars[3].right = _direction("<words>D.S. al Coda</words>", '<sound dalsegno="s"/>') + bars[3].right
            bars[4].directions += _direction("<coda/>", '<sound coda="c"/>')
        if "repeat" not in bars[last].right and "ending" not in bars[last].right and self.chance(0.5):
            bars[last].right += '<barline location="right"><bar-style>light-heavy</bar-style></barline>'

    def key(self) -> str:
        self.fifths = self.random.randint(-6, 6)
        mode = self.random.choice(MODES) if self.chance(0.8) else ""
        return f"<key><fifths>{self.fifths}</fifths>{f'<mode>{mode}</mode>' if mode else ''}</key>"

    def part(self, bars: list[Bar], *, tune: bool) -> str:
        """Measures of one part."""
        self.divisions = self.random.choice([120, 240, 360])
        clef = "<clef><sign>G</sign><line>2</line></clef>"
        transpose = self.rich(0.2)
        clef += "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>" if transpose else ""
        self.verses = self.random.randint(0, 3) if tune else 0
        self.tied: tuple[str, int, int] | None = None
        self.slurred = False
        self.second = self.random.choice([0, 0, 0, 0, 0.5])  # share of measures with a second voice
        text = ""
        for index, bar in enumerate(bars):
            stated = f"<divisions>{self.divisions}</divisions>" if index == 0 else ""
            if index and self.rich(0.1):
                self.divisions = self.random.choice([120, 240, 360])
                stated = f"<divisions>{self.divisions}</divisions>"
            inner = stated + bar.key + bar.metre + (clef if index == 0 else "")
            attributes = f"<attributes>{inner}</attributes>" if inner else ""
            implicit = ' implicit="yes"' if bar.implicit else ""
            music = self.voice(bar.length, tune=tune, last=bar is bars[-1])
            if self.rich(0.05) and not (
                index and stated
            ):  # after the first note; the first divisions hold before it too
                first, end, others = music.partition("</note>")
                start = first + end + attributes + others
            else:
                start = attributes + bar.directions + music
            if self.rich(self.second):
                duration = f"<duration>{bar.length * self.divisions}</duration>"
                start += f"<backup>{duration}</backup><note>{_pitch('C', 0, 3)}{duration}<voice>2</voice></note>"
            text += f'<measure number="{bar.number}"{implicit}>{bar.left}{start}{bar.right}</measure>'
        return text

    def voice(self, length: Fraction, *, tune: bool, last: bool) -> str:
        """Notes and rests of a measure."""
        left = length
        text = ""
        while left:
            span, notes, tuplet = self.random.choice(
                [
                    group
                    for group in (FREE if (length - left).denominator > 2 else GROUPS)
                    if group[0] <= left and not (self.coarse and group[2] == (5, 4))
                ]
            )
            left -= span
            for place, (duration, kind, dots) in enumerate(notes):
                edge = "start" if place == 0 else "stop" if place == len(notes) - 1 else ""
                ends = last and not left and place == len(notes) - 1
                text += self.note(duration, kind, dots, tuplet, edge, tune=tune, ends=ends)
        return text

    def note(
        self,
        duration: Fraction,
        kind: str,
        dots: int,
        tuplet: tuple[int, int] | None,
        edge: str,
        *,
        tune: bool,
        ends: bool,
    ) -> str:
        """A note or rest with all that is on it, and what stands before it."""
        before = self.harmony() if self.chance(0.1) else ""
        before += _direction("<dynamics><mf/></dynamics>") if self.rich(0.05) else ""
        rest = self.tied is None and self.chance(0.1) and not self.slurred
        step, alter, octave = self.tied or (
            self.random.choice(STEPS),
            self.random.choice([0, 0, 0, 1, -1, 2 if self.chance(0.2) else 0]),
            self.random.choice([4, 4, 5]),
        )
        grace = ""
        if not rest and self.tied is None and self.rich(0.05):
            slash = self.random.choice(["", ' slash="yes"'])
            grace = f"<note><grace{slash}/>{_pitch('D', 0, 5)}<voice>1</voice><type>eighth</type></note>"
        tie_stop = self.tied is not None
        tie_start = not rest and not ends and self.chance(0.1)
        self.tied = (step, alter, octave) if tie_start else None
        ties = [name for name, there in (("stop", tie_stop), ("start", tie_start)) if there]
        notations = "".join(f'<tied type="{tie}"/>' for tie in ties)
        if self.slurred and self.chance(0.5):
            notations += '<slur number="1" type="stop"/>'
            self.slurred = False
        elif not rest and not ends and not self.slurred and self.chance(0.1):
            notations += '<slur number="1" type="start"/>'
            self.slurred = True
        if tuplet and edge:
            notations += f'<tuplet number="1" type="{edge}"/>'
        if not rest and self.rich(0.1):
            notations += self.random.choice(ORNAMENTS + ARTICULATIONS)
        lyrics = "" if rest or tie_stop or not tune else "".join(self.lyric(verse) for verse in range(self.verses))
        modification = ""
        if tuplet:
            modification = (
                f"<time-modification><actual-notes>{tuplet[0]}</actual-notes><normal-notes>{tuplet[1]}</normal-notes>"
                "</time-modification>"
            )
        return (
            f"{before}{grace}<note>{'<rest/>' if rest else _pitch(step, alter, octave)}"
            f"<duration>{duration * self.divisions}</duration>{''.join(f'<tie type={tie!r}/>' for tie in ties)}"
            f"<voice>1</voice><type>{kind}</type>{'<dot/>' * dots}{modification}"
            f"{f'<notations>{notations}</notations>' if notations else ''}{lyrics}</note>"
        )

    def harmony(self) -> str:
        root, bass = self.random.choice(STEPS), self.random.choice(STEPS)
        alter = f"<root-alter>{self.random.choice([-1, 1])}</root-alter>" if self.chance(0.3) else ""
        bass = f"<bass><bass-step>{bass}</bass-step></bass>" if self.chance(0.2) and not self.coarse else ""
        kind = self.random.choice(KINDS)
        return f"<harmony><root><root-step>{root}</root-step>{alter}</root><kind>{kind}</kind>{bass}</harmony>"

    def lyric(self, verse: int) -> str:
        syllabic = self.random.choice(["single", "begin", "middle", "end"])
        text = self.random.choice(["Ach", "Gott", "—", "süß", "&amp;", "o_Gott"])
        return f'<lyric number="{verse + 1}"><syllabic>{syllabic}</syllabic><text>{text}</text></lyric>'


def _pitch(step: str, alter: int, octave: int) -> str:
    altered = f"<alter>{alter}</alter>" if alter else ""
    return f"<pitch><step>{step}</step>{altered}<octave>{octave}</octave></pitch>"


def _time(beats: int, unit: int, *, symbol: bool = False) -> str:
    common = ' symbol="common"' if symbol and (beats, unit) == (4, 4) else ""
    return f"<time{common}><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"


def _direction(kind: str, sound: str = "") -> str:
    return f"<direction><direction-type>{kind}</direction-type>{sound}</direction>"


def _timewise(text: str) -> str:
    """Turn a partwise score into a timewise one."""
    root = fromstring(text)
    turned = Element("score-timewise")
    turned.extend(child for child in root if child.tag != "part")
    parts = root.findall("part")
    for measures in zip(*parts, strict=True):
        measure = SubElement(turned, "measure", measures[0].attrib)
        for part, content in zip(parts, measures, strict=True):
            SubElement(measure, "part", part.attrib).extend(content)
    return tostring(turned, encoding="unicode")
