"""Escape foreign text for Markdown and spreadsheets."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from bachlit.scores.writing.musicxml import one_line

_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|(?<=\w):(?=//)|(?<=\bwww)\.")
_FORMULA = re.compile(r"[\s\x00]*[=+\-@]")


def in_markdown(text: str) -> str:
    r"""Escape text for one line of Markdown: no HTML, links, table cells or entities.

    >>> print(in_markdown("<img src=x> | `a_b` [c](d)"))
    &lt;img src=x&gt; \| \`a_b\` \[c\](d)
    """
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\g<0>", text)


def fenced(text: str, language: str) -> str:
    """Fence a code block that the text can't close.

    >>> print(fenced("a: ```", "yaml"))
    ````yaml
    a: ```
    ````
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def in_spreadsheet(value: Any) -> Any:
    """Escape a CSV cell against formulas; numbers are unchanged.

    >>> in_spreadsheet("=1+1"), in_spreadsheet("bwv269"), in_spreadsheet(-0.5)
    ("'=1+1", 'bwv269', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def csv_text(lines: Iterable[Iterable[Any]]) -> str:
    """Write lines of cells as CSV, escaped against formulas.

    >>> print(csv_text([("name", "value"), ("=a", -1)]), end="")
    name,value
    '=a,-1
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(map(in_spreadsheet, line) for line in lines)
    return file.getvalue()
