"""Contents of score files: format by content, then name; unpacked and decoded, within limits."""

import codecs
import io
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from bachlit.scores.reading.limits import MAX_BYTES, MAX_ENTRIES
from bachlit.scores.reading.safe_xml import parse_xml

Format = Literal["MusicXML", "MIDI", "ABC", "kern", "MEI"]

_FORMATS: dict[str, Format] = dict.fromkeys((".musicxml", ".xml", ".mxl"), "MusicXML")
_FORMATS |= {".mid": "MIDI", ".midi": "MIDI", ".abc": "ABC", ".krn": "kern", ".mei": "MEI"}
SUFFIXES = tuple(_FORMATS)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings that a file may declare. Python has others that aren't text, or are slow.
_ENCODINGS = re.compile(r"utf-8|ascii|(iso8859-|cp)\d+|koi8-[ru]|mac-\w+|shift_jis|euc_\w+|gb\w+|big5\w*")


class Content(NamedTuple):
    """Format of a score file, and its data: bytes for MIDI, else text."""

    format: Format
    data: bytes | str


@dataclass(frozen=True)
class ScoreBytes:
    """Score in memory, in the place of a file.

    Attributes:
        name: What a file would be called; its ending is the format if the contents don't tell.
        data: The contents.

    >>> tune = ScoreBytes("tune.v2.abc", b"X:1")
    >>> str(tune), tune.stem, tune.suffix
    ('tune.v2.abc', 'tune.v2', '.abc')
    """

    name: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The ending."""
        return PurePosixPath(self.name).suffix


ScoreFile = Path | ScoreBytes
"""Source of a score: a file, or its contents."""


def score_file(score: str | ScoreFile) -> ScoreFile:
    """Return where a score is read from, as typed."""
    return score if isinstance(score, ScoreBytes) else Path(score)


def read_content(path: ScoreFile) -> Content | None:
    """Read a file and tell its format by content, else by name; None if neither tells.

    Args:
        path: The file, or its contents.

    Raises:
        OSError: If it can't be read.
        ValueError: If it is too large, or a damaged archive or one without a score.
    """
    if isinstance(path, ScoreBytes):
        data = path.data
    else:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 2**20} MB")
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[data.find(b"MThd") :]
    if data[:4] == b"MThd":
        return Content("MIDI", data)
    if data[:4] == b"PK\x03\x04":
        return Content("MusicXML", decode(_unzip(data)))
    text = decode(data)
    found = _recognise(text) or format_by_name(path)
    if found == "MIDI":
        raise ValueError("it doesn't begin as MIDI does")
    return Content(found, text) if found else None


def _recognise(text: str) -> Format | None:
    r"""Format of a text, if recognisable.

    >>> _recognise(" <score-partwise/>"), _recognise("!! A tune\n**kern\n4c"), _recognise("X:1\nK:C\nCDEF|")
    ('MusicXML', 'kern', 'ABC')
    >>> _recognise('<?xml version="1.0"?><mei xmlns="http://www.music-encoding.org/ns/mei"/>')
    'MEI'
    """
    if text.lstrip().startswith("<"):
        return "MEI" if re.search(r"<(?:\w+:)?mei[\s>]", text[:10_000]) else "MusicXML"
    if re.search(r"^\*\*kern\b", text, re.MULTILINE):
        return "kern"
    if re.search(r"^X: *\d", text, re.MULTILINE) and re.search(r"^K:", text, re.MULTILINE):
        return "ABC"
    return None


def format_by_name(path: ScoreFile) -> Format | None:
    """Format by the file's suffix."""
    return _FORMATS.get(path.suffix.lower())


def _unzip(data: bytes) -> bytes:
    """Unpack the score of an MXL archive: the file its container names, else the first MusicXML."""
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:  # counted before listing them, which takes memory
        raise ValueError(f"it is an archive of more than {MAX_ENTRIES} files")
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if any(name.endswith(".mscx") for name in names):
                raise ValueError("it is MuseScore's own format")
            inflated = _inflate(archive, _root_file(archive, names), MAX_BYTES + 1)
    except ValueError:
        raise
    except Exception as error:  # zipfile has many, for damaged, encrypted or unusual archives
        raise ValueError(f"it is an archive that can't be unpacked ({error})") from error
    if len(inflated) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 2**20} MB when it is unpacked")
    return inflated


def _inflate(archive: ZipFile, name: str, most: int) -> bytes:
    """Read the beginning of an entry. Only MXL's methods: others unpack all at once."""
    packing = archive.getinfo(name).compress_type
    if packing not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError(f"it is an archive of method {packing}, but MXL has {ZIP_STORED} and {ZIP_DEFLATED}")
    with archive.open(name) as entry:
        return entry.read(most)


def _root_file(archive: ZipFile, names: list[str]) -> str:
    if (container := "META-INF/container.xml") in names:
        root = parse_xml(decode(_inflate(archive, container, 2**20)))
        for file in root.iter():
            if file.tag.endswith("rootfile") and file.get("full-path") in names:
                return str(file.get("full-path"))
    for name in names:
        if PurePosixPath(name).suffix.lower() in (".xml", ".musicxml") and not name.startswith(("META-INF/", "__")):
            return name
    raise ValueError("it is an archive without a score")


def decode(data: bytes) -> str:
    r"""Decode text by its byte order mark, as UTF-16 or UTF-8, as declared, else as Latin-1.

    >>> decode("für".encode("utf-16")), decode("für".encode("latin-1")), decode(b"\xef\xbb\xbfC")
    ('für', 'für', 'C')
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", errors="replace")
    for encoding in ("utf-8", _declared(data)):  # UTF-8 first: other text is never valid UTF-8 by chance
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _declared(data: bytes) -> str:
    """Encoding that XML declares, if allowed."""
    declared = re.match(rb"""\s*<\?xml[^>]*encoding\s*=\s*["']([\w.:-]{1,40})["']""", data[:200])
    try:
        name = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
    except LookupError:
        return "utf-8"
    return name if _ENCODINGS.fullmatch(name) else "utf-8"
