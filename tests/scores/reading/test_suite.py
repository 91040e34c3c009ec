"""The MusicXML suite of LilyPond, as music21 installs it: all that the format has, a file each."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from bachlit.errors import ScoreError
from bachlit.generation.given import prompt_of
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


def number(path: Path) -> str:
    return path.name.partition("-")[0]


PRESENT = {number(path) for path in FILES}  # other releases of music21 have other files


def read(path: Path) -> Prompt | str:
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


def test_all_that_has_notes_in_semitones_gives_music() -> None:
    refused = {path: found for path in FILES if isinstance(found := read(path), str)}
    reasons = {"has no pitched notes": WITHOUT_NOTES, "expected a MIDI pitch": QUARTER_TONES}
    for reason, numbers in reasons.items():
        assert {number(path) for path, message in refused.items() if reason in message} == numbers & PRESENT
    assert len(refused) == len(PRESENT & (WITHOUT_NOTES | QUARTER_TONES))
