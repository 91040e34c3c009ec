"""`bachlit sweep` as it is typed, over fits that are pretended: its laws of points, seeds, failures and results."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import optuna
import pytest
import yaml
from forking import python
from matplotlib import pyplot
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from bachlit.__main__ import main
from bachlit.sweeping import fitting, results, running, study
from bachlit.sweeping.definition import Sweep, space_of
from bachlit.sweeping.fitting import Figure, Outcome
from bachlit.sweeping.results import choose, curves, table, to_csv

HERE = Path(__file__).parent
SPACE = {
    "model.network.hidden": [8, 12],
    "model.network.dropout": {"low": 0.0, "high": 0.1, "step": 0.1},
    "data.window": [20, 40],
}
POINTS = {(hidden, dropout / 10, window) for hidden in (8, 12) for dropout in range(2) for window in (20, 40)}

PLOTS, CHECK = results.plots, Sweep.check

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(autouse=True)
def _pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "FIT", [sys.executable, str(HERE / "pretend_fit.py")])
    monkeypatch.setattr(Sweep, "check", lambda self, parse: None)
    monkeypatch.setattr(results, "plots", lambda *_, **__: {})  # half a second each time; the tests of them draw
    monkeypatch.setattr(study, "BEAT", 1)
    monkeypatch.setattr(study, "GRACE", 2)
    monkeypatch.setenv("PRETEND_NOTES", str(tmp_path / "notes"))


def config(**options: Any) -> str:
    """A sweep's configuration in the file sweep.yaml."""
    told = {"name": "small", "space": SPACE, "sampler": "Grid"}
    Path("sweep.yaml").write_text(yaml.safe_dump(told | options, sort_keys=False))
    return "--config=sweep.yaml"


def notes(kind: str) -> list[tuple[float, ...]]:
    """The points of all fits that started or finished."""
    path = Path("notes")
    said = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [tuple(line[kind]) for line in said if kind in line]


def rows(folder: str = "sweeps/small") -> list[dict[str, str]]:
    with Path(folder, "trials.csv").open() as file:
        return list(csv.DictReader(file))


def in_a_process(*args: str, **environment: str) -> subprocess.Popen[bytes]:
    """A sweep beside this process."""
    command = [python(), str(HERE / "pretend_sweep.py"), *args]
    return subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


def wait_for(number: int, kind: str) -> None:
    """Until so many fits have started or finished."""
    until = time.monotonic() + 60
    while len(notes(kind)) < number:
        assert time.monotonic() < until, f"{number} fits haven't {kind} in a minute"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_point_of_a_grid_is_fitted_once(workers: int) -> None:
    assert main(["sweep", config(), f"--workers={workers}"]) == 0
    assert Counter(notes("started")) == Counter(POINTS)
    assert len(rows()) == len(POINTS)
    assert main(["sweep", config()]) == 0  # there is nothing left
    assert len(notes("started")) == len(POINTS)


def test_processes_that_begin_a_sweep_at_once_share_its_points() -> None:
    both = [in_a_process(config(), f"--workers={workers}", PRETEND_SECONDS="0.02") for workers in (1, 2)]
    for process in both:
        assert process.wait(60) == 0, process.stderr and process.stderr.read()
    assert Counter(notes("started")) == Counter(POINTS)


def test_a_study_lies_in_a_database_of_ones_own_too() -> None:
    assert main(["sweep", config(), "--storage=sqlite:///sweeps.db", "--trials=2"]) == 0
    assert main(["sweep", config(), "--storage=sqlite:///sweeps.db", "--trials=3"]) == 0
    assert len(set(notes("started"))) == len(notes("started")) == 3
    assert main(["sweep", "--trials=0", "--storage=sqlite:///sweeps.db", "--name=small"]) == 0
    assert not Path("sweeps/small/study.db").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_point_whose_fit_was_cut_off_is_fitted_again(how: signal.Signals) -> None:
    process = in_a_process(config(), "--workers=2", PRETEND_SECONDS="0.1")
    wait_for(4, "started")
    process.send_signal(how)
    process.wait(60)
    time.sleep(0.3)  # fits that were left alone end with their next figure
    finished = notes("finished")
    assert 1 <= len(finished) < len(POINTS)
    assert main(["sweep", config(), "--workers=2"]) == 0
    assert set(notes("finished")) == POINTS
    assert len(notes("finished")) <= len(POINTS) + 2  # a fit may have ended, and the sweep not have written that down
    assert Counter((*map(float, (row["model.network.hidden"], row["model.network.dropout"], row["data.window"])),)
                   for row in rows()) == Counter(POINTS)  # fmt: skip
    assert {row["state"] for row in rows()} == {"finished"}


