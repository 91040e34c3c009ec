"""The MusicXML suite of LilyPond, as music21 installs it: all that the format has, a file each."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from bachlit.api import prompt_of
from bachlit.errors import ScoreError
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreWarning, to_midi, to_musicxml

MUSIC21 = find_spec("music21")
assert MUSIC21 is not None
assert MUSIC21.origin is not None
SUITE = Path(MUSIC21.origin).parent / "musicxml" / "lilypondTestSuite"
FILES = sorted(path for path in SUITE.iterdir() if path.suffix in (".xml", ".mxl"))

WITHOUT_NOTES = {
    "02a", "02b", "02c", "41b", "41f", "41g", "41h", "45a", "45c", "45d", "45e", "45f", "46a", "51b", "51c", "51d",
    "52a",
}  # fmt: skip
QUARTER_TONES = {"01d", "01f"}
FINE = {"03aa", "03ab", "23a", "23b", "23c", "23d", "23e", "23f", "33a", "99a"}


def number(path: Path) -> str:
    return path.name.partition("-")[0]


PRESENT = {number(path) for path in FILES}  # other releases of music21 have other files


def read(path: Path, *, quantize: bool = False) -> Prompt | str:
    """What harmonise is given, or the sentence with which it ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ScoreWarning)
        try:
            return prompt_of(path)
        except ScoreError as error:
            return str(error)


@pytest.mark.parametrize("path", FILES, ids=number)
def test_every_file_gives_music_or_one_sentence(path: Path) -> None:
    for quantize in (False, True):
        found = read(path)
        if isinstance(found, Prompt):
            assert found.chorale.pitches[found.given].any()
            assert to_musicxml(found.chorale).count("<measure") > 0
            assert to_midi(found.chorale).startswith(b"MThd")
        else:
            assert found.count("; expected ") == 1
            assert "\n" not in found
            assert str(path) in found
            assert found.endswith(".")


def test_all_that_has_notes_on_the_grid_gives_music() -> None:
    refused = {path: found for path in FILES if isinstance(found := read(path), str)}
    reasons = {
        "has no pitched notes": WITHOUT_NOTES,
        "expected a MIDI pitch": QUARTER_TONES,
        "finer than a sixteenth": FINE,
    }
    for reason, numbers in reasons.items():
        assert {number(path) for path, said in refused.items() if reason in said} == numbers & PRESENT
    assert len(refused) == len(PRESENT & (WITHOUT_NOTES | QUARTER_TONES | FINE))
    assert 1 - len(refused) / len(FILES) > 0.79  # 114 of 143 where the suite is music21 10.5's


def test_rounding_gives_music_of_all_notes_but_quarter_tones() -> None:
    assert {number(path) for path in FILES if isinstance(read(path), str)} == (
        PRESENT & (WITHOUT_NOTES | QUARTER_TONES)
    )
