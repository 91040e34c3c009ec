"""Repeats, endings and jumps are followed as music21, an independent reader, follows them."""

import dataclasses
import random
import warnings
from pathlib import Path

import pytest
from comparing import read
from handwritten import note, score
from sizes import size

from bachlit.scores import read_chorale

OPEN = '<barline location="left"><repeat direction="forward"/></barline>'
CLOSE = '<barline location="right"><repeat direction="backward"/></barline>'
THREE_TIMES = CLOSE.replace('"backward"', '"backward" times="3"')


def ending(number: str, *, closes: bool = True) -> tuple[str, str]:
    """Bar lines before and after an ending of one measure."""
    first = f'<barline location="left"><ending number="{number}" type="start"/></barline>'
    repeat = '<repeat direction="backward"/>' if closes else ""
    return first, f'<barline location="right"><ending number="{number}" type="stop"/>{repeat}</barline>'


def jump(words: str, sound: str = "") -> str:
    """A direction in words; the sound that goes with it."""
    return f"<direction><direction-type><words>{words}</words></direction-type>{sound}</direction>"


SEGNO = '<direction><direction-type><segno/></direction-type><sound segno="s"/></direction>'
CODA = '<direction><direction-type><coda/></direction-type><sound coda="c"/></direction>'
CASES: dict[str, list[tuple[str, str]]] = {  # of each measure: what stands before and after its notes
    "nothing": [("", "")] * 3,
    "a repeat from the beginning": [("", ""), ("", CLOSE), ("", "")],
    "a repeat within": [("", ""), (OPEN, ""), ("", CLOSE), ("", "")],
    "two repeats": [("", CLOSE), (OPEN, CLOSE), ("", "")],
    "three times": [(OPEN, THREE_TIMES), ("", "")],
    "two endings": [("", ""), ending("1"), ending("2", closes=False), ("", "")],
    "two endings and a pickup": [("", ""), (OPEN, ""), ending("1"), ending("2", closes=False)],
    "three endings": [("", ""), ending("1, 2"), ending("3", closes=False)],
    "two pairs of endings": [
        ("", ""), ending("1"), ending("2", closes=False), (OPEN, ""), ending("1"), ending("2", closes=False),
    ],
    "da capo": [("", ""), ("", jump("D.C.", '<sound dacapo="yes"/>'))],
    "da capo al fine": [("", ""), ("", jump("Fine")), ("", ""), ("", jump("D.C. al Fine"))],
    "dal segno": [("", ""), (SEGNO, ""), ("", jump("D.S."))],
    "dal segno al fine": [("", ""), (SEGNO, ""), ("", jump("Fine")), ("", jump("D.S. al Fine"))],
    "da capo al coda": [("", ""), ("", jump("To Coda")), ("", jump("D.C. al Coda")), (CODA, ""), ("", "")],
    "dal segno al coda": [
        ("", ""), (SEGNO, ""), ("", jump("To Coda")), ("", jump("D.S. al Coda")), (CODA, ""), ("", ""),
    ],
}  # fmt: skip
ORDERS = {
    "nothing": [0, 1, 2],
    "a repeat from the beginning": [0, 1, 0, 1, 2],
    "a repeat within": [0, 1, 2, 1, 2, 3],
    "two repeats": [0, 0, 1, 1, 2],
    "three times": [0, 0, 0, 1],
    "two endings": [0, 1, 0, 2, 3],
    "two endings and a pickup": [0, 1, 2, 1, 3],
    "three endings": [0, 1, 0, 1, 0, 2],
    "two pairs of endings": [0, 1, 0, 2, 3, 4, 3, 5],
    "da capo": [0, 1, 0, 1],
    "da capo al fine": [0, 1, 2, 3, 0, 1],
    "dal segno": [0, 1, 2, 1, 2],
    "dal segno al fine": [0, 1, 2, 3, 1, 2],
    "da capo al coda": [0, 1, 2, 0, 1, 3, 4],
    "dal segno al coda": [0, 1, 2, 3, 1, 2, 4, 5],
}


def written(measures: list[tuple[str, str]]) -> str:
    """A part of which each measure has a pitch of its own."""
    bars = [
        f"{before}{note('CDEFGAB'[index % 7] + str(4 + index // 7), 16)}{after}"
        for index, (before, after) in enumerate(measures)
    ]
    return score(bars)


@pytest.mark.parametrize("case", CASES)
def test_measures_are_played_as_the_signs_say(tmp_path: Path, case: str) -> None:
    path = tmp_path / "a.musicxml"
    path.write_text(written(CASES[case]))
    chorale = read(path)
    assert [*(chorale.order or range(len(chorale.measures)))] == ORDERS[case]


def played_by_music21(text: str) -> list[int]:
    """Measures in the order in which music21 expands them."""
    from music21 import converter  # noqa: PLC0415  # takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = converter.parseData(text, format="musicxml").parts[0]
        return [one.pitch.diatonicNoteNum - 29 for one in part.expandRepeats().flatten().notes]


@pytest.mark.parametrize("case", CASES)
def test_music21_plays_the_same_measures(case: str) -> None:
    assert played_by_music21(written(CASES[case])) == ORDERS[case]


def sections(seed: int) -> list[tuple[str, str]]:
    """One to three sections, each of them repeated or not, with endings or without."""
    chance = random.Random(seed)
    measures: list[tuple[str, str]] = []
    for number in range(chance.randint(1, 3)):
        body = [("", "")] * chance.randint(1, 2)
        kind = chance.choice(["plain", "repeat", "three times", "two endings", "three endings"])
        if kind != "plain" and (number or chance.random() < 0.3):
            body[0] = OPEN, ""
        if kind in ("repeat", "three times"):
            body[-1] = body[-1][0], CLOSE if kind == "repeat" else THREE_TIMES
        if kind.endswith("endings"):
            body += [
                ending("1" if kind.startswith("two") else "1, 2"),
                ending("2" if kind.startswith("two") else "3", closes=False),
            ]
        measures += body
    return measures


def test_music21_plays_sections_in_the_same_order(tmp_path: Path) -> None:
    path = tmp_path / "a.musicxml"
    for seed in range(size(400, 30)):
        path.write_text(written(sections(seed)))
        chorale = read(path)
        assert [*(chorale.order or range(len(chorale.measures)))] == played_by_music21(path.read_text())


def test_a_chorale_is_read_as_it_is_played_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "four.musicxml"
    one = written(CASES["two endings"])
    inner = one[one.index('<part id="P0">') + len('<part id="P0">') : one.index("</part>")]
    listed = "".join(f'<score-part id="P{number}"><part-name/></score-part>' for number in range(4))
    parts = "".join(f'<part id="P{number}">{inner}</part>' for number in range(4))
    path.write_text(f"<score-partwise><part-list>{listed}</part-list>{parts}</score-partwise>")
    played = read_chorale(path, repeats=True)
    assert played.pitches[::16, 0].tolist() == [60, 62, 60, 64, 65]
    assert [measure.number for measure in played.measures] == ["1", "2", "1", "3", "4"]
    assert played.order == ()
    once = read_chorale(path)
    assert dataclasses.replace(once, order=()).pitches[::16, 0].tolist() == [60, 62, 64, 65]
