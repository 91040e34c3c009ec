"""Which files are scores, what is wrong with those that aren't, and the formats that are read."""

import warnings
from pathlib import Path

import pytest
from archives import container, zipped
from chorales import melody, random_chorale
from handwritten import line, note, score
from music21 import converter

from bachlit.errors import ScoreError
from bachlit.music.chorale import Chorale
from bachlit.scores import SUFFIXES, read_chorale, read_melody, to_midi, to_musicxml

GARBAGE = bytes(range(256)) * 4
KERN = """!!!OTL: Allein Gott
**kern\t**kern\t**kern\t**kern
*M3/4\t*M3/4\t*M3/4\t*M3/4
*k[f#]\t*k[f#]\t*k[f#]\t*k[f#]
*G:\t*G:\t*G:\t*G:
4G\t4d\t4b\t4g
=1\t=1\t=1\t=1
2GG\t2d\t[2dd\t2g
4D\t8d\t4dd]\t4f#
.\t8c\t.\t.
=2\t=2\t=2\t=2
2.GG;\t2.B;\t2.d;\t2.g;
==\t==\t==\t==
*-\t*-\t*-\t*-
"""


def save(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sung(chorale: Chorale, column: int = 0) -> list[tuple[int, int]]:
    """(pitch, length) of every note and rest of a voice."""
    starts = [*chorale.onsets[:, column].nonzero()[0].tolist(), chorale.num_frames]
    return [
        (int(chorale.pitches[start, column]), end - start)
        for start, end in zip(starts[:-1], starts[1:], strict=True)  # noqa: RUF007
    ]


def refused(path: Path) -> str:
    """The one sentence with which both readers refuse a file."""
    sentences = []
    for read in (read_melody, read_chorale):
        with pytest.raises(ScoreError) as error:
            read(path)
        sentences.append(str(error.value))
    assert sentences[0] == sentences[1]
    assert "\n" not in sentences[0]
    assert sentences[0].endswith(".")
    assert str(path) in sentences[0]
    return sentences[0]


@pytest.mark.parametrize("name", ["none.musicxml", "folder.mid", "folder.xml/none.xml", "a" * 400 + ".xml", "\0.xml"])
def test_what_is_not_a_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mid").mkdir()
    assert "There is no file" in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["melody.pdf", "melody", "melody.mscz", ".xml"])
