"""Scores of random structure, from what programs write to what none does. Import it as `unruly`."""

import random
from collections.abc import Sequence

_ABC_LINES = [
    "M:3/4", "L:1/8", "K:Bb", "V:2", "Q:1/4=80", "P:A", "w:a-b", "%%score",
]  # fmt: skip
_KERN_CELLS = [
    "4c", "8dd", "16G", "2.e;", "[4c", "4c]", "4c_", "4r", ".", "q8c", "3c", "4c 4e", "*", "*M4/4", "*k[b-]", "*a:",
    "=1", "!x",
]  # fmt: skip


class Unruly:
    """Writes a score that its seed decides.

    Args:
        seed: Of all that is random.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.wildness = self.random.choice([0, 0, 0.005, 0.02, 0.2])

    def one(self, tame: Sequence[object], wild: Sequence[object] = ()) -> str:
        """One of what programs write, now and then one of what they don't."""
        return str(self.random.choice(wild if wild and self.random.random() < self.wildness else tame))

    def many(self, least: int, most: int) -> range:
        return range(self.random.randint(least, most))

    def musicxml(self) -> bytes:
        parts = ""
        names = ""
        for index in self.many(1, 4):
            name = self.one(["Soprano", "Bass", "Melody", "", "Piano"])
            names += f'<score-part id="P{index}"><part-name>{name}</part-name></score-part>'
            measures = "".join(
                f'<measure number="{number}">{self._attributes(first=number == 0)}'
                f"{''.join(self._event() for _ in self.many(0, 8))}</measure>"
                for number in self.many(1, 4)
            )
            parts += f'<part id="P{index}">{measures}</part>'
        root = self.one(["score-partwise"], ["score-timewise", "opus"])
        text = f"<{root}><part-list>{names}</part-list>{parts}</{root}>"
        return text.encode(self.one(["utf-8", "utf-16", "latin-1"]))

    def _attributes(self, *, first: bool = False) -> str:
        divisions = self.one([4] if first else ["", 4, 8], [0, "x", 3, "1e9"])
        fifths = self.one([-2, 0, 3, 7], [-9, 12, "x"])
        beats, beat_type = self.one([2, 3, 4, "3+2"], [0, 999, "x"]), self.one([2, 4, 8], [0, 3, 32])
        chromatic = self.one([0, 0, -2, 3], ["x", 99])
        return (
            "<attributes>"
            + (f"<divisions>{divisions}</divisions>" if divisions else "")
            + (f"<key><fifths>{fifths}</fifths></key>" if self.random.random() < 0.5 else "")
            + (f"<time><beats>{beats}</beats><beat-type>{beat_type}</beat-type></time>" if first else "")
            + (f"<transpose><chromatic>{chromatic}</chromatic></transpose>" if self.random.random() < 0.2 else "")
            + "</attributes>"
        )

    def _event(self) -> str:
        kind = self.random.random()
        duration = f"<duration>{self.one([2, 4, 4, 8, 16], [0, 1, 3, '2.5', '-4', 'x', 99999999])}</duration>"
        if kind < 0.7:
            return self._note(duration)
        if kind < 0.85:
            return f"<backup>{duration}</backup>" if kind < 0.8 else f"<forward>{duration}</forward>"
        if kind < 0.9:
            return self._attributes()
        return self.one(
            [
                '<barline><repeat direction="backward"/></barline>',
                '<barline><ending number="1" type="start"/></barline>',
                "<direction><direction-type><words>D.C. al Fine</words></direction-type></direction>",
                "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>",
                "<nonsense>1</nonsense>",
            ]
        )

    def _note(self, duration: str) -> str:
        octave = self.one([3, 4, 4, 5], [9, -3, "x"])
        alter = self.one([0, 0, 0, -1, 1], [0.5, 7, "x"])
        pitch = f"<pitch><step>{self.one('CDEFGAB', 'H')}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
        rest = self.one(["<rest/>", '<rest measure="yes"/>', "<unpitched/>"], [""])
        before = self.one(["", "", "", "", "<chord/>", "<cue/>"])
        if self.random.random() < 0.05:
            before, duration = "<grace/>", ""
        tie = self.one(["", "", '<tie type="start"/>', '<tie type="stop"/>'])
        voice = f"<voice>{self.one([1, 1, 2], ['a', 99999])}</voice><staff>{self.one([1, 1, 1, 2], ['x'])}</staff>"
        notations = self.one(["", "", "<notations><fermata/></notations>", "<lyric><text>Ach</text></lyric>"])
        sounding = pitch if self.random.random() < 0.8 else rest
        return f"<note>{before}{sounding}{duration}{tie}{voice}{notations}</note>"

    def midi(self) -> bytes:
        tracks = [b"".join(self._midi_event() for _ in self.many(0, 20)) for _ in self.many(1, 4)]
        division = int(self.one([480, 96], [0, 1, 0xE728])).to_bytes(2, "big")
        header = b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2, "big") + division
        return header + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)

    def _midi_event(self) -> bytes:
        wait = int(self.one([0, 0, 0, 120, 480], [7, 2**27]))
        waiting = bytes([wait >> shift & 127 | (128 if shift else 0) for shift in (21, 14, 7, 0)])
        pitch, channel = int(self.one([55, 60, 64, 67, 72], [0, 127, 200])), int(self.one([0, 0, 1, 9]))
        if self.random.random() < self.wildness:
            return waiting + self.random.choice(
                [self.random.randbytes(3), b"\xff\x01\xff\xff\xff\x7f", bytes([pitch, 80])]
            )
        if self.random.random() < 0.2:
            metas = [b"\xff\x58\4\3\2\x18\x08", b"\xff\x59\2\xfe\1", b"\xff\x03\7Soprano", b"\xc0\x34", b"\xf0\3abc"]
            return waiting + self.random.choice(metas)
        held = bytes([0x83, 0x60]) if self.random.random() < 0.8 else bytes([0x78])  # 480 or 120 ticks
        return waiting + bytes([0x90 | channel, pitch, 80]) + held + bytes([0x80 | channel, pitch, 0])

    def abc(self) -> bytes:
        words = [
            "C",
            "D2",
            "E/2",
            "F3/2",
            "^G",
            "_A",
            "c'",
            "z",
            "|",
            "|",
            "|:",
            ":|",
            "|]",
            "[1",
            '"Am"',
            "[CEG]",
            "-",
        ]
        wild = [
            "[C",
            "(",
            '"',
            "{g}",
            "9999",
            "99",
            "::",
            "[M:3/4]",
            "[K:D]",
            "Z4",
            "H",
            "_",
            "$",
            "\\",
            "(3",
            ">",
            ",",
        ]
        lines = ["X:1", self.one(["M:4/4", "M:C|", "M:none", "T:"], ["M:4/0", "X:2"]), self.one(["L:1/4"], ["L:0"])]
        lines.append(self.one(["K:C", "K:Am", "K:none"], ["K:", ""]))
        for _ in self.many(1, 4):
            lines.append(" ".join(self.one(words, wild) for _ in self.many(0, 10)))
            lines.append(self.one(["C4|", "C4|", *_ABC_LINES]))
        return "\n".join([*lines, ""]).encode()

    def kern(self) -> bytes:
        width = self.random.randint(1, 3)
        wild = ["*M3/0", "0c", "==", "*^", "*v", "*-", "**kern", "zz", ""]
        rows = [[self.one(_KERN_CELLS, wild) for _ in range(width)] for _ in self.many(1, 12)]
        table = [["**kern"] * width, *rows, ["*-"] * width]
        return "\n".join("\t".join(cells) for cells in table).encode() + b"\n"
