"""Pictures keep their look without a style sheet, and lose all that isn't drawn."""

import re

from bachlit.rendering.engraving import engrave
from bachlit.serving.pictures import bare

SIGNS = """<score-partwise><part-list><score-part id="P"><part-name/></score-part></part-list><part id="P">
<measure number="1"><attributes><divisions>1</divisions></attributes>
<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>72</per-minute>
</metronome></direction-type></direction>
<direction placement="below"><direction-type><dynamics><other-dynamics>sempre mf</other-dynamics></dynamics>
</direction-type></direction>
<direction><direction-type><words>dolce</words></direction-type></direction>
<harmony><root><root-step>F</root-step><root-alter>1</root-alter></root><kind>minor</kind></harmony>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type>
<lyric><text>&lt;script&gt;</text></lyric></note></measure></part></score-partwise>"""


def test_signs_among_letters_need_no_music_font() -> None:
    [page] = engrave(SIGNS, {"smuflTextFont": "none", "pageWidth": 1000})
    assert re.search("[\ue000-\uf8ff]", page)
    picture = bare(page)
    words = re.sub(r"\s+", " ", " ".join(re.findall(r">([^<>]+)<", picture)))
    for word in ("♩", "= 72", "sempre", "mf", "dolce", "♯", "&lt;script&gt;"):
        assert word in words
    assert "Leipzig" not in picture
    assert 'stroke="currentColor" fill="currentColor"' in picture
    assert not re.search(r"<style|<script| style=|[\ue000-\uf8ff]", picture)


def test_nothing_that_acts_or_fetches_is_left() -> None:
    acts = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" onload="a()">'
        '<script>a()</script><a href="javascript:a()"><text>b</text></a><foreignObject/><image href="http://b"/>'
        '<use x:href="http://b#c"/><use href="#c" style="fill:red"/><g class="tempo mNum"/></svg>'
    )
    assert bare(acts) == (
        '<svg xmlns="http://www.w3.org/2000/svg"><use /><use href="#c" />'
        '<g class="tempo mNum" font-weight="bold" font-style="italic" /></svg>'
    )