def test_the_number_of_trials_is_that_of_all_commands_together() -> None:
    assert main(["sweep", config(), "--trials=5"]) == 0
    assert len(notes("finished")) == 5
    assert main(["sweep", config(), "--trials=4"]) == 0
    assert len(notes("finished")) == 5
    assert main(["sweep", config(), "--trials=7"]) == 0
    assert len(notes("finished")) == len(set(notes("finished"))) == 7


def test_a_trial_that_another_process_took_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a machine that slept: Optuna can't be told the end of a trial that has ended."""
    started: list[list[str]] = []

    class Taken(fitting.Fit):
        def __init__(self, words: list[str], log: Path, environment: Mapping[str, str]) -> None:
            started.append(words)

        def follow(self, report: Callable[[Figure], bool], *, maximise: bool = False) -> Outcome:
            if len(started) == 1:
                other = study.find("small", Path("sweeps/small"), None)
                study.repeat(other, 0)
                other.tell(0, state=TrialState.FAIL)
            report(Figure(1.0, 1.0))
            return Outcome(1.0, 1.0)

    monkeypatch.setattr(running, "Fit", Taken)
    assert main(["sweep", config(space={"data.window": [20]})]) == 0
    assert [(row["trial"], row["state"]) for row in rows()] == [("1", "finished")]


@pytest.mark.filterwarnings("ignore:Heartbeat of storage", "ignore::optuna.exceptions.ExperimentalWarning")
def test_a_trial_killed_before_its_first_heartbeat_is_repeated() -> None:
    assert main(["sweep", config(), "--trials=1"]) == 0
    study.find("small", Path("sweeps/small"), None).ask()
    assert main(["sweep", config()]) == 0
    assert Counter(notes("finished")) == Counter(POINTS)
    assert len(rows()) == len(POINTS)


def test_fits_end_on_the_signals_that_end_processes() -> None:
    heard: list[int] = []
    for one in (signal.SIGINT, signal.SIGTERM):
        with running._signals_call(lambda: heard.append(1)):
            signal.raise_signal(one)
    assert heard == [1, 1]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", [RandomSampler, TPESampler, GPSampler, QMCSampler, study.Grid])
def test_a_seed_suggests_the_same_however_often_it_is_stopped(sampler: type[BaseSampler]) -> None:
    options: dict[Any, dict[str, Any]] = {QMCSampler: {"seed": 1}, study.Grid: {}, RandomSampler: {"seed": None}}
    make = partial(sampler, **options.get(sampler, {"seed": None, "n_startup_trials": 3}))
    step = {"step": 0.02} if sampler is study.Grid else {}
    space = space_of({"data.share": {"low": 0.0, "high": 0.5} | step})

    def distance(trial: optuna.Trial) -> float:
        return abs(running._suggest(trial, "data.share", space["data.share"]) - 0.3)

    def suggested(seed: int, *stops: int) -> list[float]:
        """In as many commands as there are numbers of trials."""
        found = optuna.create_study()
        for trials in stops:
            study.sample(found, Sweep("x", (), (), space, "loss", "min", make, seed, Path()))
            found.optimize(distance, n_trials=trials)
        return [trial.params["data.share"] for trial in found.trials]

    once = suggested(0, 6)
    assert once == suggested(0, 6) == suggested(0, 1, 4, 1)
    assert (once != suggested(1, 6)) == (sampler is not QMCSampler)
    assert len(set(once)) == 6


def test_what_is_typed_beats_the_configuration() -> None:
    told = config(options={"trainer.max_epochs": 9, "data.lanes": 4}, trials=9, monitor="val/one")
    assert main(["sweep", told, "--trials=1", "--monitor=val/two", "--", "--trainer.max_epochs", "2"]) == 0
    said = [json.loads(line) for line in Path("notes").read_text().splitlines()]
    assert [line["epochs"] for line in said if "epochs" in line] == [2]
    (words,) = [line["words"] for line in said if "words" in line]
    assert "--data.lanes=4" in words
    assert "val/two" in words[-1]


def test_typed_values_take_the_place_of_the_spaces() -> None:
    assert main(["sweep", config(), "--space.data.window=[60]", "--space.model.network.init_args.dropout=[0.5]"]) == 0
    assert sorted(notes("started")) == [(8, 0.5, 60), (12, 0.5, 60)]


