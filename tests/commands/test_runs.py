"""`bachlit runs` lists fits, however damaged, and runs nothing that their folders hold."""

import json
import os
from pathlib import Path

import pytest

from bachlit.__main__ import main

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

NETWORK = "model:\n  network:\n    class_path: bachlit.networks.{}\n"
CURVES = "epoch,step,val/nats_per_frame\n0.5,5,\n1.0,9,2.5\n2.0,18,{}\n"


def made(name: str, *, network: str = "TokenLSTM", last: str = "2.25", at: int = 0) -> Path:
    """A run as a fit leaves it, at a time in seconds."""
    folder = Path(name)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(NETWORK.format(network))
    (folder / "curves.csv").write_text(CURVES.format(last))
    (folder / "checkpoints" / "best.ckpt").write_bytes(b"weights")
    for path in folder.rglob("*.*"):
        os.utime(path, (at, at))
    return folder


def listed(capsys: pytest.CaptureFixture[str], *args: str) -> list[dict[str, object]]:
    assert main(["runs", "--json", *args]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_a_run_has_its_network_epochs_and_best_figure(capsys: pytest.CaptureFixture[str]) -> None:
    made("runs/first", network="FrameLSTM", last="2.75", at=86400)
    [run] = listed(capsys)
    assert str(run.pop("when")).startswith("1970-01-0")
    assert run == {
        "name": "first",
        "network": "FrameLSTM",
        "epochs": 2.0,
        "best": 2.5,
        "checkpoints": ["best.ckpt"],
        "folder": os.path.join("runs", "first"),  # noqa: PTH118
    }


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("when", ["c", "b", "a", "bare"]),
        ("best", ["b", "a", "c", "bare"]),
        ("network", ["b", "a", "c", "bare"]),
        ("name", ["a", "b", "bare", "c"]),
    ],
)
def test_runs_are_sorted_and_what_is_unknown_comes_last(
    column: str, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made("runs/a", last="2.0", at=100)
    made("runs/b", last="1.0", network="FrameLSTM", at=200)
    made("runs/c", last="2.2", at=300)
    Path("runs/bare/checkpoints").mkdir(parents=True)
    assert [run["name"] for run in listed(capsys, "--sort", column)] == names


def test_a_damaged_run_is_listed_with_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    made("runs/yaml").joinpath("config.yaml").write_text("model: [" * 9000)
    made("runs/object").joinpath("config.yaml").write_text("model: !!python/object/apply:os.system ['touch boom']\n")
    made("runs/bytes").joinpath("curves.csv").write_bytes(bytes(range(256)) * 9)
    made("runs/figures").joinpath("curves.csv").write_text("epoch,val/nats_per_frame\nnan,inf\n1,x\n2.0\n3,4,5\n")
    made("runs/swapped").joinpath("curves.csv").unlink()
    Path("runs/swapped/curves.csv").mkdir()
    made("runs/\x1b[31mred")
    Path("runs/nothing").mkdir()
    Path("runs/note.txt").write_text("no run")
    known = {str(run["name"]): (run["network"], run["epochs"], run["best"]) for run in listed(capsys)}
    assert known == {
        "yaml": (None, 2, 2.25),
        "object": (None, 2, 2.25),
        "bytes": ("TokenLSTM", None, None),
        "figures": ("TokenLSTM", 3, 4),
        "swapped": ("TokenLSTM", None, None),
        "\x1b[31mred": ("TokenLSTM", 2, 2.25),
    }
    assert not Path("boom").exists()
    assert main(["runs"]) == 0
    table = capsys.readouterr().out
    assert "\x1b" not in table
    assert "\N{REPLACEMENT CHARACTER}[31mred" in table


def test_folders_that_are_named_are_listed_a_sweeps_too(capsys: pytest.CaptureFixture[str]) -> None:
    made("runs/first")
    made("runs/bachlit/version_0")  # of the first releases
    made("sweeps/grid/trials/trial-0000")
    assert {run["name"] for run in listed(capsys)} == {"first", "version_0"}
    assert {run["name"] for run in listed(capsys, "runs", "sweeps/grid")} == {"first", "version_0", "trial-0000"}


def test_without_runs_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == []
    assert main(["runs"]) == 0
    assert "no runs in runs yet" in capsys.readouterr().out


def test_a_real_fit_is_listed(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [run] = listed(capsys, str(trained.parent))
    assert (run["name"], run["network"], run["epochs"]) == ("trained", "TokenLSTM", 3)
    assert 0 < float(str(run["best"])) < 50
    assert run["checkpoints"] == ["best.ckpt", "last.ckpt", "last-before.ckpt"]
