"""A marked score is the user's own, with colours and labels added."""

import contextlib
import dataclasses
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, tostring

import numpy as np
import pytest
from chorales import chorales
from comparing import canonical, lengths_of, read, source_of, stubbed
from composed import Composed
from converting import kern, mei
from handwritten import line, note, score
from hypothesis import given, settings
from sizes import size

from bachlit.errors import ChoraleError, OptionError
from bachlit.music.chorale import VOICES, Chorale, cut
from bachlit.music.notes import notes_of
from bachlit.scores import Mark, ScoreWarning, marked_musicxml, read_chorale, to_midi, to_musicxml
from bachlit.scores.reading.bars import spans_of
from bachlit.scores.reading.musicxml import read_tree
from bachlit.scores.reading.safe_xml import parse_xml
from bachlit.scores.writing.closed import closed
from bachlit.scores.writing.sharing import insert

DIVISIONS = 4  # of a quarter, in what bachlit writes
AFTER_HEADS = {"staff", "beam", "notations", "lyric"}
RED, BLUE = "#D55E00", "#0072b2"


def chorale_in(path: Path, content: str | bytes) -> Chorale:
    """Four voices of a score, whatever is said about it."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        return read_chorale(path)


def random_marks(chorale: Chorale, seed: int, num: int = 12) -> list[Mark]:
    """Marks of notes that sound, some of them the same."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(np.argwhere(chorale.pitches > 0))[:num]
    return [
        Mark(int(frame), int(voice), (RED, BLUE)[number % 2], ("", "1", "8, 9", "∥5")[number % 4])
        for number, (frame, voice) in enumerate([*places, *places[:2]])
    ]


def painted(root: Element, lengths: Sequence[Fraction]) -> Counter[tuple[int, float]]:
    """Frames and sounding pitches of coloured heads, by the reader's walk."""
    heads = [list(part.iter("note")) for part in root.iterfind("part")]
    spans = spans_of(lengths)
    return Counter(
        (frame, tone.pitch)
        for part in read_tree(root).parts
        for span, measure in zip(spans, part.measures, strict=False)
        for tone in measure.tones
        if heads[part.place][tone.head].find("notehead[@color]") is not None
        for frame in range(ceil(span.frame(tone.start)), ceil(span.frame(tone.start + tone.length)))
    )


def expected(chorale: Chorale, marks: Sequence[Mark]) -> Counter[tuple[int, float]]:
    """Frames and pitches of the marked notes, by the grid."""
    chosen = {
        (mark.voice, note)
        for mark in marks
        for note in notes_of(chorale, VOICES[mark.voice])
        if note.start <= mark.frame < note.start + note.length
    }
    return Counter((frame, note.pitch) for _, note in chosen for frame in range(note.start, note.start + note.length))


def labels(root: Element) -> Iterator[tuple[str, str, str]]:
    """Colour, place and text of each label."""
    for direction in root.iter("direction"):
        for words in direction.iterfind("direction-type/words[@color]"):
            yield words.get("color", ""), direction.get("placement", ""), (words.text or "").strip()


def bare(root: Element) -> str:
    """A marked score without its marks."""
    root = fromstring(tostring(root))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.find("direction-type/words[@color]") is not None or child.get("color") in (RED, BLUE):
                parent.remove(child)
    return canonical(root)


def check(chorale: Chorale, seed: int, folder: Path) -> None:
    """Check that marks are all that a score gains, and stand where they should."""
    marks = random_marks(chorale, seed)
    source = source_of(chorale)
    content = marked_musicxml(chorale, marks)
    root = parse_xml(content.decode())
    assert painted(root, source.lengths) == expected(chorale, marks)
    assert {colour for colour, _, _ in labels(root)} == {RED, BLUE}
    for head in root.iter("note"):
        tags = [child.tag for child in head]
        if "notehead" in tags:
            place = tags.index("notehead")
            assert AFTER_HEADS.isdisjoint(tags[:place])
            assert AFTER_HEADS.issuperset(tags[place + 1 :])
    assert bare(root) == canonical(source.document)
    again = chorale_in(folder / f"{chorale.name}.musicxml", content)
    assert again == chorale


