"""Files are whole or not there."""

from pathlib import Path

import pytest

from bachlit.chorale import Chorale
from bachlit.errors import ScoreError
from bachlit.files import write_whole
from bachlit.scores import write_midi, write_musicxml


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")

    def full_disk(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_whole(target, b"new")
    with pytest.raises(ScoreError, match=r"can't be written \(No space left on device\)"):
        write_midi(Chorale.from_pitches([[60, 0, 0, 0]]), target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "old"


def test_a_score_can_not_be_written_over_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.musicxml").mkdir()
    with pytest.raises(ScoreError, match="can't be written"):
        write_musicxml(Chorale.from_pitches([[60, 0, 0, 0]]), tmp_path / "x.musicxml")
    assert [path.name for path in tmp_path.iterdir()] == ["x.musicxml"]