def test_an_option_that_is_typed_and_varies_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Sweep, "check", CHECK)
    assert main(["sweep", config(), "--", "--model.network.init_args.dropout=0.1"]) == 2
    assert "model.network.dropout is typed and varies, too" in capsys.readouterr().err


def test_a_pruner_stops_what_promises_little() -> None:
    pruner = {"class_path": "ThresholdPruner", "init_args": {"upper": 0.45, "n_warmup_steps": 3}}
    space = {"model.network.hidden": [1, 2, 500, 600, 700, 800]}
    assert main(["sweep", config(space=space, pruner=pruner), "--workers=2", "--", "--trainer.max_epochs=40"]) == 0
    said = [json.loads(line) for line in Path("notes").read_text().splitlines()]
    epochs = {line["finished"][0]: line["epochs"] for line in said if "finished" in line}
    states = {int(row["model.network.hidden"]): row["state"] for row in rows()}
    assert epochs == {1: 40, 2: 40} | dict.fromkeys((500, 600, 700, 800), 3)
    assert states == {1: "finished", 2: "finished"} | dict.fromkeys((500, 600, 700, 800), "pruned")
    assert [row["model.network.hidden"] for row in rows()[:3]] == ["1", "2", "500"]


def test_a_trial_that_fails_does_not_stop_the_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    space = {"model.network.hidden": [8, 12, 13], "data.window": [13, 20, 40]}
    assert main(["sweep", config(space=space)]) == 0
    failed = {(row["model.network.hidden"], row["data.window"]): row["sentence"] for row in rows() if row["sentence"]}
    assert {point for point in failed if "13" not in point} == set()
    assert len(failed) == 5
    assert failed["13", "20"] == "A hidden size of 13 brings bad luck."
    assert failed["8", "13"] == "The monitored metric became nan after 1 epochs."
    assert "3 failed: A hidden size of 13 brings bad luck." in capsys.readouterr().out
    assert main(["sweep", config(space=space)]) == 0  # they count as finished
    assert len(notes("started")) == 9


def test_a_fit_that_is_killed_is_a_trial_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    kills = "import os, sys; '--data.window=20' in sys.argv and os.kill(os.getpid(), 9)"
    script = f"{kills}; sys.path.insert(0, {str(HERE)!r}); import pretend_fit; pretend_fit.main(sys.argv[1:])"
    monkeypatch.setattr(fitting, "FIT", [sys.executable, "-c", script])
    assert main(["sweep", config(), "--trials=6", "--workers=2"]) == 0
    killed = [row["sentence"] for row in rows() if row["data.window"] == "20"]
    assert killed
    assert set(killed) == {"The fit was ended by SIGKILL (if it wasn't you, the machine may have run out of memory)."}


def test_trials_that_all_fail_alike_end_the_sweep_uncounted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRETEND_REFUSES", "There is no corpus.")
    assert main(["sweep", config(), "--workers=2"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "bachlit: All trials fail in the same way: There is no corpus."
    assert 3 <= len(notes("started")) < 10
    monkeypatch.delenv("PRETEND_REFUSES")
    assert main(["sweep", config(), "--workers=2"]) == 0
    assert Counter(notes("finished")) == Counter(POINTS)
    assert {row["state"] for row in rows()} == {"finished"}


def test_results_can_be_made_anew_from_the_study_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "plots", PLOTS)
    monkeypatch.setattr(pyplot, "_backend_mod", pyplot._backend_mod)
    pyplot.switch_backend("svg")
    before_drawing = matplotlib.rcParams.copy()
    assert main(["sweep", config(), "--trials=6"]) == 0
    assert matplotlib.rcParams.copy() == before_drawing
    assert not pyplot.get_fignums()
    names = ("trials.csv", "importance.png", "slices.png", "parallel.png", "curves.png")
    before = {name: Path("sweeps/small", name).read_bytes() for name in names}
    for name in names:
        Path("sweeps/small", name).unlink()
    assert main(["sweep", "--output=sweeps/small", "--trials=0"]) == 0
    assert {name: Path("sweeps/small", name).read_bytes() for name in names} == before
    assert "The best again: bachlit fit --model.network.hidden=" in capsys.readouterr().out
    assert main(["sweep", "--output=sweeps/small", "--trials=0", "--plot_by=data.window"]) == 0
    assert Path("sweeps/small/curves.png").read_bytes() != before["curves.png"]
    assert len(notes("started")) == 6


def test_without_matplotlib_there_is_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["sweep", config(), "--trials=2"]) == 0
    assert "pip install 'bachlit[render]'. Until then there is trials.csv alone." in capsys.readouterr().err
    assert {path.name for path in Path("sweeps/small").iterdir()} == {"study.db", "trials", "trials.csv"}


