"""A run has a name and a folder of its own: a fit goes on with its own run, or begins, and never takes another's."""

import itertools
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from processes import few_pieces, weights_in
from sizes import LARGE

from bachlit.__main__ import main
from bachlit.errors import OptionError
from bachlit.models import checkpoints
from bachlit.models.runs import RunFolder, check_name, folder_named, located
from bachlit.models.shipped import SHIPPED
from bachlit.music.chorale import Chorale

TINY = [
    "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false",
    "--trainer.logger=CSVLogger", "--trainer.log_every_n_steps=1", "--curves.picture=false",
]  # fmt: skip
SIZES = {"layers": 1, "hidden": 8, "embedding": 4}

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale]) -> Path:
    folder = tmp_path_factory.mktemp("pieces")
    few_pieces(folder, bach)
    return folder


@pytest.fixture
def configs(pieces: Path) -> dict[str, list[str]]:
    """Two fits' configurations: that of `a` says nothing of the network's class and the loss, that of `b` does."""
    data = {"corpus": {"class_path": "Jsb16Corpus", "init_args": {"path": str(pieces)}}, "lanes": 2, "window": 48}
    said = {
        "a": {"model": {"network": {"class_path": "TokenLSTM", "init_args": SIZES}}, "data": data},
        "b": {
            "model": {
                "network": {"class_path": "FrameLSTM", "init_args": SIZES | {"head": 8}},
                "loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"label_smoothing": 0.1}},
            },
            "data": data | {"encoding": {"class_path": "SatbEncoding", "init_args": {"bars": True}}},
        },
    }
    for name, options in said.items():
        Path(f"{name}.yaml").write_text(yaml.safe_dump(options))
    return {name: ["fit", f"--config={name}.yaml", *TINY] for name in said}


def newest(name: str) -> Path:
    """The run's folder, whether it was named or not."""
    [folder] = [path for path in Path("runs").iterdir() if path.name == name or path.name.endswith(f"-{name}")]
    return folder


