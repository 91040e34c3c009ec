"""The end of a fit says what it reached and how to use it; a complete fit is left as it is."""

import io
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
from fits import KEPT, QUICK, TINY, TWINKLE

from bachlit.__main__ import main
from bachlit.commands.finished import named

FIT = ["fit", *QUICK, *TINY, "--trainer.limit_train_batches=1", "--trainer.limit_val_batches=1"]
BEST = Path("runs/first/checkpoints/best.ckpt")


class Fitted(NamedTuple):
    """A finished fit: the folder where it was typed, its words, and what it printed."""

    folder: Path
    typed: list[str]
    printed: list[str]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Fitted:
    folder, out = tmp_path_factory.mktemp("fitted"), io.StringIO()
    typed = [*FIT, *corpus, "--run=first", "--ckpt_path=last"]
    with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(out):
        monkeypatch.chdir(folder)
        assert main([*typed, KEPT, "--trainer.max_epochs=2"]) == 0
    return Fitted(folder, typed, out.getvalue().splitlines())


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_fit_ends_with_its_best_figure_and_a_command_that_harmonises_with_it(
    fitted: Fitted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fitted.folder)
    best, line = fitted.printed[-2:]
    assert best.startswith("Best val/nats_per_frame ")
    assert best.endswith(f", epoch 2: {BEST}")
    assert line == "Harmonise with it: bachlit harmonize TUNE --checkpoint first"
    words = shlex.split(line.partition(": ")[2].replace("TUNE", str(TWINKLE)))
    assert main([*words[1:], "--decoder=Greedy", "--rules=none", "--output=out"]) == 0
    assert f"bachlit: with {BEST} (run first, epoch 2)" in capsys.readouterr().err.splitlines()


def test_a_checkpoint_is_named_by_its_run_only_if_that_finds_it(in_a_folder_of_its_own: Path) -> None:
    paths = [Path(place, "best.ckpt") for place in ("runs/first/checkpoints", "kept", "else/second/checkpoints")]
    paths.append(Path("runs/first/checkpoints/another.ckpt"))
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    assert [named(path.absolute()) for path in paths] == ["first", *map(str, paths[1:])]


@pytest.mark.parametrize("words", [[], ["--trainer.max_epochs=9", "--trainer.max_steps=2"]], ids=["epochs", "steps"])
def test_a_complete_fit_says_so_and_leaves_its_run_as_it_is(
    words: list[str], fitted: Fitted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fitted.folder)
    monkeypatch.setenv("WANDB_MODE", "offline")  # it would leave a folder
    before = contents(Path())
    assert main([*fitted.typed, "--trainer.max_epochs=2", *words]) == 0
    unit = "steps" if words else "epochs"
    done, best, more = capsys.readouterr().out.splitlines()
    assert done == f"The run first is complete: 2 of 2 {unit}."
    assert best == fitted.printed[-2]
    assert more == f"To go on, add --trainer.max_{unit} with more than 2."
    assert contents(Path()) == before


def test_a_fit_that_diverges_says_so_and_recommends_nothing(
    in_a_folder_of_its_own: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It was told as a success, with the line that harmonises with it."""
    typed = [*FIT, *corpus, "--run=wild", "--trainer.max_epochs=1", "--model.optimizer.lr=1e36"]
    assert main(typed) == 0
    out, err = capsys.readouterr()
    assert "The fit has diverged" in err
    assert "Harmonise" not in out


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_a_signal_ends_what_is_no_fit_at_its_next_batch(
    command: str, in_a_folder_of_its_own: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"predict": ["--data.prompts", str(TWINKLE), "--decoder=Greedy"]}
    typed = [command, *QUICK, *(more.get(command) or corpus)]
    Path("told.py").write_text(
        "import os, signal\nfrom pytorch_lightning.callbacks import Callback\n"
        "class Told(Callback):\n"
        "    def on_predict_start(self, trainer, pl_module):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    on_validation_start = on_test_start = on_predict_start\n"
    )
    assert main([*typed, "--trainer.callbacks=told.Told"]) == 143
    assert "was told to end" in capsys.readouterr().err