def test_without_optuna_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["sweep", config()]) == 2
    assert "install it: pip install 'bachlit[sweep]'." in capsys.readouterr().err


def test_workers_share_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert main(["sweep", config(), "--workers=2", "--trials=2"]) == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert main(["sweep", config(), "--workers=2", "--trials=4"]) == 0
    said = [json.loads(line) for line in Path("notes").read_text().splitlines()]
    assert [line["threads"] for line in said if "threads" in line] == ["1", "1", "5", "5"]


def test_what_a_fit_says_is_in_its_log() -> None:
    assert main(["sweep", config(), "--trials=1"]) == 0
    assert Path("sweeps/small/trials/trial-0000.log").read_text().splitlines()[0] == "a line of its own"
    assert Path("sweeps/small/trials/trial-0000/curves.csv").is_file()


def test_a_value_is_the_best_of_a_trial_upwards_or_downwards() -> None:
    assert main(["sweep", config(), "--trials=3"]) == 0
    assert {row["epoch"] for row in rows()} == {"3"}
    assert main(["sweep", config(), "--trials=3", "--direction=max", "--output=up"]) == 0
    assert {row["epoch"] for row in rows("up")} == {"1"}
    values = [float(row["value"]) for row in rows("up")]
    assert values == sorted(values, reverse=True)


