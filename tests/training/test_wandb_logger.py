"""W&B never asks, never stops a fit, and comes with a CSV."""

import json
import os
import pickle
import re
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import wandb
from forking import python
from pytorch_lightning.demos.boring_classes import BoringModel
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter
from pytorch_lightning.loggers.logger import DummyLogger
from wandb_server import Uploaded, wandb_server

from bachlit.errors import OptionError
from bachlit.training import wandb_logger as tracking
from bachlit.training.loggers import csv_first, name_run, share_runs, take_up
from bachlit.training.wandb_logger import AutoWandbLogger, log_media, resolve_mode


@pytest.fixture(autouse=True)
def nowhere_near_an_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no mode, and a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def trainer(logger: Any, **options: Any) -> pl.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return pl.Trainer(
        logger=csv_first(logger), accelerator="cpu", max_epochs=1, limit_train_batches=2, limit_val_batches=1,
        log_every_n_steps=1, **quiet, **options,
    )  # fmt: skip


class Logs(BoringModel):
    """Logs one figure a step."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        done = super().training_step(batch, batch_idx)
        self.log("loss", done["loss"])
        return done


MODES = [
    # typed, WANDB_MODE, is there a key -> mode
    ("auto", None, False, "offline"),
    ("auto", None, True, "online"),
    ("auto", "offline", True, "offline"),
    ("auto", "dryrun", True, "offline"),
    ("auto", "online", False, "online"),
    ("auto", "disabled", True, "disabled"),
    ("online", "disabled", False, "online"),
    ("offline", "online", True, "offline"),
    ("disabled", "online", True, "disabled"),
]


@pytest.mark.parametrize(("typed", "said", "key", "mode"), MODES)
def test_what_is_typed_beats_the_environment_which_beats_the_key(
    typed: str, said: str | None, key: bool, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said:
        monkeypatch.setenv("WANDB_MODE", said)
    monkeypatch.setattr(tracking, "has_key", lambda: key)
    assert resolve_mode(typed) == mode


@pytest.mark.parametrize("key", [None, "0" * 40], ids=["no key", "a key"])
def test_a_key_is_found_without_a_word_or_a_question(key: str | None, tmp_path: Path) -> None:
    """In a process of its own: wandb reads its environment once. No server is asked, which would take seconds."""
    environment = {"HOME": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"} | ({"WANDB_API_KEY": key} if key else {})
    code = "from bachlit.training.wandb_logger import has_key; print(has_key())"
    done = subprocess.run(
        [python(), "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(key is not None)]
    assert "wandb" not in done.stderr


def test_disabled_starts_nothing_and_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wandb.init", lambda **_: pytest.fail("wandb was started"))
    fit = trainer(AutoWandbLogger("disabled"))
    fit.fit(Logs())
    log_media(fit, lambda _: pytest.fail("media were made for nobody"))
    assert (tmp_path / "runs/version_0/metrics.csv").is_file()
    assert list(tmp_path.rglob("wandb")) == []


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_wandb_that_will_not_start_costs_one_warning_and_no_figures(
    mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise OSError("no space left\nand more")

    monkeypatch.setattr("wandb.init", broken)
    monkeypatch.setattr(tracking, "has_key", lambda: True)
    with pytest.warns(UserWarning, match="W&B doesn't work here \\(no space left and more\\)") as warned:
        trainer(AutoWandbLogger(mode)).fit(Logs())
    assert sum("W&B" in str(one.message) for one in warned) == 1
    assert "loss" in (tmp_path / "runs/version_0/metrics.csv").read_text()


class Run:
    """A run that takes what it is given, and breaks when told."""

    id, url, offline = "abc", "https://example.org/abc", False

    def __init__(self, breaks: bool = False) -> None:
        self.breaks = breaks
        self.logged: list[dict[str, Any]] = []
        self.artifacts: list[Any] = []
        self.exit_code: int | None = None

    def log(self, entry: dict[str, Any]) -> None:
        if self.breaks:
            raise RuntimeError("the service died")
        self.logged.append(entry)

    def log_artifact(self, artifact: Any, aliases: list[str]) -> None:
        self.artifacts.append((artifact.name, list(artifact.manifest.entries), aliases))

    def finish(self, exit_code: int) -> None:
        self.exit_code = exit_code


def test_a_wandb_that_dies_on_the_way_does_not_stop_the_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wandb.init", lambda **_: Run(breaks=True))
    with pytest.warns(UserWarning, match="the service died"):
        trainer(AutoWandbLogger("offline", folder=tmp_path)).fit(Logs())


def test_media_that_cannot_be_made_do_not_stop_the_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setattr("wandb.init", lambda **_: run)
    fit = trainer(AutoWandbLogger("offline", folder=tmp_path))
    fit.fit(Logs())
    with pytest.warns(UserWarning, match="can't be made \\(division by zero\\); the figures are logged"):
        log_media(fit, lambda _: {"half": 1 / 0})
    log_media(fit, lambda _: {"whole": 1})
    assert run.logged[-1]["whole"] == 1


def test_online_without_a_key_stays_offline_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(AutoWandbLogger, "_tell", lambda *_: None)
    monkeypatch.setattr("wandb.init", lambda **options: begun.append(options["mode"]) or Run())
    with pytest.warns(UserWarning, match="can't go online .*key.*kept offline"):
        assert AutoWandbLogger("online").run is not None
    assert begun == ["offline"]


@pytest.mark.parametrize("offline", [True, False])
def test_the_best_checkpoint_is_uploaded_once_and_only_online(
    offline: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run()
    run.offline = offline
    monkeypatch.setattr("wandb.init", lambda **_: run)
    monkeypatch.setattr(tracking, "has_key", lambda: True)
    logger = AutoWandbLogger("online")
    best = tmp_path / "best.ckpt"
    best.write_bytes(b"weights")
    keeper = pl.callbacks.ModelCheckpoint()
    keeper.best_model_path = str(best)
    assert logger.run is run
    logger.after_save_checkpoint(keeper)
    logger.finalize("success")
    logger.finalize("success")
    assert run.artifacts == ([] if offline else [("bachlit-abc", ["best.ckpt"], ["best", "latest"])])
    logger.finalize("failed")
    assert run.exit_code == 1


def test_media_are_logged_at_the_trainers_step(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setattr("wandb.init", lambda **_: run)
    monkeypatch.setattr(tracking, "has_key", lambda: True)
    fit = trainer(AutoWandbLogger("online"))
    log_media(fit, lambda wandb: {"page": wandb.Html})
    assert [entry["trainer/global_step"] for entry in run.logged] == [0]
    assert run.logged[0]["page"].__name__ == "Html"


def test_a_csv_comes_first_whatever_logs_and_no_loggers_stay_none() -> None:
    own, csv, other = AutoWandbLogger(), CSVLogger("elsewhere"), DummyLogger()
    assert [type(one) for one in csv_first(own)] == [CSVLogger, AutoWandbLogger]
    assert csv_first([own, other, csv]) == [csv, own, other]
    assert own.beside is csv
    assert csv_first([csv, other]) == [csv, other]
    for alone in (True, None):
        assert [type(one) for one in csv_first(alone)] == [CSVLogger]
    assert [type(one) for one in csv_first(other)] == [CSVLogger, DummyLogger]
    assert csv_first(False) is False
    assert csv_first([]) is False


@pytest.mark.parametrize("strategy", ["ddp_fork", "ddp_notebook"])
def test_forked_processes_are_refused_unless_wandb_is_off(strategy: str) -> None:
    with pytest.raises(OptionError, match="forked"):
        share_runs(trainer(AutoWandbLogger("offline"), strategy=strategy, devices=2))
    share_runs(trainer(AutoWandbLogger("disabled"), strategy=strategy, devices=2))
    share_runs(trainer(CSVLogger("runs"), strategy=strategy, devices=2))
    share_runs(trainer(AutoWandbLogger("offline"), strategy="ddp_spawn", devices=2))


@pytest.mark.parametrize("end", ["", "0,2", "0,2,", "0,2,1", "0,2,x\0", "\0\0\0"])
def test_a_csv_whose_last_row_was_cut_off_goes_on(tmp_path: Path, end: str) -> None:
    """As where a fit was killed while it logged; going on from it once ended in a traceback."""
    folder = tmp_path / "x" / "version_3"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text(f"epoch,loss,step\n0,1.5,5\n0,1.25,15\n{end}")
    logger = CSVLogger(tmp_path, "x")
    name_run([logger], folder, goes_on=True)
    take_up([logger], 10)
    rows = (folder / "metrics.csv").read_text().split()
    assert rows[:2] == ["epoch,loss,step", "0,1.5,5"]
    assert rows[2:] in ([], [end])


def test_a_csv_survives_a_process_that_is_killed_while_it_takes_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x" / "version_3"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,loss,step\n0,1.5,5\n0,1.25,15\n")
    with monkeypatch.context() as patch:

        def killed(_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(ExperimentWriter, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            take_up([CSVLogger(tmp_path, "x", 3)], 10)
    take_up([CSVLogger(tmp_path, "x", 3)], 10)
    assert (folder / "metrics.csv").read_text().split() == ["epoch,loss,step", "0,1.5,5"]
    assert [path.name for path in folder.iterdir()] == ["metrics.csv"]


@pytest.mark.parametrize("kind", [WandbLogger, AutoWandbLogger])
def test_no_option_that_nobody_typed_makes_wandb_warn(kind: type[WandbLogger]) -> None:
    """Lightning passes anonymous=None, and wandb said that it has no effect."""
    (_, logger) = csv_first([kind()])
    assert "anonymous" not in logger._wandb_init
    typed = WandbLogger(anonymous=True)
    csv_first([typed])
    assert typed._wandb_init["anonymous"] == "allow"


def test_spawned_processes_find_the_csvs_folder_settled(tmp_path: Path) -> None:
    """A spawned process chose the next free folder, and W&B's files lay in another than all else."""
    fit = trainer(AutoWandbLogger("disabled"), strategy="ddp_spawn", devices=2)
    share_runs(fit)
    sent = pickle.loads(pickle.dumps(fit.loggers))
    (tmp_path / "runs/version_0").mkdir(parents=True, exist_ok=True)
    assert sent[0].version == fit.loggers[0].version == 0
    assert sent[1].run is None


