"""`--import MODULE` is enough, in every command, for a checkpoint whose classes are the user's own."""

import gc
import io
import shlex
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest
from fits import KEPT, QUICK, TINY, TWINKLE

from bachlit.__main__ import main, script
from bachlit.commands.options import Words
from bachlit.commands.recalled import checked
from bachlit.decoding import Decoder, Greedy
from bachlit.errors import CheckpointError, OptionError
from bachlit.music.chorale import Chorale

MINE = """
from dataclasses import dataclass
from torch import nn
from bachlit.corpus import Jsb16Corpus
from bachlit.decoding import Greedy, Rule
from bachlit.encoding import SatbEncoding
from bachlit.networks import TokenLSTM

class OwnCorpus(Jsb16Corpus):
    pass

class OwnNetwork(TokenLSTM):
    pass

class OwnEncoding(SatbEncoding):
    pass

class OwnLoss(nn.CrossEntropyLoss):
    pass

class OwnDecoder(Greedy):
    pass

@dataclass(frozen=True)
class OwnRule(Rule):
    def breaches(self, position):
        return position.melody(lambda before, after: before < 0)
"""
FAILING = "from bachlit.decoding import Greedy\n\nGreedy.width_that_is_not_there\n"
DECODED = ["--decoder=OwnDecoder", "--rules.OwnRule=1"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, jsb16: Path) -> Path:
    """A folder with a module of one's own, and a run of its classes."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "all_mine.py").write_text(MINE)
    (folder / "failing.py").write_text(FAILING)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        shutil.copytree(jsb16, "jsb16")
        args = [
            *("--model.network=OwnNetwork", "--data.encoding=OwnEncoding", "--model.loss=all_mine.OwnLoss"),
            *("--data.corpus=OwnCorpus", "--data.corpus.path=jsb16", "--trainer.max_epochs=1", "--run=own"),
        ]
        out = io.StringIO()
        with redirect_stdout(out):
            assert main(["fit", "--import", "all_mine", *args, *QUICK, *TINY, KEPT]) == 0
        assert shlex.split(out.getvalue())[-2:] == ["--import", "all_mine"]  # so one can harmonise with it
    return folder


@pytest.fixture(autouse=True)
def fresh(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder, with the module not imported yet."""
    monkeypatch.chdir(fitted)
    monkeypatch.delitem(sys.modules, "all_mine", raising=False)


@pytest.mark.parametrize(
    "typed",
    [
        ["predict", *QUICK, "--ckpt_path=own", f"--data.prompts={TWINKLE}", *DECODED, "--overwrite=true"],
        ["evaluate", "--checkpoint=own", "--decoders=OwnDecoder", "--limit=1", "--resamples=9"],
        ["harmonize", str(TWINKLE), "--checkpoint=own", *DECODED],
    ],
    ids=lambda typed: str(typed[0]),
)
def test_one_option_is_enough_in_every_command(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*typed, "--import=all_mine"]) == 0, capsys.readouterr().err
    assert f"bachlit: with {Path('runs/own/checkpoints/best.ckpt')} (run own, epoch 1)" in capsys.readouterr().err


def test_without_it_a_command_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", *QUICK, "--ckpt_path=own"]) == 2
    assert "if you trust it, type --import all_mine." in capsys.readouterr().err


def test_a_short_name_that_bachlit_has_too_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("twins")
    monkeypatch.setitem(sys.modules, "twins", module)
    words = Words.of(["--import=twins", "--decoder=Greedy"])
    vars(module)["Greedy"] = Greedy  # imported there
    assert words.spelled_out({"decoder": Decoder}).value_of("decoder") == "twins.Greedy"
    vars(module)["Greedy"] = type("Greedy", (Greedy,), {})
    with pytest.raises(OptionError, match=r"named Greedy: bachlit\.decoding\.greedy\.Greedy, twins\.Greedy;"):
        words.spelled_out({"decoder": Decoder})
    del module.Greedy
    gc.collect()  # other tests name Greedy, too


@pytest.mark.parametrize("command", [["fit", *QUICK], ["harmonize", str(TWINKLE)], ["plot", str(TWINKLE)]])
def test_a_module_that_fails_is_named_with_its_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--import=failing"]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bachlit: ")]
    assert "The module 'failing' can't be imported (AttributeError: " in line
    assert "line 3 of failing.py" in line


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ("network", "os.system"),  # no class
        ("network", "os.PathLike"),  # no network
        ("encoding", "os.PathLike"),
    ],
)
def test_an_imported_module_lends_only_classes_of_the_options_kind(option: str, path: str) -> None:
    with pytest.raises(CheckpointError):
        checked({"model": {option: {"class_path": path}}}, "It", modules=["os"])


def test_only_what_is_ours_alone_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, four_parts: Chorale
) -> None:
    """A module of the user's may leave files and threads open, which Python closes and waits for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("", encoding="utf-8")
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr("bachlit.internals.run_exit_functions", lambda: None)
    command = ["bachlit", "check", "four.musicxml", "--surprise", "0"]
    monkeypatch.setattr("sys.argv", command)
    code = script()
    assert ended == [code]
    monkeypatch.setattr("sys.argv", [*command, "--import", "mine"])
    assert script() == code
    assert ended == [code]
