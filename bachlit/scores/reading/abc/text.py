"""Text of ABC: tune books, lines, continuations, comments and letters with accents."""

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from bachlit.scores.reading.limits import MAX_BYTES, MAX_TEXT, MAX_TUNES
from bachlit.scores.reading.safe_xml import NOT_XML

_NUMBER = re.compile(r"^X:[ \t]*(.*)$", re.MULTILINE)
# A field on a line of its own. G:| isn't one, but a note before a repeat sign.
_FIELD = re.compile(r"([A-Za-z+]):(?![|:])(.*)")
# Fields that a file header may hold for all tunes.
_FILE_FIELD = re.compile(r"[ABCDFGHILMmNOQRrSUZ]:(?![|:])")
_ACCENT = re.compile(r"""\\([`'^"~cv])([A-Za-z])|\\(ss|ae|AE|oe|OE|aa|AA|o/|O/|/o|/O)|\\u([0-9A-Fa-f]{4})""")
_COMBINING = dict(zip("`'^\"~cv", "\u0300\u0301\u0302\u0308\u0303\u0327\u030c", strict=True))
_LIGATURES = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å"}
_LIGATURES |= {"o/": "ø", "/o": "ø", "O/": "Ø", "/O": "Ø"}


class TuneText(NamedTuple):
    """Tune of a book: its number (X:) and title as written, and its source with the book's file header.

    Attributes:
        number: As written after X:, perhaps empty.
        title: As written after T:, perhaps empty.
        text: Its source.
    """

    number: str
    title: str
    text: str


def num_tunes(text: str) -> int:
    """Count the tunes of a file in ABC."""
    return len(re.findall(r"^X:", text, re.MULTILINE))


def abc_tunes(text: str) -> list[TuneText]:
    r"""Split a tune book into its tunes, without reading their music.

    Raises:
        ValueError: If it has too many tunes.

    >>> for tune in abc_tunes("M:3/4\n\nX:1\nT:One\nK:C\nC3|\n\nX:2\nT:Two\nK:D\nD3|\n"):
    ...     print(tune.number, tune.title, repr(tune.text))
    1 One 'M:3/4\nX:1\nT:One\nK:C\nC3|\n\n'
    2 Two 'M:3/4\nX:2\nT:Two\nK:D\nD3|\n'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = list(_NUMBER.finditer(text))
    if len(found) > MAX_TUNES:
        raise ValueError(f"it has more than {MAX_TUNES} tunes")
    head = _file_header(text[: found[0].start()]) if found else ""
    if len(head) * len(found) > MAX_BYTES:
        raise ValueError(f"its {len(found)} tunes share a header of {len(head)} characters")
    tunes = []
    for index, number in enumerate(found):
        own = text[number.start() : found[index + 1].start() if index + 1 < len(found) else len(text)]
        title = re.search(r"^T:(.*)$", own, re.MULTILINE)
        tunes.append(TuneText(number[1].strip(), plain(title[1]) if title else "", head + own))
    return tunes


def _file_header(text: str) -> str:
    """Keep the fields of the lines before the first tune."""
    return "".join(f"{line}\n" for line in text.split("\n") if _FILE_FIELD.match(line))


def tune_lines(text: str) -> Iterator[tuple[str, str]]:
    r"""Yield the lines of the first tune without comments: (letter, content) of a field, or ("", music).

    Raises:
        ValueError: If it is too large.

    >>> list(tune_lines("Tunes of mine.\nM:3/4\n\nX:1\nK:C % home\nCDE|\nw: Do re\n+: mi\n\nThe end."))
    [('M', '3/4'), ('X', '1'), ('K', 'C'), ('', 'CDE|'), ('w', 'Do re mi')]
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} characters")
    text = NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    first = _NUMBER.search(text)
    if first is not None:
        text = _file_header(text[: first.start()]) + text[first.start() :]
    field: tuple[str, list[str]] | None = None  # the last one: it may go on in a line +:
    for letter, content in _lines(text):
        if letter == "+":
            if field is not None:
                field[1].append(content)
            continue
        if field is not None:
            yield field[0], " ".join(field[1])
            field = None
        if letter:
            field = letter, [content]
        else:
            yield "", content
    if field is not None:
        yield field[0], " ".join(field[1])


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a tune, those that continue a field with the letter +."""
    begun = within = False  # within a block of text
    for line in text.split("\n"):
        if re.match(r"%%(begin|end)", line):
            within = line.startswith("%%begin")
        if within:
            continue
        written = re.sub(r"(?<!\\)%.*", "", line).strip()
        found = _FIELD.match(written)
        if found:
            if found[1] == "X" and begun:
                return
            yield found[1], found[2].strip()
        elif written:
            begun = True
            yield "", written
        elif begun and not line.strip():
            return  # an empty line ends a tune


def plain(text: str) -> str:
    r"""Decode accents of a text, by backslashes, entities or code points; join its lines.

    >>> plain(r"F\"ur  \'Elise &amp; \u00e9"), plain(r"Gr\"u\sse")
    ('Für Élise & é', 'Grüße')
    """
    if "\\" in text:
        text = _ACCENT.sub(_accented, text.replace("\\n", " "))
    if "&" in text:
        text = html.unescape(text)
    return " ".join(NOT_XML.sub("", text).split())


def _accented(found: re.Match[str]) -> str:
    if found[1]:
        return unicodedata.normalize("NFC", found[2] + _COMBINING[found[1]])
    return _LIGATURES[found[3]] if found[3] else chr(int(found[4], 16))
