"""What `--help` of Lightning's commands shows, and what flags mean in all commands."""

import re
from inspect import signature

import pytest

from bachlit.__main__ import main
from bachlit.commands.evaluate import evaluate
from bachlit.commands.harmonize import harmonize
from bachlit.commands.music import compose
from bachlit.commands.plot import plot

FIRST = [
    *("--config", "--run", "--ckpt_path", "--model.network", "--model.optimizer", "--data.corpus", "--data.keys"),
    *("--data.lanes", "--trainer.max_epochs", "--trainer.accelerator"),
]


def shown(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_help_of_fit_is_short_and_begins_with_what_matters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once had 1,267 lines, 459 of them names of classes."""
    told = shown("fit", capsys, monkeypatch)
    assert told.startswith("usage: bachlit fit [options]\n")
    assert told.count("\n") <= 260
    options = re.findall(r"^  (?:-c, )?(--[\w.]+)", told, re.MULTILINE)
    assert options[: len(FIRST)] == FIRST
    assert len(options) == len(set(options))
    assert "known subclasses" not in told
    # The rare are there, too, and what shows more.
    for rare in ("--trainer.profiler", "--trainer.plugins", "--checkpoint.save_top_k", "--last.minutes", "CLASS"):
        assert rare in told


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_the_help_of_the_others_is_no_longer(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shown(command, capsys, monkeypatch)
    assert told.count("\n") <= 300
    assert re.findall(r"^  (?:-c, )?(--[\w.]+)", told, re.MULTILINE)[:2] == ["--config", "--ckpt_path"]


def test_an_option_that_takes_a_class_shows_the_options_of_that_class(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--model.network.help", "FrameLSTM"])
    assert "--model.network.head" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flag", ["decoder", "rules", "strict", "seed", "overwrite", "png", "pdf", "paper", "layout", "label", "wav"]
)
def test_a_flag_has_one_kind_and_one_default_everywhere(flag: str) -> None:
    options = [signature(function).parameters.get(flag) for function in (harmonize, compose, plot, evaluate)]
    assert len({(str(option.annotation), option.default) for option in options if option is not None}) == 1
