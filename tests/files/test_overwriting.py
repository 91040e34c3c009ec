"""No file that a user wrote is overwritten unless they ask for it, and some not even then."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bachlit.rendering.output
from bachlit.__main__ import main
from bachlit.files.writing import write_together
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.scores import write_musicxml

QUICK = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own", "with_a_small_default")


@pytest.fixture(autouse=True)
def model(in_a_folder_of_its_own: Path, small_model: LanguageModel, bach: list[Chorale]) -> None:
    """A model, a corpus of some bars and a score, where the commands run."""
    small_model.save(Path("model"))
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:16].tolist() for piece in bach[:4]]
    for fold, part in (("train", pieces[:2]), ("valid", pieces[2:])):
        Path(f"{fold}.json").write_text(json.dumps(part))
    write_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 16), "four.musicxml")
    Path("out").mkdir()


# Each with a file that it writes into the folder out.
COMMANDS = {
    "harmonize": (["harmonize", "four.musicxml", "--decoder=Greedy", "--wav"], "four-harmonized.wav"),
    "several": (["harmonize", "four.musicxml", "--num=2", "--decoder=Sampling"], "four-harmonized.json"),
    "compose": (["compose", "--bars=1", "--num=2", "--png"], "chorale-1.png"),
    "plot": (["plot", "four.musicxml"], "four-units.png"),
    "evaluate": (
        ["evaluate", "--corpus=Jsb16Corpus", "--corpus.path=.", "--decoders=greedy", "--resamples=2"],
        "pieces.csv",
    ),
    "predict": (["predict", *QUICK, "--data.prompts=four.musicxml", "--decoder=Greedy"], "four.mid"),
}


def run(command: str, *more: str) -> int:
    typed, _ = COMMANDS[command]
    checkpoint = [] if command == "predict" else ["--checkpoint=model"]
    return main([*typed, *checkpoint, "--output=out", *more])


def refused(code: int, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    told = capsys.readouterr()
    assert code == 2
    assert told.out == ""
    sentence = told.err.splitlines()[-1]
    assert all(word in sentence for word in ("choose another --output", *words)), sentence


def contents() -> dict[Path, bytes]:
    """All files but those in which `predict` logs."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and path.parts[0] != "runs"}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_user_wrote_stays_until_they_ask(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = Path("out", COMMANDS[command][1])
    wanted.write_text("mine")
    before = contents()
    refused(run(command), capsys, str(wanted), "--overwrite")
    assert contents() == before
    assert run(command, "--overwrite") == 0
    assert wanted.read_bytes() != b"mine"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_may_be_run_twice_and_what_was_changed_between_stays(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 0
    first = contents()
    assert run(command) == 0
    timed = {Path("out", name) for name in ("evaluation.json", "evaluation.md", "index.html") if command == "evaluate"}
    assert {path: content for path, content in contents().items() if path not in timed} == {
        path: content for path, content in first.items() if path not in timed
    }
    for path in sorted(Path("out").iterdir()):
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        before = contents()
        capsys.readouterr()
        refused(run(command), capsys, "--overwrite")
        assert contents() == before
        path.write_bytes(content)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "read-only", "input"])
def test_some_files_are_never_replaced(command: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Root may write over a read-only file: its mode is what counts."""
    wanted = Path("out", COMMANDS[command][1])
    Path("mine").write_text("mine")
    if kind == "link":
        wanted.symlink_to(Path("mine").resolve())
    elif kind == "dangling":
        wanted.symlink_to(Path("nowhere").resolve())
    elif kind == "pipe":
        os.mkfifo(wanted)
    elif kind == "read-only":
        assert run(command) == 0
        capsys.readouterr()
        wanted.chmod(0o444)
    elif command in ("compose", "evaluate"):
        pytest.skip("reads no file of such a name")
    else:
        wanted.hardlink_to("four.musicxml")
    said = {"link": "is a symbolic link", "dangling": "is a symbolic link", "pipe": "is a pipe", "input": "reads"}
    before = contents()
    for more in ([], ["--overwrite"]):
        refused(run(command, *more), capsys, str(wanted), said.get(kind, "is read-only"))
        assert contents() == before
        assert os.path.lexists(wanted)


@pytest.mark.parametrize("name", ["four", "./four.musicxml", "out/../four.musicxml"])
def test_a_score_is_not_replaced_by_its_harmony(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It was, in silence."""
    before = contents()
    for more in ([], ["--overwrite"]):
        refused(main(["harmonize", "four.musicxml", "--checkpoint=model", "--output", name, *more]), capsys, "reads")
    assert contents() == before


def test_scores_are_not_replaced_by_predictions_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tunes").mkdir()
    for name in ("a", "b"):
        write_musicxml(Chorale.from_pitches([[67, 0, 0, 0]] * 16), f"tunes/{name}.musicxml")
    before = contents()
    for more in ([], ["--overwrite"]):
        typed = ["predict", *QUICK, "--decoder=Greedy", "--data.prompts=tunes", "--output=tunes", *more]
        refused(main(typed), capsys, "tunes/a.musicxml", "reads")
    assert contents() == before


@pytest.mark.parametrize("command", ["harmonize", "compose", "plot", "evaluate"])
def test_it_is_refused_before_the_work(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out", COMMANDS[command][1]).write_text("mine")

    def load(*_: object) -> None:
        raise AssertionError("the work was begun")

    monkeypatch.setattr(LanguageModel, "load", load)
    refused(run(command), capsys, "--overwrite")


def test_what_comes_to_stand_there_during_the_work_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bachlit.rendering.output.to_midi

    def write_meanwhile(chorale: Chorale) -> bytes:
        Path("out/four-harmonized.musicxml").write_text("mine")
        return made(chorale)

    monkeypatch.setattr(bachlit.rendering.output, "to_midi", write_meanwhile)
    refused(run("harmonize"), capsys, "out/four-harmonized.musicxml")
    assert {path.name: path.read_text() for path in Path("out").iterdir()} == {"four-harmonized.musicxml": "mine"}


@pytest.mark.parametrize("links", [True, False])
def test_files_that_were_replaced_before_one_failed_stand_there_again(
    links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk's error at the second once left the first replaced."""
    if not links:

        def no_link(*_: object, **__: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", no_link)
    Path("out/a").write_text("old")
    Path("out/c").write_text("old")
    replace = Path.replace

    def fail_at_c(self: Path, target: Any) -> Path:
        if target.name == "c" and self.read_bytes() == b"new":
            raise OSError(5, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_at_c)
    with pytest.raises(OSError, match="Input/output error: 'out/c'"):
        write_together([(Path("out", name), b"new") for name in "abc"])
    assert {path.name: path.read_text() for path in Path("out").iterdir()} == {"a": "old", "c": "old"}