@pytest.fixture
def again(tmp_path: Path) -> Path:
    (tmp_path / "again").mkdir()
    return tmp_path / "again"


def piano(root: Element) -> str:
    """A closed score as one part on two staves."""
    upper, lower = root.findall("part")
    for part in (upper, lower):
        divisions = part.find("measure/attributes/divisions")
        assert divisions is not None
        for duration in part.iter("duration"):
            duration.text = str(int(duration.text or "0") * DIVISIONS // int(divisions.text or "1"))
        divisions.text = str(DIVISIONS)
    lengths = lengths_of(lower)
    for above, below, length in zip(upper.iterfind("measure"), lower.iterfind("measure"), lengths, strict=True):
        for staff, half in ((1, above), (2, below)):
            for head in half.iter("note"):
                for voice in head.iterfind("voice"):
                    voice.text = str(2 * staff - 2 + int(voice.text or "1"))
                insert(head, fromstring(f"<staff>{staff}</staff>"), ("beam", "notations", "lyric"))
        above.append(fromstring(f"<backup><duration>{length * DIVISIONS}</duration></backup>"))
        above.extend(child for child in below if child.tag in ("note", "backup"))
    root.remove(lower)
    first, listed = upper.find("measure/attributes"), root.find("part-list")
    assert first is not None
    assert listed is not None
    listed.remove(listed.findall("score-part")[1])
    insert(first, fromstring("<staves>2</staves>"), ("clef",))
    first.append(fromstring('<clef number="2"><sign>F</sign><line>4</line></clef>'))
    return tostring(root, encoding="unicode")


ABC = """X:1
T:Four voices
M:4/4
L:1/4
K:Dm
V:1 name="Soprano"
V:2 name="Alto"
V:3 name="Tenor" clef=bass
V:4 name="Bass" clef=bass
[V:1] d2 ^c/d/ e- | e f2 z |]
[V:2] A A A2 | A2 A z |]
[V:3] F2 E A,- | A, D2 z |]
[V:4] D, F, A,2 | C,2 D, z |]
"""


def content_of(chorale: Chorale, kind: str) -> str | bytes:
    """A chorale in a layout or format; a piece of its own in ABC."""
    text = to_musicxml(chorale)
    makers: dict[str, Callable[[], str | bytes]] = {
        "open": lambda: text,
        "closed": lambda: tostring(closed(fromstring(text))),
        "piano": lambda: piano(closed(fromstring(text))),
        "abc": lambda: ABC,
        "mid": lambda: to_midi(chorale),
        "mei": lambda: mei(text),
        "krn": lambda: kern(text),
    }
    return makers[kind]()


@pytest.mark.parametrize("kind", ["open", "closed", "piano", "abc", "mid", "mei", "krn"])
def test_a_score_gains_only_colours_and_labels(bach: list[Chorale], tmp_path: Path, again: Path, kind: str) -> None:
    suffix = "musicxml" if kind in ("open", "closed", "piano") else kind
    for seed, piece in enumerate(bach[: 5 if kind in ("abc", "mei", "krn") else size(350, 15) : 5]):
        content = content_of(cut(piece, 0, piece.pickup + 4 * piece.measure_length), kind)
        check(chorale_in(tmp_path / f"piece.{suffix}", content), seed, again)


def test_a_score_with_all_that_a_song_has_keeps_it(tmp_path: Path, again: Path) -> None:
    """Tuplets, grace notes, ties, transposing instruments, repeats, words, other parts."""
    layouts = Counter[int]()
    for seed in range(size(100, 3)):
        (tmp_path / "tune.musicxml").write_text(Composed(seed).musicxml())
        root = parse_xml(to_musicxml(stubbed(read(tmp_path / "tune.musicxml", keep_parts=seed % 3 == 0))))
        with contextlib.suppress(OptionError):
            root = closed(root) if seed % 3 == 1 else root
        names = root.findall("part-list/score-part/part-name")
        for name, voice in zip(names, (*VOICES, *["organ"] * len(names)), strict=False):
            name.text = voice.capitalize()
        layouts[min(len(names), 5)] += 1
        check(chorale_in(tmp_path / "four.musicxml", tostring(root)), seed, again)
    assert layouts.keys() == {2, 4, 5}


def check_written(chorale: Chorale, seed: int, lengths: Sequence[Fraction]) -> None:
    """Check a chorale that is written, since it has no score with its notes."""
    marks = random_marks(chorale, seed)
    root = parse_xml(marked_musicxml(chorale, marks).decode())
    assert bare(root) == canonical(parse_xml(to_musicxml(chorale)))
    assert painted(root, lengths) == expected(chorale, marks)


@settings(max_examples=size(200, 10), deadline=None)
@given(chorales())
def test_a_chorale_without_a_score_is_written(chorale: Chorale) -> None:
    check_written(chorale, 0, [Fraction(measure.length) for measure in chorale.measures])


def test_a_chorale_with_added_voices_is_written_with_its_tune(tmp_path: Path) -> None:
    for seed in range(size(50, 2)):
        (tmp_path / "tune.musicxml").write_text(Composed(seed).musicxml())
        chorale = stubbed(read(tmp_path / "tune.musicxml", keep_parts=True))
        check_written(chorale, seed, source_of(chorale).lengths)


def test_a_chorale_with_changed_notes_is_written_with_them(tmp_path: Path, bach: list[Chorale]) -> None:
    chorale = chorale_in(tmp_path / "a.musicxml", to_musicxml(cut(bach[0], 0, 68)))
    pitches = chorale.pitches.copy()
    pitches[8:12, 1] += 2
    check_written(dataclasses.replace(chorale, pitches=pitches), 0, source_of(chorale).lengths)


def test_a_score_that_was_transposed_or_renamed_is_marked_so(bach: list[Chorale], tmp_path: Path) -> None:
    short = cut(bach[0], 0, bach[0].pickup + 64)
    text = tostring(closed(fromstring(to_musicxml(short))), encoding="unicode")
    moved = dataclasses.replace(chorale_in(tmp_path / "a.musicxml", text).transpose(-2), title="Anders")
    marks = random_marks(moved, 0)
    content = marked_musicxml(moved, marks)
    assert painted(parse_xml(content.decode()), source_of(moved).lengths) == expected(moved, marks)
    again = chorale_in(tmp_path / "a.musicxml", content)
    assert again.pitches.tolist() == moved.pitches.tolist()
    assert again.title == "Anders"
    assert len(parse_xml(content.decode()).findall("part")) == 2


def test_labels_stand_where_the_note_does(tmp_path: Path) -> None:
    """Below for the lower voice of a staff; at the head that sounds of a tied note; the first colour wins."""
    tied = note("E4", 16, after='<tie type="start"/>'), note("E4", 16, after='<tie type="stop"/>')
    bars = {
        "Soprano": [line("C5 B4 C5 D5"), note("C5", 16)],
        "Alto": [line("G4 G4 G4 G4"), note("G4", 16)],
        "Tenor": list(tied),
        "Bass": [line("C3 G3 C3 B2"), note("C3", 16)],
    }
    marks = [
        Mark(4, 0, RED, "1"), Mark(5, 0, BLUE, "2"), Mark(7, 0, BLUE, "1"), Mark(4, 1, BLUE, "a \n b"),
        Mark(17, 2, RED, "3"), Mark(0, 3, RED), Mark(8, 3, BLUE, "∥8"),
    ]  # fmt: skip
    above = [(RED, "above", "1, 2"), (BLUE, "above", "a b"), (RED, "above", "3"), (BLUE, "above", "∥8")]
    for layout, places in (("open", ["above"] * 4), ("closed", ["above", "below"] * 2)):
        root = parse_xml(score(*bars.values(), names=list(bars)))
        text = tostring(closed(root) if layout == "closed" else root, encoding="unicode")
        marked = parse_xml(marked_musicxml(chorale_in(tmp_path / "a.musicxml", text), marks).decode())
        assert Counter(labels(marked)) == Counter(
            (colour, place, text) for (colour, _, text), place in zip(above, places, strict=True)
        )
        before = [
            (children[index + 1].findtext("pitch/step"), number)
            for number, measure in enumerate(marked.iterfind("part/measure"))
            for children in [list(measure)]
            for index, child in enumerate(children)
            if child.tag == "direction"
        ]
        assert sorted(step for step, _ in before if step) == sorted("BGEC")
        assert ("E", 5 if layout == "open" else 3) in before  # the second bar of the tenor's
    assert [head.get("color") for head in marked.iter("notehead")].count(RED) == 4  # both of the tied


def test_of_a_chord_only_the_voice_s_note_is_coloured(tmp_path: Path) -> None:
    """A label stands before the chord: after its first note it would be late."""
    pairs = [("C5", "G4", "E4", "C3"), ("B4", "G4", "D4", "G3"), ("G4", "G4", "E4", "C3"), ("D5", "G4", "F4", "B2")]
    high, low = (
        "".join(
            note(up, voice=1) + (note(down, before="<chord/>") if up != down else "")
            for up, down in (pair[2 * staff : 2 * staff + 2] for pair in pairs)
        )
        for staff in range(2)
    )
    chorale = chorale_in(tmp_path / "a.musicxml", score([high, high], [low, low], names=["Women", "Men"]))
    marks = [Mark(4, 1, RED, "low"), Mark(4, 2, BLUE), Mark(8, 0, BLUE, "one"), Mark(8, 1, RED, "two")]
    root = parse_xml(marked_musicxml(chorale, marks).decode())
    heads = [
        (one.findtext("pitch/step"), one.find("chord") is not None, one.find("notehead").get("color"))  # type: ignore[union-attr]
        for one in root.iter("note")
        if one.find("notehead") is not None
    ]
    assert heads == [("G", True, RED), ("G", False, BLUE), ("D", False, BLUE)]
    tags = [child.tag + "+" * (child.find("chord") is not None) for child in root.findall("part/measure")[0]]
    chord = ["note", "note+"]
    assert tags == ["attributes", *chord, "direction", *chord, "direction", "direction", "note", *chord]
    assert [*labels(root)] == [(RED, "below", "low"), (BLUE, "above", "one"), (BLUE, "below", "two")]


def test_a_head_s_own_shape_is_kept(tmp_path: Path) -> None:
    cross = note("C5", 16).replace("</voice>", '</voice><notehead color="#00FF00" filled="no">x</notehead>')
    chorale = chorale_in(tmp_path / "a.musicxml", score([cross], [note("G4", 16)], [note("E4", 16)], [note("C3", 16)]))
    root = parse_xml(marked_musicxml(chorale, [Mark(3, 0, RED)]).decode())
    [shape] = root.iter("notehead")
    assert (shape.text, shape.attrib) == ("x", {"color": RED, "filled": "no"})


@pytest.mark.parametrize("colour", ["red", "#D55E0", "#D55E0G", "#D55E00\n", "", "#\"<>&'x"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(OptionError, match="expected # and six hexadecimal digits"):
        Mark(0, 0, colour)


def test_marks_of_nothing_are_refused() -> None:
    rests = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[67, 0, 60, 48]] * 4)
    for frame, voice in ((4, 1), (8, 0), (-1, 0)):
        with pytest.raises(ChoraleError, match=f"has no note at frame {frame} to mark"):
            marked_musicxml(rests, [Mark(frame, voice, RED)])
    with pytest.raises(OptionError, match="no voice 4"):
        Mark(0, 4, RED)
    for jump in ("Fine", "D.C.", "to coda"):
        with pytest.raises(OptionError, match="means a jump"):
            Mark(0, 0, RED, jump)
