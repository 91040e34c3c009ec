"""ScoreWriter: each prediction becomes files of its own, whichever process decodes it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bachlit.callbacks import ScoreWriter
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt

NAMES = ["hymn.mid", "hymn.xml", "folder/psalm", "hymn.mid"]


def pieces() -> list[Chorale]:
    """One chorale a name, each of another pitch."""
    return [Chorale.from_pitches([[67 + row, 64, 60, 48]] * 4, name=name) for row, name in enumerate(NAMES)]


def write(folder: Path, rows: list[int], *, prompts: bool = True) -> dict[str, bytes]:
    """What a process writes that decodes these rows of the prompts."""
    dataset = [Prompt.voices(piece, "soprano") for piece in pieces()]
    trainer: Any = SimpleNamespace(predict_dataloaders=SimpleNamespace(dataset=dataset) if prompts else None)
    writer = ScoreWriter(folder)
    writer.on_predict_start(trainer, None)  # type: ignore[arg-type]
    written: Any = [SimpleNamespace(chorale=pieces()[row]) for row in rows]
    writer.write_on_batch_end(trainer, None, written, rows if prompts else None, None, 0, 0)  # type: ignore[arg-type]
    return {path.name: path.read_bytes() for path in folder.glob("*.mid")}


def test_two_processes_write_what_one_writes(tmp_path: Path) -> None:
    """Each counted names on its own, and the second overwrote the first one's files."""
    alone = write(tmp_path / "one", [0, 1, 2, 3])
    assert sorted(alone) == ["folder-psalm.mid", "hymn-2.mid", "hymn-3.mid", "hymn.mid"]
    write(tmp_path / "two", [0, 2])
    assert write(tmp_path / "two", [1, 3]) == alone


def test_predictions_of_an_unknown_loader_are_numbered_as_they_come(tmp_path: Path) -> None:
    assert sorted(write(tmp_path, [0, 1], prompts=False)) == ["hymn-2.mid", "hymn.mid"]
