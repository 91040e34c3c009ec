"""Which trial stands for which point, and who works on it, whatever processes do at the same time."""

import csv
import io
import os
import socket
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from bachlit.sweeping.curves import choose
from bachlit.sweeping.points import hold, index_of, latest, rescue, root_of, run_again
from bachlit.sweeping.results import Row, table, to_csv
from bachlit.sweeping.space import space_of


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def added(study: optuna.Study, state: TrialState = TrialState.RUNNING, **attributes: Any) -> FrozenTrial:
    values = {"value": 1.0} if state == TrialState.COMPLETE else {}
    study.add_trial(optuna.create_trial(state=state, user_attrs=attributes, **values))
    return study.get_trials()[-1]


def numbers(study: optuna.Study, size: int | None = None) -> list[int]:
    return [trial.number for trial in latest(study.get_trials(), size)]


def test_the_first_of_two_successors_counts_and_the_point_keeps_its_place(study: optuna.Study) -> None:
    for again in ({}, {}, {"again_of": 0}, {}, {"again_of": 0}, {"again_of": 2}, {"again_of": 4}):
        added(study, TrialState.COMPLETE, **again)
    assert numbers(study) == [5, 1, 3]
    assert numbers(study, size=2) == [5, 1]
    trials = study.get_trials()
    assert [index_of(trial, trials) for trial in trials] == [0, 1, 0, 2, 0, 0, 0]
    assert [root_of(trial, trials).number for trial in trials] == [0, 1, 0, 3, 0, 0, 0]


def test_a_trial_runs_again_once_however_often_it_is_asked_for(study: optuna.Study) -> None:
    trial = added(study)
    run_again(study, trial)
    run_again(study, trial)
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL, TrialState.WAITING]
    assert numbers(study) == [1]


@pytest.mark.parametrize(
    ("holder", "lost"),
    [
        ({}, False),  # this process
        ({"token": "x", "pid": 2**22 + 1}, True),  # one that is gone
        ({"token": "x", "pid": os.getppid()}, False),  # one that lives
        ({"token": "x"}, True),  # an earlier one that had this one's number
        ({"token": "x", "pid": os.getppid(), "seen": time.time() - 3600}, True),  # that number is another's by now
        ({"token": "x", "host": "elsewhere"}, False),
        ({"token": "x", "host": "elsewhere", "seen": time.time() - 3600}, True),
    ],
)
def test_a_trial_is_lost_if_its_process_is_gone_or_silent(
    study: optuna.Study, holder: dict[str, Any], lost: bool
) -> None:
    trial = study.ask()
    hold(trial)
    own = trial.user_attrs["held_by"]
    assert (own["host"], own["pid"]) == (socket.gethostname(), os.getpid())
    trial.set_user_attr("held_by", own | holder)
    rescue(study)
    assert (len(study.get_trials()) == 2) == lost


def test_curves_are_of_trials_that_differ_in_the_option_alone_where_there_are_some() -> None:
    def row(number: int, value: float, dropout: float, window: int, state: str = "finished") -> Row:
        point = {"dropout": dropout, "window": window}
        return Row(number, state, value, 1.0, 1.0, point, Path(str(number)), "")

    rows = [row(0, 1.0, 0.3, 64), row(1, 1.1, 0.0, 128), row(2, 1.2, 0.0, 64), row(3, 1.3, 0.5, 128)]
    space = space_of({"dropout": [0.0, 0.3, 0.4, 0.5], "window": [64, 128]})
    chosen = {label: its.trial for label, its in choose(rows, space, "dropout").items()}
    assert chosen == {"0": 2, "0.3": 0, "0.5": 3}
    space = space_of({"dropout": {"low": 0.0, "high": 1.0}, "window": [64]})
    rows = [row(number, 1.0 + number, number / 20, 64) for number in range(18)]
    assert list(choose(rows, space, "dropout").values()) == rows[::3]


def test_options_and_figures_are_shown_as_they_stand_and_are_no_formulas() -> None:
    """A figure called [/x] once ended the table in a traceback."""
    row = Row(1, "finished", -0.5, 1.0, 1.0, {"data.[/y]": "=1+1"}, Path("-x"), "@said")
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table([row], list(row.point), "val/[/x]"))
    told = " ".join(console.export_text().split())
    assert all(shown in told for shown in ("val/[/x]: the best of 1", "[/y]", "=1+1"))
    (cells,) = list(csv.reader(io.StringIO(to_csv([row], list(row.point)).decode())))[1:]
    assert cells == ["1", "finished", "-0.5", "1.0", "1.0", "'=1+1", "'-x", "'@said"]
