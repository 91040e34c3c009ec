"""Files are whole or not there."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import disks
import pytest

from bachlit.errors import ScoreError
from bachlit.files.writing import FileBytes, write_together, write_whole
from bachlit.music.chorale import Chorale
from bachlit.scores import write_midi, write_musicxml


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")
    disks.fill(monkeypatch, tmp_path, room=1)
    with pytest.raises(OSError, match=f"No space left on device: '{target}'"):
        write_whole(target, b"new")
    with pytest.raises(ScoreError, match=r"can't be written \(No space left on device\)"):
        write_midi(Chorale.from_pitches([[60, 0, 0, 0]]), target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "old"


def test_of_several_files_all_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [(tmp_path / name, name.encode() * 10) for name in "abc"]
    (tmp_path / "c").mkdir()
    with pytest.raises(IsADirectoryError, match=f"{tmp_path / 'c'}"):
        write_together(contents)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    (tmp_path / "c").rmdir()
    with monkeypatch.context() as full:
        disks.fill(full, tmp_path, room=25)
        with pytest.raises(OSError, match="No space left"):
            write_together(contents)
    assert [*tmp_path.iterdir()] == []
    assert write_together(iter(contents)) == [path for path, _ in contents]
    assert [path.read_bytes() for path, _ in contents] == [content for _, content in contents]


@pytest.mark.parametrize("name", ["a" * 255, "\U0001d11e" * 63])
def test_the_longest_name_that_a_file_may_have_is_written(tmp_path: Path, name: str) -> None:
    """Once the part's name, which was longer, was refused, after all the work."""
    write_whole(tmp_path / name, b"new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_content_that_can_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_together((tmp_path / str(number), b"0" * (2 // number)) for number in (2, 1, 0))
    assert [*tmp_path.iterdir()] == []


def test_threads_that_write_one_file_at_once_leave_one_of_its_contents(tmp_path: Path) -> None:
    """They have one process's number, by which parts were once named."""
    contents = [bytes([number]) * 2**18 for number in range(4)]
    with ThreadPoolExecutor(len(contents)) as pool:
        for _ in range(5):
            assert list(pool.map(write_whole, [tmp_path / "file"] * len(contents), contents)) == [None] * len(contents)
            assert (tmp_path / "file").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_score_can_not_be_written_over_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.musicxml").mkdir()
    with pytest.raises(ScoreError, match="can't be written"):
        write_musicxml(Chorale.from_pitches([[60, 0, 0, 0]]), tmp_path / "x.musicxml")
    assert [path.name for path in tmp_path.iterdir()] == ["x.musicxml"]


@pytest.mark.parametrize("system", ["one with pread", "one without"])
def test_slices_of_a_file_are_those_of_its_bytes(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if system == "one without":  # Windows
        monkeypatch.delattr("os.pread", raising=False)
    content = bytes(range(256)) * 40
    (tmp_path / "file").write_bytes(content)
    file = FileBytes(tmp_path / "file")
    spans = [slice(start, start + 700) for start in range(-300, 10500, 97)] + [slice(0, 0), slice(9, 3), slice(None)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(file.__getitem__, spans)) == [content[span] for span in spans]
    assert len(file) == len(content)
    assert pickle.loads(pickle.dumps(file))[5:9] == content[5:9]
    (tmp_path / "file").unlink()
    assert file[5:9] == content[5:9]