@pytest.fixture
def whole(configs: dict[str, list[str]], tmp_path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The weights with which each fit ends that nobody interrupts."""
    ends = {}
    for name, args in configs.items():
        assert main([*args, "--trainer.max_epochs=2", f"--run=whole-{name}"]) == 0
        ends[name] = weights_in(Path("runs") / f"whole-{name}" / "checkpoints" / "last.ckpt")
    shutil.rmtree("runs")
    return ends


def test_fits_in_one_folder_go_on_with_their_own_runs_in_any_order(
    configs: dict[str, list[str]], whole: dict[str, dict[str, torch.Tensor]]
) -> None:
    """As jobs of a cluster that are requeued: the one went on with the other's run, network and folder."""
    every = itertools.product(("abab", "abba", "baab"), (True, False))
    for order, named in every if LARGE else [("abba", True), ("baab", False)]:
        for step, name in enumerate(order):
            epochs = 1 + (name in order[:step])
            run = [f"--run={name}"] if named else []
            assert main([*configs[name], *run, "--ckpt_path=last", f"--trainer.max_epochs={epochs}"]) == 0
        assert len(list(Path("runs").iterdir())) == 2
        for name, weights in whole.items():
            end = weights_in(newest(name) / "checkpoints" / "last.ckpt")
            assert all(torch.equal(end[part], value) for part, value in weights.items()), (order, named, name)
        shutil.rmtree("runs")


def test_a_fit_without_a_run_of_its_own_says_in_what_the_newest_differs(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=first"]) == 0
    assert main([*configs["b"], "--trainer.max_epochs=1", "--ckpt_path=last"]) == 0
    told = capsys.readouterr().err
    assert "A fit begins, for the run runs/first has other options: " in told
    assert "--model.network is bachlit.networks.FrameLSTM here, bachlit.networks.TokenLSTM in the run" in told
    seed = ["--seed_everything=7", "--trainer.max_epochs=1", "--ckpt_path=last"]
    assert main([*configs["a"], *seed]) == 0
    assert "--seed_everything is 7 here, 0 in the run" in capsys.readouterr().err


def test_a_named_run_of_other_options_is_refused_a_line_each_and_stays_as_it_is(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=mine"]) == 0
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    last = ["--run=mine", "--ckpt_path=last", "--trainer.max_epochs=2"]
    assert main([*configs["a"], "--data.lanes=3", "--model.network.hidden=9", *last]) == 2
    assert capsys.readouterr().err.splitlines()[-4:] == [
        "bachlit: The run mine has other options:",
        "  --data.lanes is 3 here, 2 in the run",
        "  --model.network.hidden is 9 here, 8 in the run",
        "expected its own; correct them, or name another run with --run.",
    ]
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=mine"]) == 2
    assert "runs/mine is there already; expected a new name, or --ckpt_path last" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == before
    # Trainer options may differ, and where nothing is said of the model and the data, the run's hold.
    assert main(["fit", *TINY, "--trainer.gradient_clip_val=0.5", *last]) == 0
    assert torch.load("runs/mine/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1


def test_the_folder_of_runs_is_that_of_the_parsed_configuration(configs: dict[str, list[str]]) -> None:
    """Where it stood in a configuration, no run was found, and a requeued job began from nothing for ever."""
    logger = {"class_path": "CSVLogger", "init_args": {"save_dir": "elsewhere", "name": "deep"}}
    Path("logger.yaml").write_text(yaml.safe_dump({"trainer": {"logger": logger}}))
    args = [word for word in configs["a"] if not word.startswith("--trainer.logger")] + ["--config=logger.yaml"]
    for epochs in (1, 2):
        assert main([*args, "--ckpt_path=last", f"--trainer.max_epochs={epochs}"]) == 0
    [folder] = Path("elsewhere/deep").iterdir()
    assert torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["epoch"] == 1
    assert not Path("runs").exists()


def test_one_fit_at_a_time_works_on_a_run(configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=busy"]) == 0
    other = RunFolder(Path("runs/busy"), begun=True, named=True)
    other.claim()
    again = [*configs["a"], "--trainer.max_epochs=2", "--run=busy", "--ckpt_path=last"]
    assert main(again) == 2
    assert "Another fit is at work on the run busy; expected one at a time" in capsys.readouterr().err
    other.release()
    assert main(again) == 0


def test_a_checkpoint_is_read_once_when_a_fit_goes_on(
    configs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=once"]) == 0
    read = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda path, **how: (read.append((path, how.get("mmap"))), load(path, **how))[1])
    last = Path("runs/once/checkpoints/last.ckpt")
    assert main([*configs["a"], "--trainer.max_epochs=2", f"--ckpt_path={last}"]) == 0
    assert [one for one in read if not one[1]] == [(last, False)]  # before a look at the best one's epoch
    read.clear()
    assert main([*configs["a"], "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
    assert [one for one in read if not one[1]] == [(last, False)]  # after a look at its options


def test_a_refused_fit_and_other_commands_leave_no_folder_among_the_runs(
    configs: dict[str, list[str]], pieces: Path
) -> None:
    assert (
        main([*configs["a"], "--trainer.max_epochs=1", "--checkpoint.monitor=val/nothing"]) == 2
    )  # only the first validation shows it
    assert not Path("runs").exists()
    with pytest.raises(RuntimeError, match="size of tensor"):  # only the first batch shows it
        main([*configs["a"], "--trainer.max_epochs=1", "--model.loss=torch.nn.MSELoss"])
    assert not Path("runs").exists()
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=own"]) == 0
    for command in ("validate", "test", "predict"):
        rules = ["--rules=none", "--decoder=Greedy"] if command == "predict" else []
        assert main([command, *TINY[:3], "--ckpt_path=own", *rules]) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["own"]
    assert not Path("logs").exists()
    assert {path.name for path in Path().iterdir()} == {"a.yaml", "b.yaml", "predictions", "runs"}


def test_a_path_comes_before_a_runs_name_and_that_before_a_model_that_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    assert located("bachbot") == SHIPPED["bachbot"]
    for folder in ("runs/bachbot", "runs/bachlit/version_2", "runs/half"):
        Path(folder, "checkpoints").mkdir(parents=True)
        Path(folder, "checkpoints", "last.ckpt").touch()
    for folder in ("runs/bachbot", "runs/bachlit/version_2"):
        Path(folder, "checkpoints", "best.ckpt").touch()
    assert located("bachbot") == located("runs/bachbot") == Path("runs/bachbot/checkpoints/best.ckpt")
    assert located("bachbot", going_on=True) == Path("runs/bachbot/checkpoints/last.ckpt")
    assert located("half") == Path("runs/half/checkpoints/last.ckpt")
    old = Path("runs/bachlit/version_2/checkpoints/best.ckpt")
    assert located("version_2") == located("bachlit/version_2") == located("runs/bachlit/version_2") == old
    assert located("bachlit") == SHIPPED["bachlit"]  # of the folder of old runs, which is none itself
    Path("bachbot").touch()
    assert located("bachbot") == Path("bachbot")
    for name in ("..", "../runs/half", "half/checkpoints", "", "/etc"):
        assert folder_named(name) is None
    assert located("nowhere") == Path("nowhere")


@pytest.mark.parametrize(
    "name", ["", ".hidden", "a/b", "..", "a b", "x" * 101, "ä", "-x", "a\n", "a.", "nul", "COM1.v2", "last", "hpc"]
)
def test_a_name_is_that_of_a_folder_on_any_system(name: str) -> None:
    with pytest.raises(OptionError, match="can't be named"):
        check_name(name)


def test_two_unnamed_runs_of_one_second_have_folders_of_their_own() -> None:
    runs = [RunFolder(Path("runs/20261128-120000-bach"), begun=False, named=False) for _ in range(3)]
    for run in runs:
        run.claim()
    assert [run.folder.name for run in runs] == [f"20261128-120000-bach{end}" for end in ("", "-2", "-3")]
    for run in runs:
        run.release(OptionError)
    assert not Path("runs").exists()


def test_a_folder_that_fits_did_not_make_is_no_run(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It was called one, to go on with by --ckpt_path last, which then said the same."""
    Path("runs/mine").mkdir(parents=True)
    Path("runs/mine/notes.txt").write_text("keep")
    for more in ([], ["--ckpt_path=last"]):
        assert main([*configs["a"], "--trainer.max_epochs=1", "--run=mine", *more]) == 2
        assert "runs/mine is there already, and no fit made it; expected a name" in capsys.readouterr().err
    assert [path.name for path in Path("runs/mine").iterdir()] == ["notes.txt"]


def test_checkpoints_that_a_checkpoint_names_elsewhere_are_not_removed(
    configs: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lightning removes the best of before when a better one comes, wherever the checkpoint says that it is."""
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=sent"]) == 0
    path = Path("runs/sent/checkpoints/last.ckpt")
    precious = tmp_path / "precious.ckpt"
    precious.touch()
    for place in (f"runs/sent/checkpoints/../../../{precious.name}", str(precious), "s3://bucket/x.ckpt"):
        checkpoint = checkpoints.read_checkpoint(path)
        [state] = [one for name, one in checkpoint["callbacks"].items() if name.startswith("ModelCheckpoint")]
        state |= {"best_k_models": {place: torch.tensor(99.0)}, "kth_best_model_path": place, "best_model_path": place}
        state |= {"best_model_score": torch.tensor(99.0), "kth_value": torch.tensor(99.0)}
        torch.save(checkpoint, "spoilt.ckpt")
        shutil.copy("spoilt.ckpt", path.with_name("spoilt.ckpt"))
        assert main([*configs["a"], "--trainer.max_epochs=2", "--ckpt_path=runs/sent/checkpoints/spoilt.ckpt"]) == 2
        assert "expected a checkpoint beside it" in capsys.readouterr().err
    assert precious.exists()


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew_in_its_folder(
    configs: dict[str, list[str]],
) -> None:
    other = RunFolder(Path("runs/young"), begun=False, named=True)
    other.claim()
    other.release()
    assert main([*configs["a"], "--run=young", "--ckpt_path=last", "--trainer.max_epochs=1"]) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["young"]


def test_a_typed_version_of_the_csv_is_the_runs_name(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two such fits wrote into one folder, and left others with a lock alone, as each trial of a sweep did."""
    fit = [*configs["a"], "--trainer.logger.version=five"]
    assert main([*fit, "--trainer.max_epochs=1"]) == 0
    assert main([*fit, "--trainer.max_epochs=1"]) == 2
    assert "runs/five is there already; expected a new name" in capsys.readouterr().err
    assert main([*fit, "--trainer.max_epochs=2", "--ckpt_path=last"]) == 0
    assert main([*configs["a"], "--trainer.logger.version=3", "--trainer.max_epochs=1"]) == 0
    assert main([*fit, "--trainer.max_epochs=1", "--run=six"]) == 0
    assert {path.name for path in Path("runs").iterdir()} == {"five", "six", "version_3"}
    assert all((path / "metrics.csv").is_file() and (path / ".lock").exists() for path in Path("runs").iterdir())


def test_a_typed_folder_of_checkpoints_is_not_taken_from_another_run(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The second fit's took the place of the first's, which then went on from them."""
    fit = [*configs["a"], "--checkpoint.dirpath=kept"]
    assert main([*fit, "--trainer.max_epochs=1", "--run=one"]) == 0
    before = {path: path.read_bytes() for path in Path("kept").iterdir()}
    for more in (["--run=two"], ["--run=two", "--ckpt_path=last"], []):
        assert main([*fit, "--trainer.max_epochs=2", *more]) == 2
        assert "kept has a fit's checkpoints already; expected none, or --ckpt_path last" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("kept").iterdir()} == before
    assert [path.name for path in Path("runs").iterdir()] == ["one"]
    assert main([*fit, "--trainer.max_epochs=2", "--run=one", "--ckpt_path=last"]) == 0


def test_a_run_whose_checkpoints_are_all_damaged_does_not_begin_anew(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It did, over its figures and its best checkpoint."""
    assert main([*configs["a"], "--trainer.max_epochs=2", "--run=hurt"]) == 0
    for path in Path("runs/hurt/checkpoints").glob("last*.ckpt"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    assert main([*configs["a"], "--trainer.max_epochs=3", "--run=hurt", "--ckpt_path=last"]) == 2
    assert "last-before.ckpt isn't a checkpoint of bachlit, or is damaged" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == before


def test_a_fit_does_not_go_on_from_a_model_alone(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It began from random weights, of the network that ships, without a word."""
    assert main([*configs["a"], "--trainer.max_epochs=1", "--ckpt_path=bachbot"]) == 2
    assert "A fit can't resume from the folder" in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_help_says_what_ckpt_path_takes_here(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It told of Lightning's words best, hpc and registry, which are refused."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = " ".join(capsys.readouterr().out.partition("\n  --ckpt_path CKPT_PATH")[2].split())
    assert told.startswith("A checkpoint, a run's name, or ")


def test_a_last_checkpoint_that_does_not_say_its_step_is_refused(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended in a traceback: the CSV is taken up before Lightning reads the file."""
    assert main([*configs["a"], "--trainer.max_epochs=1", "--run=odd"]) == 0
    path = Path("runs/odd/checkpoints/last.ckpt")
    checkpoint = checkpoints.read_checkpoint(path)
    for odd in (None, "many", [3]):
        torch.save(checkpoint | {"global_step": odd}, path)
        assert main([*configs["a"], "--trainer.max_epochs=2", "--run=odd", "--ckpt_path=last"]) == 2
        assert "last.ckpt can't be used with these options" in capsys.readouterr().err
