"""Whatever a file holds, reading it gives music that can be written, or one sentence; never another exception.

The cases are the same in every run.
"""

import random
import re
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from archives import container, zipped
from chorales import random_chorale
from comparing import given_in, lengths_of, source_of, stubbed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import size
from unruly import Unruly

from bachlit.errors import BachlitError
from bachlit.generation.given import prompt_of
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreWarning, to_midi, to_musicxml

EXAMPLES = Path(__file__).parents[3] / "examples"
MUSIC21 = find_spec("music21")
assert MUSIC21 is not None
assert MUSIC21.origin is not None
SUITE = Path(MUSIC21.origin).parent / "musicxml" / "lilypondTestSuite"
WRITTEN = random_chorale(1, num_frames=36, pickup=4, title="Jesu, meine Freude")
ABC = """X:1
T:Nun danket
M:4/4
L:1/4
K:Am
E|"Am"A G F E-|E2 z2|:^D/2E/2 [A3C]|]{c}(3CDE H_B c'|
w: Nun dan-ket
"""
KERN = """!!!OTL: Herr
**kern\t**kern
*M3/4\t*M3/4
*k[f#]\t*k[f#]
4G\t[4g
=1\t=1
2GG;\t2g]
8D\t8ccL
.\t8bJ
==\t==
*-\t*-
"""

MEI = """<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.1"><music><body><mdiv><score>
<scoreDef meter.count="3" meter.unit="4" keysig="1s"><staffGrp><staffDef n="1" lines="5" clef.shape="G" clef.line="2"/>
</staffGrp></scoreDef><section><measure n="0" metcon="false"><staff n="1"><layer n="1">
<note xml:id="a" dur="4" pname="d" oct="4"><verse n="1"><syl>Nun</syl></verse></note></layer></staff></measure>
<measure n="1" right="rptend"><staff n="1"><layer n="1"><note xml:id="b" dur="4" pname="g" oct="4" tie="i"/>
<beam><note dur="8" pname="g" oct="4" tie="t"/><rest dur="16"/><note dur="16" pname="f" accid.ges="s" oct="4"/></beam>
<tuplet num="3" numbase="2"><note dur="8" pname="a" oct="4"/><chord dur="8"><note pname="b" oct="4"/></chord>
<space dur="8"/></tuplet></layer></staff><harm staff="1" tstamp="1">Gm7</harm><fermata startid="#b"/></measure>
</section></score></mdiv></body></music></mei>
"""


