"""Closed score: what four staves say stands on two."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from xml.etree.ElementTree import Element, fromstring, tostring

import numpy as np
import pytest
from chorales import chorales
from hypothesis import given, settings
from music21 import converter
from sizes import size

from bachlit.errors import OptionError
from bachlit.music.chorale import Chorale
from bachlit.music.keys import alteration
from bachlit.scores import to_musicxml
from bachlit.scores.writing.closed import closed
from bachlit.scores.writing.elements import ACCIDENTALS
from bachlit.scores.writing.placing import placed_measures

# A tune with all that a grid doesn't know, counted in twelfths of a quarter.
TUNE = """<part id="P1"><measure number="1"><attributes><divisions>12</divisions><key><fifths>-1</fifths></key><time>
<beats>3</beats><beat-type>4</beat-type></time><clef><sign>C</sign><line>1</line></clef></attributes>
<barline location="left"><repeat direction="forward"/></barline><direction placement="above"><direction-type>
<words>Andante</words></direction-type></direction><harmony><root><root-step>F</root-step></root><kind>major</kind>
</harmony><note><pitch><step>F</step><octave>5</octave></pitch><duration>12</duration><voice>3</voice>
<type>quarter</type><lyric number="1"><syllabic>single</syllabic><text>Wach</text></lyric><lyric number="2">
<syllabic>single</syllabic><text>Zi</text></lyric></note>TRIPLET TRIPLET TRIPLET<note><grace slash="yes"/><pitch>
<step>A</step><octave>5</octave></pitch><voice>3</voice><type>eighth</type></note><note><pitch><step>G</step>
<octave>5</octave></pitch><duration>12</duration><voice>3</voice><type>quarter</type><lyric number="1">
<syllabic>single</syllabic><text>auf</text></lyric></note><barline location="right">
<ending number="1" type="discontinue"/><repeat direction="backward"/></barline></measure></part>""".replace(
    "TRIPLET",
    "<note><pitch><step>B</step><alter>0</alter><octave>4</octave></pitch><duration>4</duration><voice>3</voice>"
    "<type>eighth</type><accidental>natural</accidental><time-modification><actual-notes>3</actual-notes>"
    "<normal-notes>2</normal-notes></time-modification></note>",
)


def with_lower_voices(tune: str, chords: list[list[int]]) -> Element:
    """A user's tune above alto, tenor and bass, which have a beat each."""
    lower = fromstring(to_musicxml(Chorale.from_pitches([[60, *chord] for chord in chords for _ in range(4)]),
                                   voices=("alto", "tenor", "bass")))  # fmt: skip
    for number, part in enumerate([*lower.findall("part"), *lower.findall("part-list/score-part")]):
        part.set("id", f"P{number % 3 + 2}")
    lower.insert(list(lower).index(lower.findall("part")[0]), fromstring(tune))
    names = fromstring('<score-part id="P1"><part-name>Melodie</part-name></score-part>')
    lower.find("part-list").insert(0, names)  # type: ignore[union-attr]
    return lower


MIXED = with_lower_voices(TUNE, [[69, 60, 53], [71, 62, 0], [70, 60, 0]])


def sounding(root: Element) -> Iterator[tuple[int, Fraction, Fraction, str]]:
    """Measure, time, length and pitch of every written note, by our own walk."""
    for part in root.iterfind("part"):
        for index, measure in enumerate(placed_measures(part)):
            for child in measure.children:
                if child.element.tag == "note" and child.element.find("rest") is None:
                    pitch = child.element.find("pitch")
                    assert pitch is not None
                    yield index, child.onset, child.length, "".join(part.text or "" for part in pitch)


def assert_same_music(root: Element) -> Element:
    made = closed(root)
    assert Counter(sounding(made)) == Counter(sounding(root))
    assert len(made.findall("part")) == 2
    return made


def read_by_music21(root: Element) -> Counter[tuple[Fraction, str]]:
    """Time and spelling of all notes."""
    score = converter.parseData(tostring(root, encoding="unicode"), format="musicxml")
    notes = score.flatten().notes
    return Counter((Fraction(note.offset), pitch.nameWithOctave) for note in notes for pitch in note.pitches)


def test_all_notes_of_bach_stand_on_two_staves(bach: list[Chorale]) -> None:
    for chorale in bach[:: size(4, 100)]:
        root = fromstring(to_musicxml(chorale))
        assert read_by_music21(assert_same_music(root)) == read_by_music21(root)


