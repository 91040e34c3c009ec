"""No file takes the computer's memory or its time: each that tries is refused in one sentence."""

import contextlib
import io
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import container, zipped
from handwritten import line, note, score
from sizes import size

from bachlit.errors import ScoreError
from bachlit.scores import read_voices
from bachlit.scores.reading import limits
from bachlit.scores.reading.safe_xml import parse_xml

BAR = line("C4 D4 E4 F4")
MB = 2**20


def refused(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ScoreError) as error:
        read_voices(path)
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 500
    return said


def peak(read: Callable[[], object]) -> float:
    """The memory that Python takes at most, in MB."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


def billion_laughs() -> str:
    entities = '<!ENTITY lol0 "lol">' + "".join(
        f'<!ENTITY lol{number} "{f"&lol{number - 1};" * 10}">' for number in range(1, 10)
    )
    title = "<movement-title>&lol9;</movement-title>"
    return f"<!DOCTYPE score-partwise [{entities}]><score-partwise>{title}</score-partwise>"


DECLARING = {
    "billion laughs": billion_laughs(),
    "an entity of another file": (
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><score-partwise><movement-title>&b;</movement-title>'
        "</score-partwise>"
    ),
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://localhost/b"> %b;]><score-partwise/>',
    "an attribute for all": f"<!DOCTYPE a [<!ATTLIST note id CDATA '{'x' * 1000}'>]><score-partwise/>",
    "an end in quotes": '<!DOCTYPE a SYSTEM ">" [<!ENTITY b "c">]><score-partwise>&b;</score-partwise>',
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("case", DECLARING)
def test_entities_are_refused_before_a_parser_sees_them(tmp_path: Path, case: str, encoding: str) -> None:
    content = DECLARING[case].encode(encoding)
    assert "it declares entities of XML, which no score needs" in refused(tmp_path / "file.xml", content)
    archive = zipped({**container("a.xml"), "a.xml": content})
    assert "it declares entities of XML, which no score needs" in refused(tmp_path / "file.mxl", archive)


def test_entities_of_a_container_are_refused(tmp_path: Path) -> None:
    archive = zipped({"META-INF/container.xml": billion_laughs(), "a.xml": score([BAR])})
    assert "it declares entities of XML" in refused(tmp_path / "file.mxl", archive)


@pytest.mark.parametrize(
    "url", ["http://www.musicxml.org/dtds/partwise.dtd", "http://localhost:9/none.dtd", "none.dtd"]
)
def test_musicxmls_own_doctype_is_read_and_not_fetched(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    doctype = f'<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "{url}">'
    (tmp_path / "file.xml").write_text(f'<?xml version="1.0"?>\n{doctype}\n{score([BAR])}')
    assert read_voices(tmp_path / "file.xml").num_frames == 16


def test_doctypes_without_end_keep_no_reader_busy(tmp_path: Path) -> None:
    # A pattern that looks for the end of each would take days.
    assert "can't be read as a score" in refused(tmp_path / "file.xml", "<!DOCTYPE " * 1_000_000)


def test_an_archive_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    swollen = io.BytesIO()
    with zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.xml", "w") as entry:
        for _ in range(400):
            entry.write(b" " * MB)
    assert len(swollen.getvalue()) < MB
    taken = peak(lambda: refused(tmp_path / "file.mxl", swollen.getvalue()))
    assert taken < 3 * limits.MAX_BYTES / MB
    assert "more than 32 MB when it is unpacked" in refused(tmp_path / "file.mxl", swollen.getvalue())


@pytest.mark.parametrize("name", ["a.xml", "META-INF/container.xml"])
@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_packed_so_that_it_swells_at_once_is_not_unpacked(tmp_path: Path, packing: int, name: str) -> None:
    # 200 MB in 285 bytes: of such packings, zipfile unpacks all, however little of it is asked for.
    swollen = io.BytesIO()
    with zipfile.ZipFile(swollen, "w", packing) as archive, archive.open(name, "w") as entry:
        for _ in range(size(200, 120)):
            entry.write(b" " * MB)
    taken = peak(lambda: refused(tmp_path / "file.mxl", swollen.getvalue()))
    assert taken < 3 * limits.MAX_BYTES / MB
    assert f"it is an archive of method {packing}" in refused(tmp_path / "file.mxl", swollen.getvalue())


def test_an_archive_that_lies_about_its_size_is_not_unpacked(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.xml": " " * (limits.MAX_BYTES + MB)}))
    entry = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 10)
    taken = peak(lambda: refused(tmp_path / "file.mxl", bytes(data)))
    assert taken < 3 * limits.MAX_BYTES / MB


def test_an_archive_of_many_files_is_not_listed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(limits.MAX_ENTRIES + 1):
            archive.writestr(f"{number}.xml", "")
    assert "it is an archive of more than 1000 files" in refused(tmp_path / "file.mxl", buffer.getvalue())


def test_an_archive_within_archives_is_not_opened(tmp_path: Path) -> None:
    nested = zipped({"a.xml": score([BAR])})
    for _ in range(50):
        nested = zipped({**container("a.xml"), "a.xml": nested})
    assert "not well-formed" in refused(tmp_path / "file.mxl", nested)


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "file.xml").open("wb") as file:
        file.truncate(2**33)  # a file with a hole, which takes no room on the disk

    def read() -> None:
        with pytest.raises(ScoreError, match="it has more than 32 MB"):
            read_voices(tmp_path / "file.xml")

    assert peak(read) < 3 * limits.MAX_BYTES / MB


def test_deep_xml_is_refused_and_what_is_deep_enough_is_read(tmp_path: Path) -> None:
    assert "more than 64 deep" in refused(tmp_path / "file.xml", "<score-partwise>" + "<a>" * 1_000_000)
    deep = "<a>" * (limits.MAX_DEPTH - 1) + "</a>" * (limits.MAX_DEPTH - 1)
    assert "has no pitched notes" in refused(tmp_path / "file.xml", f"<score-partwise>{deep}</score-partwise>")


def test_endless_xml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bachlit.scores.reading.safe_xml.MAX_ELEMENTS", 1000)  # a million take memory to write
    (tmp_path / "file.xml").write_text("<score-partwise>" + "<a/>" * 999 + "</score-partwise>")
    assert len(parse_xml((tmp_path / "file.xml").read_text())) == 999
    assert "more than 1000 elements" in refused(
        tmp_path / "file.xml", "<score-partwise>" + "<a/>" * 1000 + "</score-partwise>"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<duration>48</duration>", "<duration>999999999999</duration>", "longer than 20000 sixteenths"),
        ("<duration>48</duration>", "<duration>1e999999999</duration>", "its <duration> is '1e999999999'"),
        ("<duration>48</duration>", f"<duration>{'9' * 100_000}</duration>", "its <duration> is '9999"),
        ("<duration>48</duration>", "<duration>nan</duration>", "its <duration> is 'nan'"),
        ("<divisions>48", "<divisions>0", "it divides a quarter by 0"),
        ("<divisions>48", "<divisions>-1", "it divides a quarter by -1"),
        ("<divisions>48", "<divisions>0.000000001", "longer than 20000 sixteenths"),
        ("<beats>4", "<beats>999999999999", "is in 999999999999/4, and a measure may be 16 semibreves long"),
        ("<beats>4", "<beats>0", "a time signature of it has no beats"),
        ("<fifths>0", "<fifths>100000000", "its <fifths> is 100000000"),
        ("<octave>4", "<octave>99999999999", "its <octave> is 99999999999"),
        ("<octave>4", "<octave>99", "expected a MIDI pitch"),
        ("<alter>0", "<alter>1000000", "expected a MIDI pitch"),
        ("<step>C", "<step>X", "a note of it is called 'X'"),
    ],
)
def test_a_number_that_can_not_be_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in refused(tmp_path / "file.xml", score([BAR]).replace(old, new))


def test_a_part_of_many_staves_is_refused(tmp_path: Path) -> None:
    # Each staff has all measures: 20,000 of both once took half an hour.
    bars = [note("C4", voice=number).replace("</note>", f"<staff>{number}</staff></note>") for number in range(17)]
    assert "a part of it has more than 16 staves" in refused(tmp_path / "file.xml", score(bars))


def test_quarters_divided_in_many_ways_are_refused(tmp_path: Path) -> None:
    # Lengths that have no divisor in common grow with each note, as their fractions' denominators multiply.
    bars = [f"<attributes><divisions>{10**11 + number}</divisions></attributes>{BAR}" for number in range(3)]
    assert "it divides quarters in too many ways" in refused(tmp_path / "file.xml", score(bars))


def test_a_rest_of_all_measures_is_refused(tmp_path: Path) -> None:
    assert "longer than 20000" in refused(tmp_path / "file.xml", score([*[""] * 2000, BAR]))


def test_the_longest_piece_is_read(tmp_path: Path) -> None:
    bars = limits.MAX_FRAMES // 16
    (tmp_path / "file.xml").write_text(score([note("C4", 16)] * bars))
    assert read_voices(tmp_path / "file.xml").num_frames == limits.MAX_FRAMES
    assert "longer than 20000 sixteenths" in refused(tmp_path / "file.xml", score([note("C4", 16)] * (bars + 1)))


def midi(events: bytes, division: bytes = b"\1\xe0") -> bytes:
    return b"MThd\0\0\0\6\0\1\0\1" + division + b"MTrk" + len(events).to_bytes(4, "big") + events


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (midi(b"\xff\xff\xff\x7f\x90\x3c\x50" * 1000), "longer than 20000 sixteenths"),
        (midi(b"\xff" * 1000), "a number of it never ends"),
        (midi(b"\0\x90\x3c\x50\0\x80\x3c\0" * 1000), "has no pitched notes"),
        (midi(b"\0\x3c\x50"), "an event of it has no status"),
        (midi(b"", b"\xe7\x28"), "its time isn't counted in quarters"),
        (midi(b"", b"\0\0"), "its time isn't counted in quarters"),
        (b"MThd", "its time isn't counted in quarters"),
        (midi(b"\0\xff\x01\xff\xff\xff\x7f" + b"x" * 1000), "has no pitched notes"),
        (midi(b"\0" * limits.MAX_MIDI_BYTES), "more than 2 MB"),
    ],
    ids=["waits", "endless number", "no length", "no status", "seconds", "no time", "cut off", "long text", "huge"],
)
def test_endless_midi_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in refused(tmp_path / "file.mid", data)


@pytest.mark.parametrize(
    ("name", "music", "said"),
    [
        ("abc", "C" * limits.MAX_TEXT, "more than 131072 characters"),
        ("abc", "C99999|", "a number in its music has more than 4 digits"),
        ("abc", "[M:99999/4]C|", "a number in its music has more than 4 digits"),
        ("abc", "C9999|", "longer than 20000 sixteenths"),
        ("abc", "Z9999|", "longer than 20000 sixteenths"),
        ("abc", "(9:9C/9997(9:9C/9973(9:9C/9967(9:9C/9949|", "it divides quarters in too many ways"),
        ("abc", "C" + "/" * 9999, "a length of it has more than 4 slashes"),
        ("abc", "".join(f"[V:{number}]C" for number in range(17)), "it has more than 16 voices"),
        ("krn", "=\n4c\n" * 2000, "more than 1000 bar lines"),
        ("krn", "*M99999/4\n4c\n", "a number in its music has more than 4 digits"),
        ("krn", "*M9999/4\n4c\n", "a number in a time signature of it has more than 2 digits"),
    ],
)
def test_endless_abc_and_kern_are_refused(tmp_path: Path, name: str, music: str, said: str) -> None:
    head, end = {"abc": ("X:1\nM:4/4\nL:1/4\nK:C\n", "\n"), "krn": ("**kern\n*M4/4\n", "*-\n")}[name]
    assert said in refused(tmp_path / f"file.{name}", head + music + end)


@pytest.mark.parametrize("music", ["[A:", "M:", "!", '"', "(", "::", "+aaaa", "H.", "{", "c ", "[M:4/4]", "& "])
def test_abc_takes_no_longer_where_it_is_unruly(tmp_path: Path, music: str) -> None:
    # A pattern that looked for the end of each once took hours.
    text = music * (limits.MAX_TEXT // len(music) - 100)
    (tmp_path / "file.abc").write_text(f"X:1\nL:1/16\nK:C\nCDEF|\n%\n{text}\n")
    with contextlib.suppress(ScoreError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_voices(tmp_path / "file.abc").num_frames >= 4


def test_a_year_in_a_title_of_abc_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file.abc").write_text("X:10000\nT:Opus 1234567\nC:Bach, 31 March 1685\nM:4/4\nL:1/4\nK:C\nCDEF|\n")
    assert read_voices(tmp_path / "file.abc").title == "Opus 1234567"
