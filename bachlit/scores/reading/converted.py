"""Kern and MEI -> MusicXML, by converter21's readers and music21's writer. The only module that imports them."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from bachlit.music.chorale import FRAMES_PER_QUARTER
from bachlit.scores.reading.limits import (
    MAX_BARS,
    MAX_CONVERTED_NOTES,
    MAX_DIGITS,
    MAX_FRAMES,
    MAX_METRE_DIGITS,
    MAX_SPINES,
    MAX_TEXT,
)
from bachlit.scores.reading.safe_xml import NOT_XML, parse_xml

_CHORDS = {
    "m7[♭b]5|ø(?!7)": "ø7",
    "[△Δ]7?": "maj7",
    r"\(maj7\)": "M7",
    r"(?<![A-G])♭(?=\d)": "b",
    r"(?<![A-G])♯(?=\d)": "#",
}
"""Spellings of chord symbols, and those that MEI's reader knows."""
_UNMEASURED = re.compile(r"\*M(?:X|FREI)[^\t\n]*")


def kern_document(text: str) -> tuple[Element, list[str]]:
    """Read a file in kern into a MusicXML tree.

    Returns:
        The tree, and sentences on what was changed.

    Raises:
        Exception: Any of converter21's, if it isn't kern.
        ValueError: If it is too large.
    """
    text = NOT_XML.sub("", text)
    lines = text.splitlines()
    music = "\n".join(line for line in lines if not line.startswith("!"))  # comments may hold any number
    _refuse_too_large(text, music)
    unmeasured = _UNMEASURED.search(music) is not None

    from converter21.humdrum import HumdrumFile  # noqa: PLC0415  # heavy, and only needed here

    with _quietly():
        file = HumdrumFile()
        # Without reference records, whose readers need another release of music21.
        file.readString("\n".join(_UNMEASURED.sub("*", line) for line in lines if not line.startswith("!!!")))
        if not file.isValid:
            raise ValueError(str(file.parseError or "its spines don't fit"))
        piece = file.createMusic21Stream()
        changed = ["it has no metre; its bars are as long as it writes them."] if unmeasured else []
        return _document(piece, _reference(text, "OTL"), _reference(text, "COM")), changed


def _refuse_too_large(text: str, music: str) -> None:
    """Refuse kern whose reading would take long."""
    lines = music.splitlines()
    cells = sum(len(line.split()) for line in lines if not line.startswith(("*", "=")))
    for found, most, thing in (
        (len(text), MAX_TEXT, "characters"),
        (sum(line.startswith("=") for line in lines), MAX_BARS, "bar lines"),
        (max((line.count("\t") for line in lines), default=0) + 1, MAX_SPINES, "spines"),
        (cells, MAX_CONVERTED_NOTES, "notes"),
    ):
        if found > most:
            raise ValueError(f"it has more than {most} {thing}")
    if re.search(rf"\d{{{MAX_DIGITS + 1}}}", music):
        raise ValueError(f"a number in its music has more than {MAX_DIGITS} digits")
    if re.search(rf"\*M(?!M)[^*\t\n]*\d{{{MAX_METRE_DIGITS + 1}}}", music):
        raise ValueError(f"a number in a time signature of it has more than {MAX_METRE_DIGITS} digits")


def _reference(text: str, kind: str) -> str:
    """Read a reference record of kern, such as its title (OTL); empty if it has none."""
    found = re.search(rf"^!!!{kind}(?:@+\w*)?: *(.*)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def mei_document(text: str) -> Element:
    """Read a file in MEI into a MusicXML tree.

    Raises:
        Exception: Any of converter21's, if it isn't MEI.
        ValueError: If it is too large.
    """
    root = parse_xml(text)
    num_notes = sum(1 for element in root.iter() if _local(element) in ("note", "rest", "space"))
    if num_notes > MAX_CONVERTED_NOTES:
        raise ValueError(f"it has more than {MAX_CONVERTED_NOTES} notes and rests")

    from converter21.mei import MeiReader  # noqa: PLC0415  # heavy, and only needed here

    title, composer = (_in_head(root, names) for names in (("titleStmt", "title"), ("composer",)))
    for head in [element for element in root.iter() if _local(element) == "meiHead"]:
        for child in list(head):  # as with kern's reference records
            head.remove(child)
    if not re.match("[45]", root.get("meiversion", "")):
        root.set("meiversion", "5.1")  # music of other versions is written alike; the reader takes these two alone
    for element in [part for harm in root.iter() if _local(harm) == "harm" for part in harm.iter()]:
        element.text, element.tail = _chord(element.text), _chord(element.tail)
    with _quietly():
        return _document(MeiReader(tostring(root, encoding="unicode")).run(), title, composer)


def _chord(text: str | None) -> str | None:
    """Spell a chord symbol as the reader knows it; it leaves out those that it doesn't know.

    >>> _chord("Am7♭5"), _chord("E♭△/G"), _chord("F♯7♭9"), _chord("Cm(maj7)"), _chord("E♭6")
    ('Aø7', 'E♭maj7/G', 'F♯7b9', 'CmM7', 'E♭6')
    """
    if text is None:
        return None
    for written, known in _CHORDS.items():
        text = re.sub(written, known, text)
    return text


def _local(element: Element) -> str:
    """Name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _in_head(root: Element, names: Sequence[str]) -> str:
    """Text of the first element of MEI's head by the names of its ancestors and its own."""
    found = [element for element in root.iter() if _local(element) == "meiHead"]
    for name in names:
        found = [child for parent in found for child in parent.iter() if _local(child) == name]
    return " ".join("".join(found[0].itertext()).split()) if found else ""


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Silence what converters print and warn of on their way."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def _document(piece: Any, title: str, composer: str) -> Element:
    """Write a music21 stream as a MusicXML tree, as it stands: measures aren't made anew."""
    from music21.musicxml.m21ToXml import ScoreExporter  # noqa: PLC0415  # as above
    from music21.stream import Opus  # noqa: PLC0415  # as above

    if isinstance(piece, Opus):
        piece = next(iter(piece.scores))
    if piece.highestTime * FRAMES_PER_QUARTER > MAX_FRAMES:
        raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
    exporter = ScoreExporter(piece, makeNotation=False)
    exporter.parse()
    document = parse_xml(tostring(exporter.xmlRoot, encoding="unicode"))
    _tidy(document)
    if composer:
        document.insert(0, Element("identification"))
        SubElement(document[0], "creator", type="composer").text = composer
    if title:
        document.insert(0, Element("movement-title"))
        document[0].text = title
    return document


def _tidy(document: Element) -> None:
    """Take out what music21 adds of its own: dates, its name, random ids."""
    for child in [*document.findall("work"), *document.findall("movement-title"), *document.findall("identification")]:
        document.remove(child)
    renamed: dict[str, str] = {}
    for number, entry in enumerate(document.iterfind("part-list/score-part"), start=1):
        renamed[entry.get("id", "")] = f"P{number}"
        for index, instrument in enumerate(entry.iterfind("score-instrument"), start=1):
            renamed[instrument.get("id", "")] = f"P{number}-I{index}"
    for element in document.iter():
        if element.get("id") in renamed:
            element.set("id", renamed[element.get("id", "")])
    for measure in document.iterfind("part/measure[@number='0']"):
        measure.set("implicit", "yes")