@settings(max_examples=30, deadline=None)
@given(chorales())
def test_accidentals_on_a_shared_staff_say_what_is_meant(chorale: Chorale) -> None:
    """Read as a player reads: an accidental holds for its line, in both voices, to the end of the bar."""
    made = assert_same_music(fromstring(to_musicxml(chorale)))
    signs = {sign: alter for alter, sign in ACCIDENTALS.items()}
    for part in made.iterfind("part"):
        for measure in placed_measures(part):
            in_force: dict[tuple[str, str], int] = {}
            for child in sorted(measure.children, key=lambda child: child.onset):
                note = child.element
                if note.find("pitch") is None:
                    continue
                line = note.findtext("pitch/step", ""), note.findtext("pitch/octave", "")
                if any(tie.get("type") == "stop" for tie in note.iterfind("tie")):
                    continue
                if (sign := note.findtext("accidental")) is not None:
                    in_force[line] = signs[sign]
                meant = int(note.findtext("pitch/alter", "0"))
                assert in_force.get(line, alteration(line[0], chorale.key.fifths)) == meant


def test_a_tune_of_one_s_own_comes_back_with_all_that_it_has() -> None:
    made = assert_same_music(MIXED)
    upper, lower = made.findall("part")
    text = tostring(upper, encoding="unicode")
    for kept in (
        "<ending",
        'direction="forward"',
        'direction="backward"',
        "Andante",
        "<kind>major",
        "Wach",
        "Zi",
        "<grace",
    ):
        assert text.count(kept) == 1
    assert text.count("<time-modification>") == 3
    assert [clef.text for clef in made.iter("sign")] == ["G", "F"]
    assert "Melodie\nAlto" in [name.text for name in made.iter("part-name")]
    assert read_by_music21(made) == read_by_music21(MIXED)
    assert {note.findtext("stem") for note in upper.iter("note") if note.findtext("voice") == "1"} == {"up"}
    assert {note.findtext("voice") for note in upper.iter("note")} == {"1", "2"}
    assert {note.findtext("voice") for note in lower.iter("note")} == {"1", "2"}


def test_rests_and_fermatas_of_both_voices_stand_once() -> None:
    pitches = [[67, 64, 60, 48]] * 8 + [[0, 0, 0, 0]] * 8 + [[67, 0, 60, 48]] * 16
    piece = replace(Chorale.from_pitches(pitches), fermatas=np.arange(32) >= 16)
    made = closed(fromstring(to_musicxml(piece)))
    for part in made.iterfind("part"):
        first, second = part.findall("measure")
        shown = [
            note for note in first.iter("note") if note.find("rest") is not None and note.get("print-object") != "no"
        ]
        assert len(shown) == 1
        assert shown[0].find("rest/display-step") is not None
        assert len(second.findall("note/notations/fermata")) == 1
    assert [fermata.get("type") for fermata in made.iter("fermata")] == ["upright", "inverted"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("<staves>2</staves>", "part 1 has several"),
        ("<transpose><chromatic>-2</chromatic></transpose>", "part 1 is for a transposing instrument"),
    ],
)
def test_what_can_t_stand_on_two_staves_is_refused(fault: str, sentence: str) -> None:
    root = fromstring(to_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 16)))
    root.find("part/measure/attributes").append(fromstring(fault))  # type: ignore[union-attr]
    with pytest.raises(OptionError, match=sentence):
        closed(root)
    root.remove(root.findall("part")[-1])
    with pytest.raises(OptionError, match="needs four parts, and there are 3"):
        closed(root)


def test_what_is_given_stays_as_it_is() -> None:
    before = tostring(MIXED)
    closed(MIXED)
    assert tostring(MIXED) == before


def test_divisions_may_change_within_a_bar_and_stand_late() -> None:
    second = "<measure><note><pitch><step>C</step><octave>4</octave></pitch><duration>8</duration></note></measure>"

    def part(name: str, *counts: str) -> str:
        notes = [f"<note><pitch><step>C</step><octave>4</octave></pitch><duration>{count}</duration></note>" if
                 count.isdecimal() else f"<attributes><divisions>{count[1:]}</divisions></attributes>"
                 for count in counts]  # fmt: skip
        return f'<part id="{name}"><measure number="1">{"".join(notes)}</measure>{second}</part>'

    listed = "".join(f'<score-part id="P{number}"><part-name /></score-part>' for number in range(1, 5))
    parts = part("P1", "d1", "2", "d8", "16"), part("P2", "4", "d2", "4"), part("P3", "3", "1"), part("P4", "d3", "12")
    root = fromstring(f"<score-partwise><part-list>{listed}</part-list>{''.join(parts)}</score-partwise>")
    made = assert_same_music(root)
    lengths = [length for _, _, length, _ in sounding(made)]
    assert lengths == [2, 2, 2, 2, 1, 4, 3, 1, 4, 8, Fraction(8, 3)]
