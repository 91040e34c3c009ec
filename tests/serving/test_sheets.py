"""Sheets: every sounding note is found in the picture with all its heads, and the score stays as it was."""

import re
from collections import Counter
from fractions import Fraction
from functools import reduce
from operator import or_
from pathlib import Path

import pytest
from handwritten import line, note, score
from sizes import size

from bachlit.errors import ScoreError
from bachlit.music.chorale import VOICES, Chorale
from bachlit.rendering.look import Look
from bachlit.scores import ScoreBytes, marked_musicxml, read_chorale, read_voices, to_musicxml
from bachlit.scores.source import exact_notes
from bachlit.serving.pieces import sounding
from bachlit.serving.sheets import Sheet

TRIPLET = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
TIE, TIED = '<tie type="start"/>', '<tie type="stop"/>'
REPEATED = '<attributes><measure-style><measure-repeat type="start">1</measure-repeat></measure-style></attributes>'
RESTS = (
    '<attributes><measure-style><measure-repeat type="stop"/></measure-style>'
    "<measure-style><multiple-rest>2</multiple-rest></measure-style></attributes>"
)
REST = '<note><rest measure="yes"/><duration>192</duration></note>'
BACK = "<backup><duration>192</duration></backup>"


def voiced(names: str, voice: int) -> str:
    return "".join(note(name, 8, voice=voice) for name in names.split())


def chords(*pairs: str) -> str:
    """Half notes of two voices, without stems of their own; one head for both where there is one name."""
    return "".join(
        note(name, 8, before="<chord/>" * bool(place)) for pair in pairs for place, name in enumerate(pair.split())
    )


SCORES = {
    "voices that share heads": score(
        [chords("E4 C5", "D4 D5"), chords("E4 E5", "G4"), chords("E4 C5", "E4 C5")],
        [chords("C3 G3", "G2 B3"), chords("C3 C4", "G3"), chords("C3 G3", "C3 G3")],
    ),
    "triplets, ties and grace notes": score(
        [
            "".join(note(name, 4 / 3) for name in ("C5", "D5", "E5")) + note("F5", 12, after=TIE),
            note("F5", 4, after=TIED) + note("G5", before="<grace/>") + note("E5", 4) + note("r", 8),
        ]
    ),
    "measures that are repeated and rested": score(
        [line("C5 D5 E5 F5"), REPEATED + REST, RESTS + REST, REST, line("C5 D5 E5 F5")]
    ),
    "two staves of two voices": score(
        [voiced("C5 D5", 1) + BACK + voiced("E4 G4", 2), voiced("E5 C5", 1) + BACK + voiced("E4 E4", 2)],
        [voiced("G3 B3", 1) + BACK + voiced("C3 G3", 2), voiced("C4 G3", 1) + BACK + voiced("C3 C3", 2)],
    ),
    "ids that the sheet would give": score([line("C5 r E5 F5").replace("<note>", '<note id="soprano-2">', 2)]).replace(
        '<measure number="1">', '<measure number="1" id="nsoprano-1" width="9">'
    ),
}


def assert_lawful(chorale: Chorale, sheet: Sheet, music: str) -> None:
    wide, narrow = sheet.svg(900), sheet.svg(400)
    drawn = [
        Counter(re.findall(r'<g id="n*((?:soprano|alto|tenor|bass)-[0-9]+)" class="note"', one))
        for one in (wide, narrow)
    ]
    listed = [Counter(name.lstrip("n") for _, ids in notes for name in ids) for notes in sheet.notes.values()]
    assert drawn[0] == drawn[1] == reduce(or_, listed)
    assert all(set(one.values()) <= {1} for one in listed)
    assert wide.count('class="measure"') == len(chorale.measures)
    for voice, notes in sheet.notes.items():
        sung = [(one.pitch, one.start, one.end) for one in exact_notes(chorale, voice)]
        assert [(one.pitch, one.start, one.end) for one, _ in notes] == sung
    assert sheet.music == music
    assert not re.search(r"<style|<script| style=| on\w+=|[\ue000-\uf8ff]", wide)


def assert_all_lawful(chorale: Chorale) -> None:
    """In both layouts, in its own and transposed."""
    voices = sounding(chorale)
    assert_lawful(chorale, Sheet.written(chorale, Look(), voices), to_musicxml(chorale, voices=voices))
    if len(voices) == len(VOICES):
        closed = Look("closed", "chords")
        assert_lawful(chorale, Sheet.written(chorale, closed), closed.music(chorale))
        moved = chorale.transpose(-2)
        assert_lawful(moved, Sheet.own(moved), marked_musicxml(moved, []).decode())


def test_every_note_of_bach_is_found_with_all_its_heads(bach: list[Chorale]) -> None:
    for chorale in bach[7 :: size(10, 200)]:
        assert_all_lawful(chorale)


@pytest.mark.parametrize("kind", SCORES)
def test_every_note_of_a_score_is_found(kind: str) -> None:
    read = ScoreBytes("score.musicxml", SCORES[kind].encode())
    try:
        chorale = read_chorale(read)
    except ScoreError:
        chorale = read_voices(read, keep_parts=True)
    assert_all_lawful(chorale)


def test_a_tied_note_has_its_heads_and_a_repeated_one_none() -> None:
    tied = read_voices(ScoreBytes("a.musicxml", SCORES["triplets, ties and grace notes"].encode()))
    notes = Sheet.written(tied, Look(), ["soprano"]).notes["soprano"]
    assert [len(ids) for _, ids in notes] == [1, 1, 1, 2, 1]
    assert notes[3].note.end - notes[3].note.start == 16
    assert notes[1].note.start == Fraction(4, 3)
    repeated = read_voices(ScoreBytes("a.musicxml", SCORES["measures that are repeated and rested"].encode()))
    notes = Sheet.written(repeated, Look(), ["soprano"]).notes["soprano"]
    assert [len(ids) for _, ids in notes] == [1] * 4 + [0] * 4 + [1] * 4


def test_readers_take_bytes_in_the_place_of_a_file(tmp_path: Path) -> None:
    for name, data in (("a.xml", SCORES["two staves of two voices"].encode()), ("b.abc", b"X:1\nT:A\nK:C\nCDEF|\n")):
        (tmp_path / name).write_bytes(data)
        assert read_voices(ScoreBytes(name, data)) == read_voices(tmp_path / name)
    with pytest.raises(ScoreError, match=r"^b\.mid can't be read as a score"):
        read_voices(ScoreBytes("b.mid", b"X"))