def test_a_file_that_neither_ends_nor_begins_like_a_score_is_refused(tmp_path: Path, name: str) -> None:
    assert "expected one of .musicxml, .xml, .mxl" in refused(save(tmp_path, name, "C4 D4 E4 F4"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content", [b"", GARBAGE, b"\0", b"Hello, this is\nno score\nat all.\n", b"<html><body>Hi</body></html>"]
)
def test_what_is_no_score_is_refused_in_any_format(tmp_path: Path, suffix: str, content: bytes) -> None:
    refused(save(tmp_path, "file" + suffix, content))


@pytest.mark.parametrize(
    "content",
    [
        score([line("C4 D4")])[:-40],
        zipped({"readme.txt": "x"}),
    ],
)
def test_xml_that_is_not_a_score_partwise_is_refused(tmp_path: Path, content: str | bytes) -> None:
    sentence = refused(save(tmp_path, "file.mxl" if isinstance(content, bytes) else "file.xml", content))
    assert "expected MusicXML with a score-partwise" in sentence


@pytest.mark.parametrize(
    "content",
    [
        "<score-partwise><part-list/></score-partwise>",
        score([note("r", 16)]),
        score(["<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>" + note("r", 16)]),
        score(["<note><unpitched/><duration>192</duration></note>"]),
    ],
    ids=["no parts", "rests", "chord symbols", "drums"],
)
def test_a_score_without_notes_is_refused(tmp_path: Path, content: str) -> None:
    assert "has no pitched notes" in refused(save(tmp_path, "file.xml", content))


@pytest.mark.parametrize("name", ["UP.XML", "we #1 (é) %20.musicxml", "a.mid.xml"])
def test_any_name_is_opened_and_names_the_chorale(tmp_path: Path, name: str) -> None:
    chorale = read_melody(save(tmp_path, name, score([line("C4 D4 E4 F4")])))
    assert chorale.name == name.rpartition(".")[0]
    assert chorale.title == ""


def test_zipped_musicxml_is_read_as_plain_musicxml(tmp_path: Path) -> None:
    chorale = random_chorale(5, num_frames=40, pickup=4, title="Jesu, meine Freude")
    plain = save(tmp_path, "file.musicxml", to_musicxml(chorale))
    packed = save(tmp_path, "file.mxl", zipped({**container("score.xml"), "score.xml": to_musicxml(chorale)}))
    assert read_chorale(packed) == read_chorale(plain)


def test_kern_is_read_from_its_last_spine_to_its_first(tmp_path: Path) -> None:
    # The alto of this example lies above the soprano: places decide, not pitches.
    chorale = read_chorale(save(tmp_path, "file.krn", KERN))
    assert sung(chorale, 0) == [(67, 4), (67, 8), (66, 4), (67, 12)]
    assert sung(chorale, 1) == [(71, 4), (74, 12), (62, 12)]
    assert sung(chorale, 2) == [(62, 4), (62, 8), (62, 2), (60, 2), (59, 12)]
    assert sung(chorale, 3) == [(55, 4), (43, 8), (50, 4), (43, 12)]
    assert chorale.fermatas.nonzero()[0].tolist() == list(range(16, 28))
    assert (chorale.time_signature, chorale.pickup, str(chorale.key)) == ((3, 4), 4, "G major")
    assert chorale.title == "Allein Gott"


def test_characters_that_xml_lacks_are_left_out_of_kern(tmp_path: Path) -> None:
    text = KERN.replace("Allein", "\0Allein\x01").replace("2GG\t", "2GG\0\t")
    assert text.count("\0") == 2
    chorale = read_chorale(save(tmp_path, "tune.krn", text))
    assert chorale.title == "Allein Gott"
    assert read_chorale(save(tmp_path, "tune.musicxml", to_musicxml(chorale))) == chorale


def test_one_spine_of_kern_is_a_melody(tmp_path: Path) -> None:
    spine = "\n".join(line.split("\t")[-1] for line in KERN.splitlines()) + "\n"
    assert sung(read_melody(save(tmp_path, "file.krn", spine))) == [(67, 4), (67, 8), (66, 4), (67, 12)]


def test_a_voice_of_midi_is_found_by_the_name_of_its_track(tmp_path: Path) -> None:
    chorale = random_chorale(2, num_frames=64)
    path = save(tmp_path, "file.mid", to_midi(chorale, voices=("bass", "soprano", "alto")))
    assert [read_melody(path, voice=voice).pitches.max() for voice in ("soprano", "alto", "bass")] == [
        chorale.pitches[:, column].max() for column in (0, 1, 3)
    ]


def test_the_sound_of_a_midi_track_does_not_transpose_it(tmp_path: Path) -> None:
    trumpet = to_midi(melody((67, 4), (69, 12)), voices=("soprano",)).replace(b"\xc0\x34", b"\xc0\x38")
    assert sung(read_melody(save(tmp_path, "file.mid", trumpet))) == [(67, 4), (69, 12)]


@pytest.mark.parametrize(
    ("written", "semitones", "key"),
    [
        ("<diatonic>-1</diatonic><chromatic>-2</chromatic>", -2, "B-flat major"),
        ("<diatonic>0</diatonic><chromatic>0</chromatic><octave-change>1</octave-change>", 12, "C major"),
    ],
)
def test_a_transposing_instrument_is_read_as_it_sounds(tmp_path: Path, written: str, semitones: int, key: str) -> None:
    text = score([line("C4 D4 E4 F4")], attributes=f"<transpose>{written}</transpose>")
    chorale = read_melody(save(tmp_path, "file.xml", text))
    assert [pitch - semitones for pitch, _ in sung(chorale)] == [60, 62, 64, 65]
    assert str(chorale.key) == key


@pytest.mark.parametrize("name", ["Trumpet", "Clarinet in Bb", "Tenor"])
def test_a_name_or_an_octave_clef_does_not_transpose(tmp_path: Path, name: str) -> None:
    clef = "<clef><sign>G</sign><line>2</line><clef-octave-change>-1</clef-octave-change></clef>"
    text = score([line("C4 D4 E4 F4")], names=[name], attributes=clef)
    assert [pitch for pitch, _ in sung(read_melody(save(tmp_path, "file.xml", text)))] == [60, 62, 64, 65]


def test_what_music21_warns_of_is_not_passed_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It prints that it draws such a bar line as another."""
    path = save(tmp_path, "file.krn", "**kern\n*M4/4\n=1\n4c\n4d\n4e\n4f\n==|\n*-\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*no mode of its key is written")
        assert sung(read_melody(path)) == [(60, 4), (62, 4), (64, 4), (65, 4)]
    assert capfd.readouterr() == ("", "")
    converter.parse(path, format="humdrum", forceSource=True)
    assert "not supported in music21" in capfd.readouterr().err
