"""A file is read by what it holds: under any name, in any encoding, and as it sounds."""

from pathlib import Path

import pytest
from archives import container, zipped
from chorales import melody
from handwritten import line, note, score

from bachlit.errors import ScoreError
from bachlit.scores import read_chorale, read_melody, read_voices, to_midi, to_musicxml
from bachlit.scores.writing.midi import TICKS_PER_FRAME

TUNE = melody((67, 4), (69, 4), (71, 8))
ABC = "X:1\nM:4/4\nL:1/4\nK:G\nGAB2|\n"
KERN = "**kern\n*M4/4\n*k[f#]\n*G:\n4g\n4a\n2b\n*-\n"
FILES = {
    "MusicXML": to_musicxml(TUNE, voices=("soprano",)).encode(),
    "MXL": zipped({**container("tune.xml"), "tune.xml": to_musicxml(TUNE, voices=("soprano",))}),
    "MXL without a container": zipped({"a.png": "", "b.xml": to_musicxml(TUNE, voices=("soprano",))}),
    "MIDI": to_midi(TUNE, voices=("soprano",)),
    "ABC": ABC.encode(),
    "kern": KERN.encode(),
}


@pytest.mark.parametrize("suffix", [".musicxml", ".xml", ".mxl", ".mid", ".midi", ".abc", ".krn", ".txt", ".pdf", ""])
@pytest.mark.parametrize("kind", FILES)
def test_a_tune_is_read_under_any_name(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"tune{suffix}"
    path.write_bytes(FILES[kind])
    chorale = read_voices(path)
    assert chorale.pitches.tolist() == TUNE.pitches.tolist()
    assert chorale.onsets.tolist() == TUNE.onsets.tolist()


@pytest.mark.parametrize("declared", ["", "UTF-8", "utf-16", "ISO-8859-1", "windows-1252", "zip", "idna", "no-such"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_a_title_is_read_in_any_encoding_whatever_is_declared(tmp_path: Path, encoding: str, declared: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    text = head + score([line("C4 D4 E4 F4")], head="<movement-title>Für Ännchen</movement-title>")
    (tmp_path / "tune.xml").write_bytes(text.encode(encoding))
    assert read_melody(tmp_path / "tune.xml").title == "Für Ännchen"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_abc_is_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "tune.abc").write_bytes(ABC.replace("X:1\n", "X:1\nT:Für\n").encode(encoding))
    assert read_melody(tmp_path / "tune.abc").title == "Für"


def test_a_score_by_time_is_read_as_one_by_parts(tmp_path: Path) -> None:
    measures = [note("G4"), line("C4 D4 E4 F4")]
    by_parts = score(*[measures] * 4)
    attributes = by_parts[by_parts.index("<attributes>") : by_parts.index("</attributes>") + len("</attributes>")]
    by_time = "<score-timewise>" + by_parts[by_parts.index("<part-list>") : by_parts.index('<part id="P0">')]
    for number, measure in enumerate(measures, start=1):
        start = attributes if number == 1 else ""
        parts = "".join(f'<part id="P{index}">{start}{measure}</part>' for index in range(4))
        by_time += f'<measure number="{number}">{parts}</measure>'
    (tmp_path / "score.xml").write_text(by_parts)
    expected = read_chorale(tmp_path / "score.xml")
    (tmp_path / "score.xml").write_text(f"{by_time}</score-timewise>")
    assert read_chorale(tmp_path / "score.xml") == expected
    assert (expected.pickup, expected.num_frames) == (4, 20)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"readme.txt": "x"}, "it is an archive without a score"),
        ({"tune.mscx": "<museScore/>", "META-INF/container.xml": "<container/>"}, "it is MuseScore's own format"),
        ({**container("tune.xml"), "tune.xml": zipped({"tune.xml": "x"})}, "not well-formed"),
        ({}, "it is an archive"),
    ],
    ids=["no score", "MuseScore", "an archive in an archive", "empty"],
)
def test_an_archive_that_is_no_score_is_refused(tmp_path: Path, files: dict[str, str | bytes], said: str) -> None:
    (tmp_path / "tune.mxl").write_bytes(zipped(files) if files else b"PK\x03\x04")
    with pytest.raises(ScoreError, match=said):
        read_voices(tmp_path / "tune.mxl")


def test_drums_of_midi_are_no_tune(tmp_path: Path) -> None:
    tune = bytearray(to_midi(melody((67, 16)), voices=("soprano",)))
    drums = (
        to_midi(melody((40, 16)), voices=("soprano",))
        .replace(b"\x90\x28", b"\x99\x28")
        .replace(b"\x80\x28", b"\x89\x28")
    )
    drums_track = drums[drums.rindex(b"MTrk") :]
    tune[10:12] = (3).to_bytes(2, "big")
    (tmp_path / "tune.mid").write_bytes(
        bytes(tune[: tune.rindex(b"MTrk")]) + drums_track + bytes(tune[tune.rindex(b"MTrk") :])
    )
    assert read_voices(tmp_path / "tune.mid").compass == (67, 67)
    (tmp_path / "drums.mid").write_bytes(drums)
    with pytest.raises(ScoreError, match="has no pitched notes"):
        read_voices(tmp_path / "drums.mid")


def test_two_channels_of_one_midi_track_are_two_parts(tmp_path: Path) -> None:
    events = b"".join(
        [
            bytes([0, 0x90, 72, 80, 0, 0x91, 48, 80, 0x87, 0x40]),
            bytes([0x80, 72, 0, 0, 0x81, 48, 0]),
        ]
    )
    assert 8 * TICKS_PER_FRAME == 0x07 << 7 | 0x40  # the time after which they end
    track = b"MTrk" + len(events).to_bytes(4, "big") + events
    (tmp_path / "tune.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0" + track)
    with pytest.warns(UserWarning, match=r"taken from part 1 \(.*channel 1\); left out: part 2 \(.*channel 2"):
        assert read_voices(tmp_path / "tune.mid").pitches[:8, 0].tolist() == [72] * 8


def midi_of(*events: bytes) -> bytes:
    """A MIDI file of one track, of which a quarter has 480 ticks."""
    track = b"".join(events)
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(track).to_bytes(4, "big") + track


@pytest.mark.parametrize("between", [b"\0\xff\x05\2la", b"\0\xf0\3abc"], ids=["a syllable", "a message"])
def test_a_status_of_midi_holds_on_after_what_stands_between_notes(tmp_path: Path, between: bytes) -> None:
    """The standard has it end there, but programs write on, and a note that was taken for a text was lost."""
    first, second = b"\0\x90\x48\x50\x87\x40\x48\0", b"\0\x4a\x50\x87\x40\x4a\0"
    (tmp_path / "tune.mid").write_bytes(midi_of(first, between, second))
    assert read_voices(tmp_path / "tune.mid").pitches[:, 0].tolist() == [72] * 8 + [74] * 8


def test_names_of_midi_end_where_a_zero_does(tmp_path: Path) -> None:
    note_on_and_off = b"\0\x90\x48\x50\x87\x40\x80\x48\0"
    (tmp_path / "tune.mid").write_bytes(midi_of(b"\0\xff\x03\x05Alto\0", note_on_and_off))
    assert read_voices(tmp_path / "tune.mid").only("alto").compass == (72, 72)
