"""Parse XML within limits, without entities."""

import re
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from bachlit.scores.reading.limits import MAX_DEPTH, MAX_ELEMENTS

# Declarations that expand in memory or fetch other files. MusicXML needs none.
_DECLARATION = re.compile(r"<!(ENTITY|ATTLIST|ELEMENT|NOTATION)\b|<!DOCTYPE[^<>]*\[")

NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML can't hold."""


def parse_xml(text: str) -> Element:
    """Parse a document: no entities, nothing fetched, bounded depth and size.

    Raises:
        ValueError: If it exceeds that, or isn't XML.

    >>> parse_xml('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    Traceback (most recent call last):
    ...
    ValueError: it declares entities of XML, which no score needs
    """
    if _DECLARATION.search(text):
        raise ValueError("it declares entities of XML, which no score needs")
    parser = XMLParser(target=_Bounded())
    try:
        parser.feed(text)
        return parser.close()
    except ParseError as error:
        raise ValueError(str(error)) from error


class _Bounded(TreeBuilder):
    """Tree builder with limits on depth and number of elements."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = self.number = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self.depth += 1
        self.number += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"its elements of XML stand more than {MAX_DEPTH} deep in each other")
        if self.number > MAX_ELEMENTS:
            raise ValueError(f"it has more than {MAX_ELEMENTS} elements of XML")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self.depth -= 1
        return super().end(tag)
