"""Names from files are shown as they stand, whatever is in them."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bachlit.rendering.escaping import fenced, in_markdown, in_spreadsheet
from bachlit.scores.writing.musicxml import one_line

RENDERED = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKS = "\\`*_{}[]()<>#+-.!|&;~:/'\"= \n\tabcx1\x00\ud800é"
WICKED = "<img src=x onerror=alert(1)>|`[x](http://y)`*a*&lt;![z](q)\n# head\n</pre>"


@settings(max_examples=300, deadline=None)
@given(st.text(MARKS, min_size=1, max_size=30))
def test_markdown_shows_a_name_as_it_stands(text: str) -> None:
    """The renderer that `rich` brings along is the oracle."""
    page = RENDERED.render(f"| | x{in_markdown(text)}x |\n|---|---|\n| y | x{in_markdown(text)}x |\n")
    cells = re.findall(r"<t[hd]>(x.*?x)</t[hd]>", page)
    assert [html.unescape(cell) for cell in cells] == [f"x{one_line(text)}x"] * 2


@pytest.mark.parametrize("text", ["a", "```\n<img src=x>", "   ````\n# x", "`" * 9])
def test_a_block_of_code_ends_where_it_is_to(text: str) -> None:
    page = RENDERED.render(f"{fenced(text, 'yaml')}\n\nafter\n")
    assert page == f'<pre><code class="language-yaml">{html.escape(text)}\n</code></pre>\n<p>after</p>\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\n@", " =", "\r+", "\x00="])
def test_no_text_is_a_formula(start: str) -> None:
    assert in_spreadsheet(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"
