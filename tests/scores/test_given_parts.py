"""What a musician hands in comes back element for element, and parts are added to it."""

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from comparing import canonical, check_added, check_ids, given_in, heard, read, source_of, stubbed
from composed import Composed
from sizes import size

from bachlit.errors import ScoreError
from bachlit.scores import read_voices, to_musicxml
from bachlit.scores.reading.contents import read_content
from bachlit.scores.reading.musicxml import musicxml_document
from bachlit.scores.reading.safe_xml import parse_xml

MUSIC21 = find_spec("music21")
assert MUSIC21 is not None
assert MUSIC21.origin is not None
SUITE = Path(MUSIC21.origin).parent / "musicxml" / "lilypondTestSuite"
SECOND_VOICE = "['C3']"  # as `Composed` writes it
FILES = sorted(path for path in SUITE.iterdir() if path.suffix in (".xml", ".mxl"))


def written(path: Path) -> tuple[Element, str]:
    """The given part of a file as it was, and the document with parts added to it; checks the law between them."""
    chorale = stubbed(read(path))
    given = given_in(chorale)
    content = read_content(path)
    assert content is not None
    before = musicxml_document(str(content.data)).findall("part")[given.place]
    text = to_musicxml(chorale)
    output = parse_xml(text)
    [after] = [part for part in output.iterfind("part") if part.get("id") == before.get("id")]
    check_added(output, after)
    if given.heads is None:
        added = after.findall("measure")[len(before.findall("measure")) :]
        assert not any(measure.findall("note") for measure in added)
        for measure in added:
            after.remove(measure)
        assert canonical(after) == canonical(before)
    return before, text


@pytest.mark.parametrize("seed", range(20))
def test_a_given_part_comes_back_element_for_element(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "tune.musicxml"
    for number in range(seed * size(100, 10), (seed + 1) * size(100, 10)):
        path.write_text(Composed(number).musicxml())
        written(path)


@pytest.mark.parametrize("seed", range(size(400, 8)))
def test_music21_hears_the_given_part_as_before(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "tune.musicxml"
    path.write_text(Composed(seed).musicxml())
    before, text = written(path)
    given = given_in(read(path))
    sung = [list(before.iter("note"))[note.heads[0]].findtext("voice") for note in given.notes]
    if given.heads is not None and "2" in sung:
        pytest.skip("the tune goes on in the second voice where the first rests")
    places = [
        [part.get("id") for part in document.iterfind("part")].index(before.get("id"))
        for document in (musicxml_document(path.read_text()), parse_xml(text))
    ]
    partwise = ElementTree.tostring(musicxml_document(path.read_text()), encoding="unicode")
    expected = [[row for row in measure if SECOND_VOICE not in row] for measure in heard(partwise, places[0])]
    assert heard(text, places[1]) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.partition("-")[0])
def test_parts_of_the_suite_come_back(path: Path) -> None:
    try:
        read(path)
    except ScoreError:
        pytest.skip("holds no tune")
    written(path)


def test_parts_that_are_kept_stand_below_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "tune.musicxml"
    for seed in range(size(200, 20)):
        path.write_text(Composed(seed).musicxml())
        chorale = stubbed(read_voices(path, keep_parts=True))
        text = to_musicxml(chorale)
        output, source = parse_xml(text), source_of(chorale).document
        check_ids(output)
        below = output.findall("part")[4:]
        others = [
            part
            for place, part in enumerate(source.iterfind("part"))
            if place != given_in(chorale).place or given_in(chorale).heads is not None
        ]
        assert [canonical(part) for part in below] == [canonical(part) for part in others]