def test_what_a_spawned_process_shows_lies_in_the_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of a fit by ddp_spawn lay in `wandb`, where it was typed, and weren't uploaded with the run."""
    monkeypatch.chdir(tmp_path)
    logger = AutoWandbLogger("offline")
    csv_first([CSVLogger("deep", "x", 0), logger])
    code = "import pickle, sys; pickle.load(sys.stdin.buffer).attempt(show)"
    show = "import wandb; show = lambda run: run.log({'page': wandb.Html('<p>')}); "
    subprocess.run([python(), "-c", show + code], input=pickle.dumps(logger), check=True)
    logger.finish()
    [page] = tmp_path.rglob("*.html")
    assert page.is_relative_to(tmp_path / "deep/x/version_0/wandb")


def test_a_fit_that_goes_on_in_its_folder_goes_on_with_its_run(tmp_path: Path) -> None:
    """And no other joins it, where W&B's files of all are kept together."""

    def run_id(version: int, folder: Path | None = None) -> str:
        logger = AutoWandbLogger("offline", folder=folder)
        csv_first([CSVLogger(tmp_path, "x", version=version), logger])
        known: str = logger.run.id
        logger.finish()
        return known

    first = run_id(0)
    assert run_id(1) != first
    assert run_id(0) == first
    assert run_id(2, tmp_path / "shared") != run_id(3, tmp_path / "shared")


