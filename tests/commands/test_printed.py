"""What a fit and its figures print, line by line: any new noise shows here."""

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from fits import TINY, TWINKLE
from forking import python
from pytorch_lightning.callbacks import ModelSummary, TQDMProgressBar
from rich.console import Console

from bachlit.callbacks import EpochBar, EpochLines, NetworkSummary
from bachlit.commands.showing import display
from bachlit.training.checks import multiplies_bfloat16, warn_of_emulation

SHORT = ["--trainer.accelerator=cpu", "--trainer.precision=bf16-mixed", "--trainer.limit_val_batches=1"]
NETWORK = r"TokenLSTM: 3.4 K parameters \(embedding 580, lstms 864, norms 24, head 1.9 K\)"
RESTORED = r"Restored all states from the checkpoint at runs/r/checkpoints/last.ckpt"
LOADED = r"bachlit: with runs/r/checkpoints/best.ckpt \(run r, epoch 3\)"
FIGURE = r"0\.0*[1-9]\d{3}|0\.000|[1-9]\.\d{3}|\d\d\.\d\d"  # four significant digits
BEST = rf"Best val/nats_per_frame ({FIGURE}), epoch \d: runs/r/checkpoints/best.ckpt"
EMULATED = [] if multiplies_bfloat16() else ["bachlit: bf16-mixed is emulated on this processor.*"]
HARMONIZE = "Harmonise with it: bachlit harmonize TUNE --checkpoint r"
EPOCH = rf"epoch \d/\d, step \d+, loss ({FIGURE}), nats/frame ({FIGURE}) \(best ({FIGURE})\), \d+\.\d s"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> dict[str, tuple[str, str]]:
    """Standard output and error, in files, of a fit, its continuation, a test and a prediction."""
    folder = tmp_path_factory.mktemp("printed")
    fit = ["fit", *SHORT, *TINY, *corpus, "--run=r", "--ckpt_path=last"]
    commands = {
        "fit": [*fit, "--trainer.max_time=00:01:00:00", "--trainer.max_epochs=3", "--trainer.limit_train_batches=2"],
        "test": ["test", *SHORT[:2], "--ckpt_path=r"],
        "predict": ["predict", *SHORT[:2], "--ckpt_path=r", "--data.prompts", str(TWINKLE), "--decoder=Greedy"],
    }
    commands = {"begun": [*commands["fit"], "--trainer.max_epochs=2"], **commands}
    outputs = {}
    for name, command in commands.items():
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            environment = os.environ | {"COLUMNS": "80"}
            subprocess.run([python(), "-m", "bachlit", *command], cwd=folder, stdout=out, stderr=err, check=True,
                           env=environment, timeout=300)  # fmt: skip
        outputs[name] = (folder / "out").read_text(), (folder / "err").read_text()
    return outputs


def assert_lines(text: str, expected: list[str]) -> None:
    """All lines match the patterns, one each."""
    lines = text.splitlines()
    assert [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in expected)] == []
    assert len(lines) == len(expected)


def test_a_fit_in_a_file_prints_a_line_an_epoch_and_nothing_else(printed: dict[str, tuple[str, str]]) -> None:
    out, err = printed["begun"]
    assert_lines(out, [EPOCH, EPOCH, BEST, HARMONIZE])
    assert [line.partition(",")[0] for line in out.splitlines()[:2]] == ["epoch 1/2", "epoch 2/2"]
    assert_lines(err, ["bachlit: A fit begins, for there is no last.ckpt in runs/r yet.", NETWORK, *EMULATED])


@pytest.mark.parametrize(("precision", "native", "warns"), [
    ("bf16-mixed", {"amx_bf16": False, "avx512_bf16": False}, True),
    ("bf16-mixed", {"amx_bf16": False, "avx512_bf16": True}, False),
    ("bf16-mixed", {}, False),
    ("32-true", {"amx_bf16": False, "avx512_bf16": False}, False),
])  # fmt: skip
def test_bfloat16_that_a_processor_emulates_is_warned_of(
    precision: str, native: dict[str, bool], warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, **native}, raising=False)
    trainer = pl.Trainer(accelerator="cpu", precision=precision, logger=False, enable_checkpointing=False)  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="32-true") if warns else nullcontext():
        warn_of_emulation(trainer)


