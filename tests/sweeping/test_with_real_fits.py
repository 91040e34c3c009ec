"""`bachlit sweep` over real fits, tiny ones: what a trial leaves, and the configurations that ship."""

import csv
import json
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from forking import python

from bachlit.__main__ import main
from bachlit.music.chorale import Chorale
from bachlit.sweeping import fitting, results
from bachlit.sweeping.definition import grid, space_of

ROOT = Path(__file__).parents[2]
BASE = f"--base={ROOT / 'configs' / 'bachbot.yaml'}"
SMALL = [
    "--trainer.accelerator=cpu",
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=2",
    "--data.lanes=2",
    "--curves.picture=false",
]
TINY = ["--model.network.layers=1", "--model.network.embedding=4"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale]) -> list[str]:
    """A few cut chorales in JSB-16th's form."""
    folder = tmp_path_factory.mktemp("jsb16")
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:64].tolist() for piece in bach[:10]]
    for fold, part in (("train", pieces[:6]), ("valid", pieces[6:8]), ("test", pieces[8:])):
        (folder / f"{fold}.json").write_text(json.dumps(part))
    return ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={folder}"]


@pytest.fixture(autouse=True)
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "FIT", [python(), "-m", "bachlit", "fit"])


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def test_a_trial_is_a_fit_that_can_be_typed_again(corpus: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Its value is the best of its curve; the command that is printed, and its config.yaml, give the same again."""
    Path("bachlit").mkdir()  # as where one works in the source; it isn't what is installed
    Path("bachlit", "__init__.py").write_text("raise ImportError('this is another bachlit')\n")
    space = ["--space.model.network.hidden=[8]", "--sampler=Grid", "--output=sweep"]
    assert main(["sweep", BASE, *space, "--", *corpus, *SMALL, *TINY, "--trainer.max_epochs=2"]) == 0
    (best,) = rows("sweep/trials.csv")
    assert best["state"] == "finished"
    folder = Path("sweep", best["folder"])
    assert {path.name for path in folder.iterdir()} >= {"checkpoints", "config.yaml", "curves.csv", "metrics.csv"}
    assert (folder / "checkpoints" / "best.ckpt").is_file()
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == ["trial-0000"]
    curve = [float(row["val/nats_per_frame"]) for row in rows(f"{folder}/curves.csv")]
    assert float(best["value"]) == min(curve)
    assert {path.name for path in Path("sweep").glob("*.png")} == {"slices.png", "curves.png"}  # of one option
    for path in Path("sweep").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    again = shlex.split(capsys.readouterr().out.partition("The best again: bachlit ")[2].splitlines()[0])
    assert main([*again, "--trainer.logger=CSVLogger", "--run=again"]) == 0
    assert [float(row["val/nats_per_frame"]) for row in rows("runs/again/curves.csv")] == curve
    assert main(["fit", "--config", str(folder / "config.yaml"), "--trainer.logger=CSVLogger", "--run=config"]) == 0
    assert [float(row["val/nats_per_frame"]) for row in rows("runs/config/curves.csv")] == curve


def test_a_pruner_stops_a_fit_and_w_and_b_hears_of_the_group(corpus: list[str]) -> None:
    args = ["--name=pruned", "--space.model.network.hidden=[8]", "--sampler=Grid", "--wandb"]
    pruner = ["--pruner=ThresholdPruner", "--pruner.upper=0.001", "--pruner.n_warmup_steps=2"]
    short = ["--trainer.max_epochs=9", "--trainer.logger.mode=offline"]
    assert main(["sweep", BASE, *args, *pruner, "--", *corpus, *SMALL, *TINY, *short]) == 0
    (row,) = rows("sweeps/pruned/trials.csv")
    assert row["state"] == "pruned"
    folder = Path("sweeps/pruned", row["folder"])
    assert len(rows(f"{folder}/curves.csv")) == 2
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    read = [python(), "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    run = next(json.loads(line)["run"] for line in done.stdout.splitlines() if "run" in json.loads(line))
    assert (run["run_group"], run["display_name"]) == ("pruned", "pruned-0000")


def test_a_figure_that_is_not_there_is_told_once(corpus: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--name=x", "--space.model.network.hidden=[8]", "--sampler=Grid", "--monitor=val/nats"]
    assert main(["sweep", BASE, *args, "--", *corpus, *SMALL, *TINY]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "All trials fail in the same way: The fit has no figure 'val/nats' to monitor; expected one of " in last
    assert "val/nats_per_frame" in last


WRONG = {
    "There is no option --model.network.hiden; expected --model.network.hidden;": ["--space.model.network.hiden=[8]"],
    "Expected a <class 'int'>. Got value: wide": ["--space.data.window=[64, wide]"],
    "There is no option --data.lanez; expected --data.lanes;": ["--space.data.window=[64]", "--", "--data.lanez=3"],
    "The trials' logger is the sweep's": ["--space.data.window=[64]", "--", "--trainer.logger=false"],
    "expected it as --base": ["--space.data.window=[64]", "--", "--config=my.yaml"],
}


def test_a_bad_option_of_fit_is_one_sentence_before_any_trial(capsys: pytest.CaptureFixture[str]) -> None:
    for message, typed in WRONG.items():
        assert main(["sweep", BASE, "--name=x", "--sampler=Grid", *typed]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert message in line
    assert not Path("sweeps").exists()


@pytest.mark.parametrize("config", ["table1", "tpe", "figure2"])
def test_the_configurations_run(
    config: str, corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "plots", lambda *_, **__: {})
    path = ROOT / "configs" / "sweeps" / f"{config}.yaml"
    monkeypatch.chdir(ROOT)  # the base is named from there
    output = f"--output={tmp_path / config}"
    args = ["--config", str(path), output, "--trials=1", "--", *corpus, *SMALL, "--trainer.max_epochs=1"]
    assert main(["sweep", *args]) == 0
    (row,) = rows(f"{tmp_path}/{config}/trials.csv")
    assert row["state"] == "finished"


def test_table_1_has_bachbots_864_points() -> None:
    config = yaml.safe_load((ROOT / "configs" / "sweeps" / "table1.yaml").read_text())
    points = grid(space_of(config["space"]))
    assert len(points) == 864
    assert {point["model.network.dropout"] for point in points} == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5}


def test_w_and_bs_agent_types_what_fit_understands(corpus: list[str]) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args  # noqa: PLC0415  # takes seconds

    config = yaml.safe_load((ROOT / "configs" / "sweeps" / "wandb.yaml").read_text())
    middle = {
        name: said.get("value", said.get("values", [said.get("min")])) for name, said in config["parameters"].items()
    }
    args = {name: {"value": value[0] if isinstance(value, list) else value} for name, value in middle.items()}
    words = create_sweep_command_args({"args": args})["args"]
    command = [word for part in config["command"] for word in (words if part == "${args}" else [part])]
    assert command[:2] == [config["program"], "fit"] == ["bachlit", "fit"]
    command[command.index("configs/bachbot.yaml")] = str(ROOT / "configs" / "bachbot.yaml")
    assert main([*command[1:], *corpus, *SMALL, "--trainer.fast_dev_run=true"]) == 0


def test_every_configuration_is_run_here() -> None:
    assert {path.stem for path in (ROOT / "configs" / "sweeps").iterdir()} == {"figure2", "table1", "tpe", "wandb"}