def test_another_sweep_in_the_same_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", config(), "--trials=1"]) == 0
    changed: dict[str, dict[str, Any]] = {
        "differs in its space": {"space": {"data.window": [20, 40]}},
        "differs in its sampler": {"sampler": "RandomSampler", "trials": 2},
        "differs in its seed": {"seed": 3},
        "differs in its options of fit": {"options": {"data.lanes": 3}},
        "differs in its monitor": {"monitor": "val/other"},
    }
    for message, options in changed.items():
        capsys.readouterr()
        assert main(["sweep", config(**options), "--trials=2"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    assert len(notes("started")) == 1


def test_a_sweep_of_an_earlier_bachlit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sweeps/small").mkdir(parents=True)
    Path("sweeps/small/journal.log").touch()
    assert main(["sweep", config()]) == main(["sweep", "--name=small", "--trials=0"]) == 2
    assert "holds a sweep of an earlier bachlit in journal.log" in capsys.readouterr().err
    assert [path.name for path in Path("sweeps/small").iterdir()] == ["journal.log"]


def test_what_is_a_machines_own_may_differ() -> None:
    assert main(["sweep", config(), "--trials=1"]) == 0
    assert main(["sweep", config(pruner="MedianPruner"), "--trials=2", "--", "--trainer.accelerator=cpu"]) == 0


WRONG = {
    "no name": (["--sampler=Grid"], "The sweep has no name"),
    "no space": (["--name=x", "--sampler=Grid"], "The space is empty"),
    "a sampler that is none": (
        ["--sampler=TPESamplr"],
        "There is no sampler 'TPESamplr'; expected Brute",
    ),
    "a sampler's option that is none": (["--sampler=TPESampler", "--sampler.x=1"], "Option 'x' is not accepted"),
    "Optuna's own grid": (["--sampler=GridSampler"], "search_space"),
    "no end": (["--sampler=RandomSampler"], "RandomSampler never ends; expected the number of trials"),
    "a pruner that is none": (["--pruner=MedianPrunr"], "There is no pruner 'MedianPrunr'; expected HyperbandPruner, "),
    "a grid without steps": (["--space.data.lanes={low: 0.5, high: 1}"], "A grid can't have every number"),
    "an empty list": (["--space.data.lanes=[]"], "The space of data.lanes can't be []"),
    "a range upside down": (["--space.data.lanes={low: 2, high: 1}"], "The space of data.lanes can't be"),
    "no such curve": (["--plot_by=dropout"], "--plot_by can't be dropout; expected one of model.network.hidden"),
    "no workers": (["--workers=0"], "0 workers"),
    "no such sweep": (["--trials=0", "--output=nowhere"], "There is no sweep in nowhere"),
    "no such database": (["--storage=nosql://x"], "The storage nosql://x can't be used"),
    "no such base": (["--base=none.yaml"], "The configuration none.yaml can't be used (No such file"),
    "an option that is none": (["--sweeps=3"], "--sweeps"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_ends_in_one_sentence(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    args, said = WRONG[case]
    args = args if "--name=x" in args or case == "no name" else [config(), *args]
    assert main(["sweep", *args]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
    assert not notes("started")


def test_the_help_tells_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sweep", "--help"])
    told = set(re.findall(r"--(\w+)", capsys.readouterr().out))
    assert told >= {"base", "space", "sampler", "pruner", "trials", "workers", "output", "storage", "plot_by", "wandb"}


def ended(number: int, value: float, params: dict[str, Any], space: Any, **outcome: Any) -> FrozenTrial:
    """A trial that has ended, for the results."""
    trial = optuna.create_trial(
        state=TrialState.COMPLETE,
        value=value,
        params=params,
        distributions=space,
        user_attrs={"outcome": {"value": value, "epoch": 1.0} | outcome},
    )
    trial.number = number
    return trial


def test_curves_are_of_trials_that_differ_in_the_option_alone() -> None:
    """Where there are some."""
    space = {"dropout": CategoricalDistribution([0.0, 0.3, 0.4, 0.5]), "window": CategoricalDistribution([64, 128])}
    found = [(1.0, 0.3, 64), (1.1, 0.0, 128), (1.2, 0.0, 64), (1.3, 0.5, 128)]
    trials = [
        ended(number, value, {"dropout": dropout, "window": window}, space)
        for number, (value, dropout, window) in enumerate(found)
    ]
    chosen = {label: trial.number for label, trial in choose(trials, space, "dropout").items()}
    assert chosen == {"0": 2, "0.3": 0, "0.5": 3}
    ranged = {"dropout": FloatDistribution(0.0, 1.0), "window": CategoricalDistribution([64])}
    trials = [ended(number, 1.0 + number, {"dropout": number / 20, "window": 64}, ranged) for number in range(18)]
    assert list(choose(trials, ranged, "dropout").values()) == trials[::3]


def test_curves_have_whole_epochs_and_another_loss_its_own_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss of 400 once pressed the nats of all trials into one line; two epochs had ticks at 1.2 and 1.4."""
    drawn: list[Any] = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *_, **__: drawn.append(figure))
    losses = [None, {"class_path": "torch.nn.CrossEntropyLoss"}, {"class_path": "own.Focal"}]
    losses.append({"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"label_smoothing": 0.1}})
    space = {"width": CategoricalDistribution([0, 1, 2, 3])}
    for number, loss in enumerate(losses):
        folder = Path("trials", f"trial-{number:04d}")
        folder.mkdir(parents=True)
        (folder / "curves.csv").write_text(f"epoch,train/loss_epoch,val/nats_per_token\n1,{number},1\n2,{number},1\n")
        (folder / "config.yaml").write_text(yaml.safe_dump({"model": {"loss": loss}}))
    curves([ended(number, 1.0, {"width": number}, space) for number in range(4)], space, "width", Path())
    left, right = drawn[0].axes
    assert (left.get_ylabel(), right.get_ylabel()) == ("nats a token", "training loss that isn't in nats (dashed)")
    dashed = [
        [line.get_ydata()[0] for line in axes.get_lines() if line.get_linestyle() == "--"] for axes in (left, right)
    ]
    assert dashed == [[0, 1], [2, 3]]
    assert len(left.get_lines()) == 2 + 4
    assert [tick for tick in left.get_xticks() if 1 <= tick <= 2] == [1, 2]


def test_figures_of_trials_have_four_digits() -> None:
    space = {"width": CategoricalDistribution([1])}
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table([ended(0, 24.73001, {"width": 1}, space)], list(space), "val/nats_per_frame"))
    lines = console.export_text().splitlines()
    assert lines[0].strip() == "val/nats_per_frame: the best of 1 trials (1 finished)"
    assert "24.73 " in lines[4]
    assert b"24.73001" in to_csv([ended(0, 24.73001, {"width": 1}, space)], list(space))


def test_options_and_figures_are_shown_as_they_stand() -> None:
    """A figure called [/x] once ended the table in a traceback."""
    space = {"data.[/y]": CategoricalDistribution(["=1+1"])}
    trial = ended(1, -0.5, {"data.[/y]": "=1+1"}, space, sentence="@said")
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table([trial], list(space), "val/[/x]"))
    shown = " ".join(console.export_text().split())
    assert all(part in shown for part in ("val/[/x]: the best of 1", "[/y]", "=1+1"))
    (cells,) = list(csv.reader(io.StringIO(to_csv([trial], list(space)).decode())))[1:]
    assert cells == ["1", "finished", "-0.5", "1.0", "0.0", "'=1+1", "trials/trial-0001", "'@said"]