def test_a_resumed_fit_prints_its_epochs_and_knows_the_best(printed: dict[str, tuple[str, str]]) -> None:
    out, err = printed["fit"]
    assert_lines(out, [EPOCH, BEST, HARMONIZE])
    assert out.startswith("epoch 3/3, step 6,")
    assert_lines(err, [NETWORK, RESTORED, *EMULATED])
    before, after = (
        re.findall(rf"nats/frame ({FIGURE}) \(best ({FIGURE})\)", printed[name][0]) for name in ("begun", "fit")
    )
    figures = [float(figure) for figure, _ in before + after]
    assert [float(best) for _, best in before + after] == [min(figures[: end + 1]) for end in range(3)]


def test_figures_of_a_test_have_four_digits(printed: dict[str, tuple[str, str]]) -> None:
    out, err = printed["test"]
    rows = re.findall(r"│ (test/[\w/]+) +│ +(\S+) │", out)
    assert len(rows) == len(out.splitlines()) - 2
    assert [figure for _, figure in rows if not re.fullmatch(FIGURE, figure)] == []
    assert_lines(err, [LOADED])


def test_a_prediction_prints_where_it_is(printed: dict[str, tuple[str, str]]) -> None:
    out, err = printed["predict"]
    assert_lines(out, ["predictions"])
    assert_lines(err, [LOADED])


def test_a_file_gets_no_carriage_return_and_no_colour(printed: dict[str, tuple[str, str]]) -> None:
    assert [name for name, texts in printed.items() if re.search("[\r\x1b]", "".join(texts))] == []


@pytest.mark.parametrize(
    ("typed", "terminal", "expected"),
    [
        ({}, True, [EpochBar, NetworkSummary]),
        ({}, False, [EpochLines, NetworkSummary]),
        ({"enable_progress_bar": True}, False, [EpochBar, NetworkSummary]),
        ({"enable_progress_bar": False}, True, [NetworkSummary]),
        ({"enable_model_summary": False}, True, [EpochBar]),
        ({"callbacks": [TQDMProgressBar(), ModelSummary()]}, True, []),
        ({"callbacks": TQDMProgressBar()}, False, [NetworkSummary]),
        ({"callbacks": [EpochLines()]}, True, [NetworkSummary]),
    ],
)  # fmt: skip
def test_what_is_typed_beats_the_bar_and_the_lines(
    typed: dict[str, Any], terminal: bool, expected: list[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("bachlit.commands.showing.get_console", lambda: Console(force_terminal=terminal))
    options = {"callbacks": None, "enable_progress_bar": None, "enable_model_summary": None} | typed
    callbacks, flags = display(options, fits=True)
    assert [type(callback) for callback in callbacks] == expected
    assert flags == ({"enable_progress_bar": EpochBar in expected} if "callbacks" not in typed else {})


def test_a_bar_counts_epochs_from_one_with_four_digits_in_80_columns(
    corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning's began at epoch 0 of 1, showed the logger's version, and broke its figures into four lines."""
    drawn = Console(force_terminal=True, width=80, file=(tmp_path / "terminal").open("w+"), record=True)
    monkeypatch.setattr("pytorch_lightning.callbacks.progress.rich_progress.get_console", lambda: drawn)
    monkeypatch.chdir(tmp_path)
    from bachlit.__main__ import main  # noqa: PLC0415

    fit = ["fit", *SHORT, *TINY, *corpus, "--trainer.max_epochs=2", "--trainer.limit_train_batches=1"]
    assert main([*fit, "--trainer.enable_progress_bar=true", "--trainer.logger=CSVLogger"]) == 0
    last = "Epoch 2/2" + drawn.export_text().rpartition("Epoch 2/2")[2].rstrip()
    assert re.fullmatch(rf"Epoch 2/2 +━+ 1/1 \d:\d\d:\d\d • \d:\d\d:\d\d loss: ({FIGURE}) nats/frame: ({FIGURE})", last)
    assert len(last) < 80
