"""Two processes log what one logs, and only the first writes."""

import csv
import json
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from forking import python
from processes import (
    PAUSING,
    QUIET,
    RUN,
    SHORT,
    TWO,
    assert_the_same_run,
    run,
    start,
    wait_for_pause,
    weights_in,
    write_pause,
)
from sizes import size

from bachlit.__main__ import main
from bachlit.music.chorale import Chorale, cut
from bachlit.scores import write_musicxml

TINY = ["--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4", "--data.lanes=2"]
JUDGED = [
    "--trainer.callbacks+=DecodingEvaluation",
    "--trainer.callbacks.decoders=Sampling",
    "--trainer.callbacks.num_pieces=3",
]


def test_two_processes_share_the_pieces_and_log_what_one_logs(
    tmp_path: Path, bach: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for fold, pieces in (("train", bach[:4]), ("valid", bach[4:7]), ("test", bach[7:9])):
        (tmp_path / f"{fold}.json").write_text(json.dumps([piece.pitches[:48].tolist() for piece in pieces]))
    corpus = ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={tmp_path}"]
    assert main(["fit", *QUIET, *TINY, *corpus, "--trainer.max_epochs=1", "--trainer.logger=CSVLogger", "--run=r"]) == 0
    checkpoint = f"--ckpt_path={tmp_path}/runs/r"
    both = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    figures = []
    for folder, processes in (("one", ["--trainer.devices=1"]), ("two", both)):
        (tmp_path / folder).mkdir()
        # In processes of their own: Lightning runs the second one by the first one's command line.
        command = [
            python(),
            "-m",
            "bachlit",
            "validate",
            *QUIET,
            "--trainer.logger=CSVLogger",
            checkpoint,
            *JUDGED,
            *processes,
        ]
        subprocess.run(command, cwd=tmp_path / folder, check=True, capture_output=True, timeout=300)
        [metrics] = (tmp_path / folder).rglob("metrics.csv")
        with metrics.open() as file:
            [row] = csv.DictReader(file)
        figures.append({name: float(value) for name, value in row.items() if value})
    assert len([name for name in figures[0] if name.startswith("decoding/")]) > 25
    assert figures[0].keys() == figures[1].keys()
    for name, value in figures[0].items():
        assert figures[1][name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
    files = [
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.musicxml")}
        for folder in ("one", "two")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 4
    assert np.isfinite(list(figures[1].values())).all()


def assert_quiet(out: str, err: str, num: int) -> None:
    """Only the first process prints: a line for the epoch, what the fit reached, and that it waits for the others."""
    epoch, best, harmonize = out.splitlines()
    assert epoch.startswith("epoch 1/1,")
    assert best.startswith(("Best val/nats_per_frame", "Checkpoint"))
    assert harmonize.startswith("Harmonise with it: bachlit harmonize TUNE")
    lines = [line for line in err.splitlines() if "emulated on this processor" not in line]  # of bfloat16
    assert lines == [f"Initializing distributed: GLOBAL_RANK: 0, MEMBER: 1/{num}"]


@pytest.mark.parametrize(
    ("options", "weights", "logged"),
    [
        ([], 1e-6, 1e-5),
        (["--trainer.accumulate_grad_batches=3"], 1e-6, 1e-5),
        # Eight bits of mantissa; the weights themselves have 24.
        (["--trainer.precision=bf16-mixed"], 1e-3, 1e-2),
    ],
    ids=["each step", "accumulated", "bf16"],
)
def test_two_processes_take_the_steps_that_one_takes(
    options: list[str], weights: float, logged: float, tmp_path: Path, few: list[str]
) -> None:
    """Though their lanes hold different numbers of targets."""
    exact = ["--model.network.dropout=0", "--model.network.batch_norm=false"]
    descent = ["--model.optimizer=SGD", "--model.optimizer.lr=0.5"]
    fit = ["fit", *QUIET, *few, *SHORT, "--trainer.max_epochs=1", *exact, *descent, *options]
    run(tmp_path / "one", *fit)
    out, err = run(tmp_path / "two", *fit, *TWO, "--trainer.enable_progress_bar=null")
    assert_quiet(out, err, 2)
    one, two = (weights_in(tmp_path / folder / RUN / "checkpoints" / "last.ckpt") for folder in ("one", "two"))
    for name, part in one.items():
        assert torch.allclose(two[name], part, rtol=0, atol=weights), name
    figures = []
    for folder in ("one", "two"):
        [metrics] = (tmp_path / folder).rglob("metrics.csv")
        with metrics.open() as file:
            figures.append(list(csv.DictReader(file)))
    assert len(figures[0]) == len(figures[1]) > 5
    for mine, other in zip(*figures, strict=True):
        for name, value in mine.items():
            assert (value == other[name] == "") or float(other[name]) == pytest.approx(float(value), abs=logged), name


FRAMES = ["--model.network=FrameLSTM", "--model.network.head=8", "--data.encoding.bars=true"]


@pytest.mark.parametrize("options", [[], [*FRAMES, *TWO]], ids=["one", "two, FrameLSTM"])
def test_a_fit_that_is_killed_at_any_moment_ends_where_it_would_have(
    options: list[str], tmp_path: Path, few: list[str], uninterrupted: Callable[..., Path]
) -> None:
    """Of `FrameLSTM`, which carries 16-bit integers, two processes kept no checkpoint: they ended in a traceback."""
    fit = ["fit", *QUIET, *few, *SHORT, *options, "--last.minutes=1e-9"]
    killed = start(tmp_path / "killed", *fit)
    last = tmp_path / "killed" / RUN / "checkpoints" / "last.ckpt"
    seen = set[int]()
    while len(seen) < 5:  # of some twenty steps
        assert killed.poll() is None
        time.sleep(0.001)
        with suppress(FileNotFoundError):
            seen.add(last.stat().st_mtime_ns)
    killed.kill()
    killed.wait()
    run(tmp_path / "killed", *fit, f"--ckpt_path={last}")
    assert_the_same_run(uninterrupted(*options), tmp_path / "killed", may_miss=1)


@pytest.mark.parametrize(
    ("processes", "signum"),
    [([], signal.SIGTERM), ([], signal.SIGINT), (TWO, signal.SIGTERM)],
    ids=["one by SIGTERM", "one by Ctrl-C", "two by SIGTERM"],
)
def test_a_fit_that_is_told_to_end_saves_where_it_is_and_says_so(
    processes: list[str], signum: signal.Signals, tmp_path: Path, few: list[str], uninterrupted: Callable[..., Path]
) -> None:
    fit, folder = ["fit", *QUIET, *few, *SHORT, *processes], tmp_path / "stopped"
    write_pause(folder)
    stopped = start(folder, *fit, PAUSING)
    wait_for_pause(stopped, folder, 2 if processes else 1)
    stopped.send_signal(signum)
    (folder / "go").touch()
    _, told = stopped.communicate(timeout=60)
    assert stopped.returncode == 128 + signum
    [line] = [line for line in told.splitlines() if "told to end" in line]
    by = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C"}[signum]
    where = RUN / "checkpoints" / "last.ckpt"
    assert line == f"bachlit: The fit was told to end ({by}); go on where it was with --ckpt_path {where}."
    run(folder, *fit, "--ckpt_path=last")
    assert_the_same_run(uninterrupted(*processes), folder)


def test_the_first_process_is_not_killed_while_it_ends_the_run(tmp_path: Path, few: list[str]) -> None:
    """Lightning's watch over the others did, some seconds after they had ended by another code than 0."""
    folder = tmp_path / "stopped"
    write_pause(folder)
    (folder / "slow.py").write_text(SLOW)
    fit = ["fit", *QUIET, *few, *SHORT, *TWO, PAUSING, "--trainer.callbacks+=slow.SlowEnd"]
    stopped = start(folder, *fit)
    wait_for_pause(stopped, folder, 2)
    stopped.terminate()
    (folder / "go").touch()
    _, told = stopped.communicate(timeout=60)
    assert stopped.returncode == 128 + signal.SIGTERM, told
    assert told.count("told to end") == 1
    assert "deprecated" not in told


SLOW = """
import time
from lightning_fabric.strategies.launchers import subprocess_script
from pytorch_lightning.callbacks import Callback

subprocess_script._ChildProcessObserver.__init__.__defaults__ = (1,)  # seconds between its looks; 5 of its own

class SlowEnd(Callback):
    def on_exception(self, trainer, module, exception):
        if trainer.is_global_zero:
            time.sleep(3)
"""


def test_two_processes_write_each_prompt_s_files(tmp_path: Path, bach: list[Chorale]) -> None:
    """Though one of them has more prompts than the other."""
    (tmp_path / "prompts").mkdir()
    for piece in bach[:3]:
        write_musicxml(cut(piece.only("soprano"), 0, 20), tmp_path / "prompts" / f"{piece.name}.musicxml")
    predict = ["predict", *QUIET, f"--data.prompts={tmp_path / 'prompts'}", "--decoder=Greedy"]
    run(tmp_path / "one", *predict)
    run(tmp_path / "two", *predict, *TWO)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder / "predictions").iterdir()}
        for folder in ("one", "two")
    )
    assert len(one) == 2 * 3
    assert two == one


def test_spawned_processes_find_a_network_where_one_works(tmp_path: Path, few: list[str]) -> None:
    """They get objects of its module, which they can't import from the path."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "own_spawned.py").write_text(
        "from bachlit.encoding import Encoding\n"
        "from bachlit.networks import TokenLSTM\n"
        "class Own(TokenLSTM):\n"
        "    def __init__(self, encoding: Encoding) -> None:\n"
        "        super().__init__(encoding, layers=1, hidden=5, embedding=4)\n"
        "        self.config = {}\n"
    )
    own = ["--model.network=own_spawned.Own", "--trainer.strategy=ddp_spawn", f"--trainer.devices={size(2, 1)}"]
    short = ["--trainer.max_epochs=1", "--trainer.logger=CSVLogger", "--data.lanes=2"]
    out, err = run(tmp_path / "one", "fit", *QUIET, *few, *own, *short, "--trainer.enable_progress_bar=null")
    assert (tmp_path / "one" / RUN / "checkpoints" / "last.ckpt").is_file()
    assert_quiet(out, err, size(2, 1))
