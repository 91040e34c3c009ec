"""A score says the same in MusicXML, MEI, kern, ABC and MIDI, as far as each format can."""

from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from comparing import canonical, check_added, given_in, heard, read, source_of, stubbed
from composed import Composed
from converting import kern, mei
from sizes import size

from bachlit.music.chorale import Chorale
from bachlit.scores import to_midi, to_musicxml
from bachlit.scores.reading.safe_xml import parse_xml

SEEDS = range(size(40, 6))


def exact(chorale: Chorale) -> list[tuple[int, Fraction, Fraction]]:
    """The tune's notes, as fine as the source has them."""
    return [note[:3] for note in given_in(chorale).notes]


def spelled(chorale: Chorale) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """Name of each of the tune's notes, with its words; ties joined."""
    heads = list(part_of(chorale).iter("note"))
    first = [heads[note.heads[0]] for note in given_in(chorale).notes]
    return [
        (
            head.findtext("pitch/step", ""),
            str(int(head.findtext("pitch/alter", "0"))),
            head.findtext("pitch/octave", ""),
            [(lyric.get("number", "1"), lyric.findtext("text", "")) for lyric in head.iterfind("lyric")],
        )
        for head in first
    ]


def part_of(chorale: Chorale) -> Element:
    """The tune's part in its source."""
    return source_of(chorale).document.findall("part")[given_in(chorale).place]


@pytest.mark.parametrize(("convert", "suffix"), [(mei, ".mei"), (kern, ".krn")])
def test_mei_and_kern_say_what_musicxml_says(tmp_path: Path, convert, suffix: str) -> None:  # type: ignore[no-untyped-def]
    for seed in SEEDS:
        text = Composed(seed, plain=True, coarse=True).musicxml()
        (tmp_path / "tune.musicxml").write_text(text)
        (tmp_path / f"tune{suffix}").write_text(convert(text))
        expected, found = read(tmp_path / "tune.musicxml"), read(tmp_path / f"tune{suffix}")
        assert exact(found) == exact(expected)
        assert spelled(found) == spelled(expected)
        assert found.measures == expected.measures
        assert (found.key, found.keys, found.order) == (expected.key, expected.keys, expected.order)
        assert found.title == expected.title
        assert source_of(found).chords == source_of(expected).chords


TUNE_IN_ABC = """X:1
T:Nun danket
C:Crüger
M:3/4
L:1/8
Q:1/4=96
K:G
|: D2 | "G"G2 (3GAB "D7/F#"^F2-|F/F/ {c}B3 A2 |1 "Em"E4 :|2 !fermata!G4 || [K:Edor] [M:2/4] EF=c^c | E4 |]
w: Nun dan-ket al-le_ Gott, mit Her-zen, | Mund und Hän-den, der
w: Der ew-ge rei-che Gott
"""


def content_of(name: str) -> str | bytes:
    """A tune in a format."""
    if name == "tune.abc":
        return TUNE_IN_ABC
    if name == "tune.krn":
        return kern(Composed(3, plain=True, coarse=True).musicxml())
    return to_midi(Chorale.from_pitches([[67, 64, 60, 48]] * 8 + [[69, 65, 60, 53]] * 8), voices=["soprano"])


@pytest.mark.parametrize("name", ["tune.abc", "tune.krn", "tune.mid"])
def test_what_other_formats_give_comes_back_in_musicxml(tmp_path: Path, name: str) -> None:
    content = content_of(name)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    chorale = stubbed(read(tmp_path / name))
    text = to_musicxml(chorale)
    output = parse_xml(text)
    before = part_of(chorale)
    [after] = [part for part in output.iterfind("part") if part.get("id") == before.get("id")]
    assert canonical(after) == canonical(before)
    check_added(output, after)
    listed = [part.get("id") for part in output.iterfind("part")]
    (tmp_path / "again.musicxml").write_text(text)
    assert exact(read(tmp_path / "again.musicxml")) == exact(chorale)
    rows = [row for measure in heard(text, listed.index(before.get("id"))) for row in measure]
    num_rests = sum("note.Rest" in row for row in rows)
    num_heads = sum("note.Note" in row and ", True, " not in row for row in rows)
    assert num_heads == sum(len(note.heads) for note in given_in(chorale).notes)
    assert num_rests == sum(1 for _ in before.iter("rest"))


def test_abc_comes_back_as_music21_hears_it_written(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text(TUNE_IN_ABC)
    chorale = stubbed(read(tmp_path / "tune.abc"))
    assert chorale.order == (0, 1, 2, 3, 0, 1, 2, 4, 5, 6)
    assert [str(key) for _, key in ((0, chorale.key), *chorale.keys)] == ["G major", "E dorian"]
    assert [text for _, text in source_of(chorale).chords] == ["G", "D7/F#", "Em"]
    rows = "\n".join(row for measure in heard(to_musicxml(chorale), 0) for row in measure)
    assert rows.count("ChordSymbol") == 3
    assert rows.count("Fermata") == 1
    assert rows.count("'start'") == rows.count("'stop'") == 1
    assert [word in rows for word in ("'Nun'", "'dan'", "'Her'", "'ew'")] == [True] * 4
    assert "TimeSignature 2/4" in rows
    assert "E dorian" in rows or "of 2 sharps" in rows