def logged_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch, **set_before: Any) -> str:
    """Log three figures, go on after two of them, and log three more; gives the command that W&B tells last."""
    told: list[str] = []
    monkeypatch.setattr(tracking, "rank_zero_info", told.append)
    for begin in (0, 2):
        csv, logger = CSVLogger(folder.parent, folder.name, 0), AutoWandbLogger("offline")
        for name, value in set_before.items():
            setattr(logger, name, value)
        csv_first([csv, logger])
        if begin:
            take_up([csv], begin)
        logger.log_hyperparams({f"from {begin}": True})
        for step in range(begin, begin + 3):
            for one in (csv, logger):
                one.log_metrics({"loss": 9.0 - step, f"only/{begin}": step}, step)
        csv.save()
        logger.finish()
        time.sleep(1)  # wandb names a part by the second, and two of one name would be one
    return told[-1].partition("upload it: ")[2]


@pytest.mark.parametrize(("killed", "run_id"), [(False, None), (True, "first try")])
def test_the_parts_of_an_offline_run_are_uploaded_as_one_curve(
    killed: bool, run_id: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a fit that went on, the command uploaded the last part alone, which took the first one's place."""
    command = logged_in_parts(tmp_path / "x y", monkeypatch, run_id=run_id)
    parts = sorted(tmp_path.glob("x y/version_0/wandb/offline-run-*/*.wandb"))
    assert len(parts) == 2
    if killed:
        parts[0].write_bytes(parts[0].read_bytes()[:-20])
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/wandb").write_text(f'#!/bin/sh\nexec {python()} -m wandb "$@"\n')
    (tmp_path / "bin/wandb").chmod(0o755)
    with wandb_server() as (address, runs):
        environment = os.environ | {"WANDB_BASE_URL": address, "WANDB_API_KEY": "0" * 40, "WANDB_SERVICE": ""}
        environment["PATH"] = f"{tmp_path}/bin:{environment['PATH']}"
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert len(runs) == 1, done.stderr
        (run,) = runs.values()
    assert done.stderr.count("ERROR") == killed
    assert [line["_step"] for line in run.history] == list(range(6))
    assert [line["trainer/global_step"] for line in run.history] == [0, 1, 2, 2, 3, 4]
    assert [line["loss"] for line in run.history] == [9, 8, 7, 7, 6, 5]
    summary = {name: run.summary.get(name) for name in ("loss", "only/0", "only/2", "trainer/global_step")}
    assert summary == {"loss": 5, "only/0": 1, "only/2": 4, "trainer/global_step": 4}
    assert {"from 0", "from 2"} <= json.loads(run.config).keys()


IDENTITIES = [
    # mode, the run's id, does it go on, the id in its folder -> the id, and whether W&B may add to such a run
    ("online", None, False, None, "None", "allow"),
    ("online", None, False, "abc", "abc", "allow"),
    ("online", "first", False, None, "first", "never"),
    ("online", "first", True, None, "first", "allow"),
    ("online", "first", True, "abc", "abc", "allow"),
    ("online", r"a/b\c#d?e%f:g h", False, None, "a-b-c-d-e-f-g-h", "never"),
    ("online", "Kyrie_2.1", False, None, "Kyrie_2.1", "never"),
    ("offline", None, False, None, "None", "allow"),
    ("offline", "first", False, None, "first-......", "allow"),
    ("offline", "first", True, None, "first", "allow"),
    ("offline", "first", False, "abc", "abc", "allow"),
]


@pytest.mark.parametrize(("mode", "run_id", "goes_on", "known", "given", "resume"), IDENTITIES)
def test_a_run_that_begins_takes_no_id_that_another_may_have(
    mode: Any, run_id: str, goes_on: bool, known: str, given: str, resume: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, Any]] = []
    monkeypatch.setattr(AutoWandbLogger, "_tell", lambda *_: None)
    monkeypatch.setattr(tracking, "has_key", lambda: True)
    monkeypatch.setattr("wandb.init", lambda **options: begun.append(options) or Run())
    if known:
        Path("x/version_0").mkdir(parents=True)
        Path("x/version_0/wandb-run-id").write_text(f"{known}\n")
    logger = AutoWandbLogger(mode)
    csv_first([CSVLogger("", "x", version=0), logger])
    logger.run_id, logger.run_name, logger.goes_on = run_id, "Shown", goes_on
    assert logger.run is not None
    assert re.fullmatch(re.escape(given).replace(r"\.\.\.\.\.\.", "[0-9a-f]{6}"), str(begun[0]["id"]))
    assert (begun[0]["resume"], begun[0]["name"]) == (resume, "Shown")


