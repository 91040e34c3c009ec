"""Songs of the Essen collection: lines are phrases, keys are tonics."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from bachlit import Chorale
from bachlit.errors import CorpusError
from bachlit.music.keys import Key
from bachlit.music.notes import notes_of
from bachlit.phrases.essen import essen_folds, essen_songs, number_tunes

SONGS = """
X:1
T: Three lines in dorian
M: 2/4
L: 1/8
K: D
DE=FG | A4
A2=cB | GE=FE | D2
z2EG | =FEE2 | D4

X:2
T: With a pickup, a bar line lacking where its line ends
M: 3/4
L: 1/4
K: C
G | cBA | G2
G | EFD | C3
C3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.abc").write_text(SONGS)
    assert all(zlib.crc32(f"mine.abc:{number}".encode()) % 10 for number in (1, 2))
    return tmp_path


def ends(song: Chorale) -> list[int]:
    return [note.start for note in notes_of(song, "soprano") if note.fermata]


def test_lines_are_phrases_and_rests_end_them(folder: Path) -> None:
    first, other = essen_songs(folder)
    assert ends(first) == [8, 32, 52]
    assert ends(other) == [16, 40, 52]


def test_keys_have_the_tonic_as_written_and_the_mode_of_the_notes(folder: Path) -> None:
    assert [song.key for song in essen_songs(folder)] == [Key(0, "dorian"), Key(0, "major")]


def test_bars_are_as_long_as_the_metre_says(folder: Path) -> None:
    for song in essen_songs(folder):
        assert max(measure.length for measure in song.measures) == song.measure_length


def test_songs_kept_for_audits_and_their_versions_are_left_out(folder: Path) -> None:
    kept = next(number for number in range(1000) if zlib.crc32(f"mine.abc:{number}".encode()) % 10 == 0)
    tune = "CDEFGABcdcBAGFED | E4"
    book = "\n\n".join(f"X:{number}\nM:2/4\nL:1/8\nK:C\n{tune}" for number in (kept, 1))
    (folder / "mine.abc").write_text(f"{book}\n\n{SONGS.replace('X:2', 'X:3').replace('X:1', 'X:2')}")
    assert [song.title[:5] for song in essen_songs(folder)] == ["Three", "With "]


def test_transposed_and_stretched_tunes_are_one_tune() -> None:
    pitches = np.array([60, 62, 64, 65, 67, 65, 64, 62, 64, 60, 59, 60, 67, 72, 71, 69, 67])
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in pitches])
    slow = Chorale.from_pitches([[pitch + 3, 0, 0, 0] for pitch in pitches for _ in range(4)])
    other = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in pitches[::-1] % 7 + 60])
    assert number_tunes([tune, slow, other]) == [0, 0, 2]


def test_no_tune_is_in_two_folds_nor_in_another_corpus(folder: Path) -> None:
    songs = essen_songs(folder)
    folds = essen_folds([songs[0].transpose(5)], folder)
    assert [song.title for fold in folds.values() for song in fold] == [songs[1].title]


def test_an_empty_folder_holds_no_songs(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="There are no songs in"):
        essen_songs(tmp_path)
