"""Escaping: names that files have, as text in Markdown and in spreadsheets, whatever is in them."""

import re
from typing import Any

from bachlit.scores.writing.musicxml import one_line

_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|(?<=\w):(?=//)|(?<=\bwww)\.")
_FORMULA = re.compile(r"[\s\x00]*[=+\-@]")


def in_markdown(text: str) -> str:
    r"""Text on one line that Markdown shows as it stands: no HTML, links, cells of a table or entities.

    >>> print(in_markdown("<img src=x> | `a_b` [c](d)"))
    &lt;img src=x&gt; \| \`a_b\` \[c\](d)
    """
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\g<0>", text)


def fenced(text: str, language: str) -> str:
    """A block of code in Markdown, which the text can't end.

    >>> print(fenced("a: ```", "yaml"))
    ````yaml
    a: ```
    ````
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def in_spreadsheet(value: Any) -> Any:
    """A cell of a CSV that no spreadsheet takes for a formula; numbers stay as they are.

    >>> in_spreadsheet("=1+1"), in_spreadsheet("bwv269"), in_spreadsheet(-0.5)
    ("'=1+1", 'bwv269', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
