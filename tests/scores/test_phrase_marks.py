"""Signs of phrase ends in scores: words, breaths, slurs, double bars."""

from pathlib import Path

import pytest
from handwritten import note, score

from bachlit.music.phrase_marks import MarkKind
from bachlit.scores import line_ends, phrase_marks, read_melody, write_musicxml
from bachlit.scores.reading.abc.document import abc_document

EXAMPLES = Path(__file__).parents[2] / "examples"


def sung(name: str, text: str, *, verse: int = 1) -> str:
    """A quarter with a syllable."""
    lyric = f'<lyric number="{verse}"><syllabic>single</syllabic><text>{text}</text></lyric>'
    return note(name).replace("</note>", f"{lyric}</note>")


def marks_of(*measures: str, folder: Path) -> list[tuple[int, MarkKind]]:
    path = folder / "tune.musicxml"
    path.write_text(score(measures))
    return [tuple(mark) for mark in phrase_marks(read_melody(path))]


def test_punctuation_stands_before_the_next_syllable(tmp_path: Path) -> None:
    """A syllable may go on over more notes."""
    bar = sung("C4", "Lord,") + note("D4") + sung("E4", "come!\u201d") + sung("F4", "so")
    assert marks_of(bar, sung("C4", "on") + note("C4") * 3, folder=tmp_path) == [(8, "comma"), (12, "stop")]


def test_another_verse_is_no_evidence(tmp_path: Path) -> None:
    assert marks_of(sung("C4", "Lord,", verse=2) + note("D4") * 3, folder=tmp_path) == []


@pytest.mark.parametrize("sign", ["breath-mark", "caesura"])
def test_a_breath_stands_after_its_note(sign: str, tmp_path: Path) -> None:
    breathing = note("D4", after=f"<articulations><{sign}/></articulations>")
    assert marks_of(note("C4") + breathing + note("E4") * 2, folder=tmp_path) == [(8, "breath")]


def test_a_slur_ends_after_its_last_note(tmp_path: Path) -> None:
    slurred = note("C4", after='<slur type="start"/>') + note("D4", after='<slur type="stop"/>')
    assert marks_of(slurred + note("E4") * 2, folder=tmp_path) == [(8, "slur")]


def test_double_bars_count_within_the_piece(tmp_path: Path) -> None:
    double = '<barline location="right"><bar-style>light-light</bar-style></barline>'
    final = '<barline location="right"><bar-style>light-heavy</bar-style></barline>'
    bar = note("C4") * 4
    assert marks_of(bar, bar + double, bar + final, folder=tmp_path) == [(32, "double bar")]


def test_abc_has_them_too(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text(
        "X:1\nM:4/4\nL:1/4\nK:C\nC D !breath!E F || G A B c |]\nw: one, two three. four\n"
    )
    marks = phrase_marks(read_melody(tmp_path / "tune.abc"))
    assert [mark.kind for mark in marks] == ["comma", "breath", "stop", "double bar"]
    assert [mark.frame for mark in marks] == [4, 12, 12, 16]


LINES = "c d e f|g2 e2|", "d2 e2|c2", "z A|B2 B2-|B4", "|G A\\", "B c|c4|]"


def test_lines_of_abc_come_back_as_systems(tmp_path: Path) -> None:
    """They end within bars, before rests and bar lines, and go on after a backslash; words and fields stand between."""
    music = "\n".join((*LINES[:2], "w: one two", "K:G", *LINES[2:]))
    (tmp_path / "tune.abc").write_text(f"X:1\nM:4/4\nL:1/4\nK:C\n{music}\n")
    tune = read_melody(tmp_path / "tune.abc")
    marks = [mark.frame for mark in phrase_marks(tune) if mark.kind == "line"]
    assert marks == [32, 60, 96]
    measures = abc_document((tmp_path / "tune.abc").read_text()).iter("measure")
    assert [measure.get("number") for measure in measures if measure[0].tag == "print"] == ["3", "7"]
    write_musicxml(tune, tmp_path / "tune.musicxml")
    again = read_melody(tmp_path / "tune.musicxml")
    for one in (tune, again):
        assert line_ends(one) == [24, 48, 72, 112]
        assert [mark.frame for mark in phrase_marks(one) if mark.kind == "line"] == marks


def test_a_tune_of_one_line_ends_once(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nC D E F|G A B c|]\n")
    tune = read_melody(tmp_path / "tune.abc")
    assert phrase_marks(tune) == []
    assert line_ends(tune) == [28]


def test_without_a_source_nothing_is_marked() -> None:
    tune = read_melody(EXAMPLES / "twinkle.musicxml")
    assert phrase_marks(tune.transpose(2)) == phrase_marks(tune)
    assert phrase_marks(tune, "bass") == []