def test_a_run_whose_name_is_taken_stays_offline_under_another_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its own it would take the other's place once it is uploaded."""
    monkeypatch.setattr(tracking, "rank_zero_info", lambda _: None)
    with wandb_server() as (address, runs), monkeypatch.context() as patch:
        patch.setenv("WANDB_BASE_URL", address)
        patch.setenv("WANDB_API_KEY", "0" * 40)
        wandb.teardown()  # it reads its environment once
        runs["first"] = Uploaded()
        logger = AutoWandbLogger("online", folder=Path("here"))
        logger.run_id = "first"
        with pytest.warns(UserWarning, match=r"can't go online \(it has another run first already\).*kept offline"):
            run = logger.run
        logger.finish()
    wandb.teardown()
    assert re.fullmatch("first-[0-9a-f]{6}", run.id)
    assert list(runs) == ["first"]


def test_a_process_is_left_as_it_was(tmp_path: Path) -> None:
    """In one of its own: after it had looked for a key, wandb never spoke again to anybody."""
    code = """
        import os, sys, warnings
        from bachlit.training.wandb_logger import AutoWandbLogger, Path, has_key
        import wandb
        environment, rounds = dict(os.environ), []
        for folder in "ab":
            print(has_key())
            logger = AutoWandbLogger("offline", folder=Path(folder))
            logger.log_metrics({"loss": 1}, 0)
            logger.finish()
            rounds.append((dict(os.environ), list(warnings.filters), sys.stdout.write, sys.excepthook))
        assert rounds[0] == rounds[1]
        assert rounds[0][0].keys() - environment.keys() == {"WANDB_SERVICE"}  # by it wandb's processes meet
        wandb.termlog("heard")
    """
    environment = {"HOME": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [python(), "-W", "ignore", "-c", textwrap.dedent(code)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "keeps this run offline" not in line]
    assert (done.returncode, done.stdout.split(), said) == (0, ["False", "False"], ["wandb: heard"]), done.stderr