def cases(number: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Settings under which every run has the same cases, as many as that, or a tenth."""
    return settings(
        max_examples=size(number, number // 10),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def music_or_one_sentence(name: str, content: bytes) -> None:
    """Raise an AssertionError, or what a reader lets through, unless the file gives either."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ScoreWarning)
        path = Path(folder) / name
        path.write_bytes(content)
        read, said = read_or_refused(path)
        if read is None:
            assert "\n" not in said
            assert said.endswith(".")
            assert len(said) < 1000
        else:
            assert read.given.any()
            assert to_midi(read.chorale).startswith(b"MThd")
            if read.chorale.num_frames < 200:
                path.write_text(to_musicxml(stubbed(read.chorale)))
                again = prompt_of(path).chorale.num_frames
                assert again == read.chorale.num_frames or not fills_its_measures(read.chorale)
        assert [each.name for each in Path(folder).iterdir()] == [name]


def fills_its_measures(chorale: Chorale) -> bool:
    """Whether one part is given whole, and has no measure shorter than another part's: else see test_written_again."""
    source = source_of(chorale)
    part = source.document.findall("part")[given_in(chorale).place]
    alone = len(source.voices) == 1 and given_in(chorale).heads is None
    return alone and [4 * length for length in lengths_of(part)] == [*source.lengths]


def read_or_refused(path: Path) -> tuple[Prompt | None, str]:
    """A prompt, or why there is none."""
    try:
        return prompt_of(path), ""
    except BachlitError as error:
        return None, str(error)


@pytest.mark.parametrize(("name", "number"), [("a.musicxml", 1500), ("a.mid", 1500), ("a.abc", 1500), ("a.krn", 400)])
def test_scores_of_random_structure(name: str, number: int) -> None:
    write = {"a.musicxml": Unruly.musicxml, "a.mid": Unruly.midi, "a.abc": Unruly.abc, "a.krn": Unruly.kern}[name]

    @cases(number)
    @given(st.integers(0, 2**32))
    def law(seed: int) -> None:
        music_or_one_sentence(name, write(Unruly(seed)))

    law()


REAL = {
    **{path.name: path.read_bytes() for path in sorted(EXAMPLES.glob("*.musicxml"))},
    "written.musicxml": to_musicxml(WRITTEN).encode(),
    "written.mxl": zipped({**container("a.xml"), "a.xml": to_musicxml(WRITTEN)}),
    "written.mid": to_midi(WRITTEN),
    **{
        path.name: path.read_bytes()
        for number in ("03b", "11d", "24a", "42a", "43d", "46d", "71g", "72a", "90a")
        for path in SUITE.glob(f"{number}-*")
    },
}
edits = st.lists(
    st.tuples(
        st.integers(0, 999),
        st.sampled_from(["delete", "insert", "change", "repeat", "cut"]),
        st.binary(min_size=1, max_size=4)
        | st.sampled_from([b"<", b">", b"</note>", b"<chord/>", b"99999999", b"-1", b"\0"]),
    ),
    min_size=1,
    max_size=3,
)


def mutated(data: bytes, changes: Sequence[tuple[int, str, bytes]]) -> bytes:
    """A file of which a few bytes are others."""
    for where, change, new in changes:
        place = where * len(data) // 1000
        length = 40 if change in ("delete", "repeat") else len(new)
        before, here, after = data[:place], data[place : place + length], data[place + length :]
        data = {
            "delete": before + after,
            "insert": before + new + here + after,
            "change": before + new + after,
            "repeat": before + here + here + after,
            "cut": before,
        }[change] or b"x"
    return data


@pytest.mark.parametrize("kind", ["xml", "mxl", "mid"])
def test_mutated_files(kind: str) -> None:
    names = [name for name in REAL if name.endswith(kind)]
    assert names

    @cases({"xml": 1500, "mxl": 400, "mid": 1500}[kind])
    @given(st.sampled_from(names), edits)
    def law(name: str, changes: Sequence[tuple[int, str, bytes]]) -> None:
        music_or_one_sentence(name, mutated(REAL[name], changes))

    law()


@cases(300)
@given(st.sampled_from([("tune.abc", ABC.encode()), ("tune.krn", KERN.encode()), ("tune.mei", MEI.encode())]), edits)
def test_mutated_abc_kern_and_mei(tune: tuple[str, bytes], changes: Sequence[tuple[int, str, bytes]]) -> None:
    name, content = tune
    music_or_one_sentence(name, mutated(content, changes))


NUMBERS = ["0", "-1", "1", "3", "4", "8", "255", "65536", "99999999", "1e9", "nan", "", "½"]
ELEMENT = re.compile(rb"<(note|backup|forward|attributes|barline|harmony|direction)\b.*?</\1>", re.DOTALL)


@cases(1500)
@given(st.sampled_from([name for name in REAL if name.endswith("xml")]), st.integers(0, 2**32))
def test_other_numbers_and_elements_in_real_files(name: str, seed: int) -> None:
    chance = random.Random(seed)
    content = REAL[name]
    for _ in range(chance.randint(1, 3)):
        found = chance.choice(list(ELEMENT.finditer(content)))
        element = found[0]
        numbers = list(re.finditer(rb">\d+<", element))
        change = chance.choice(["number", "delete", "repeat", "move"])
        if change == "number" and numbers:
            number = chance.choice(numbers)
            other = f">{chance.choice(NUMBERS)}<".encode()
            element = element[: number.start()] + other + element[number.end() :]
        elif change == "repeat":
            element *= 2
        else:
            element = b""
        content = content[: found.start()] + element + content[found.end() :]
        if change == "move":
            place = chance.choice(list(ELEMENT.finditer(content)) or [found]).start()
            content = content[:place] + found[0] + content[place:]
    music_or_one_sentence(name, content)


HEADS = [
    b"",
    b"PK\x03\x04",
    b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\xff",
    b"<score-partwise>",
    b"<mei>",
    b"\xff\xfe",
    b"X:1\nK:C\n",
]


@cases(300)
@given(
    st.binary(max_size=200),
    st.sampled_from(["a.xml", "a.mxl", "a.mid", "a.abc", "a.krn", "a.mei", "a.txt"]),
    st.sampled_from(HEADS),
)
def test_any_bytes(content: bytes, name: str, head: bytes) -> None:
    music_or_one_sentence(name, head + content)
