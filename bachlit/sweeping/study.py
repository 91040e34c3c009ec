"""Studies: a sweep's trials in a database, their sampler and their heartbeat."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna import Study
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from bachlit.errors import OptionError
from bachlit.sweeping.definition import Sweep, grid
from bachlit.sweeping.fitting import Outcome

DATABASE = "study.db"
BEAT, GRACE = 20, 120
"""Seconds between heartbeats of a running trial, and without one until it is lost: clocks of machines differ."""

SWEEP = "sweep"
"""Attribute of a study: `Sweep.described`, and under `fit` the options that all trials share."""

_WAIT = 60  # seconds for another process to release an SQLite database
_DELAYS = (0.2, 0.4, 0.8, 1.6, 0)  # of two processes that create the tables at once one fails, and finds them then


class Grid(PartialFixedSampler):
    """Sampler of every point of the space once, in an order by the sweep's seed.

    Optuna's GridSampler and BruteForceSampler may give two processes the same point. Here a trial's number decides.
    """

    def __init__(self) -> None:
        super().__init__({}, RandomSampler())


def _of_the_trial(method: str) -> Any:
    """Pass a method on to the sampler of the trial at hand."""
    return lambda self, *args: getattr(self.of_thread.sampler, method)(*args)


class _PerTrial(BaseSampler):
    """A new sampler per trial: suggestions depend on its number and earlier trials alone.

    Otherwise processes with the same seed would suggest the same, and a resumed sweep would repeat its beginning.
    """

    def __init__(self, make: Callable[[FrozenTrial], BaseSampler]) -> None:
        self._make = make
        self.of_thread = threading.local()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.of_thread.sampler = self._make(trial)
        self.of_thread.sampler.before_trial(study, trial)

    infer_relative_search_space = _of_the_trial("infer_relative_search_space")
    sample_relative = _of_the_trial("sample_relative")
    sample_independent = _of_the_trial("sample_independent")
    after_trial = _of_the_trial("after_trial")


def sample(study: Study, sweep: Sweep) -> int | None:
    """Give a study its sampler; return the number of points if it is a grid."""
    points = grid(sweep.space) if issubclass(sweep.kind, Grid) else []
    random.Random(sweep.seed).shuffle(points)  # the first ones cover all of the space

    def make(trial: FrozenTrial) -> BaseSampler:
        if points:
            return PartialFixedSampler(points[place(trial, study) % len(points)], RandomSampler())
        if sweep.sampler.keywords.get("seed", 0) is not None:  # it has none, or one for all trials
            return sweep.sampler()
        numbers = np.random.SeedSequence([sweep.seed, first_number(trial)])
        return partial(sweep.sampler, seed=int(numbers.generate_state(1)[0]))()

    study.sampler = _PerTrial(make)
    return len(points) or None


def first_number(trial: FrozenTrial) -> int:
    """Number of a trial, or of the one that it repeats."""
    number = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return trial.number if number is None else number


def place(trial: FrozenTrial, study: Study) -> int:
    """Count the points begun before a trial's; all processes agree, as the storage numbers trials."""
    earlier = study.get_trials(deepcopy=False)[: first_number(trial)]
    return sum(first_number(other) == other.number for other in earlier)


def counted(study: Study) -> list[FrozenTrial]:
    """List running and ended trials, without those that were repeated or weren't needed."""
    trials = study.get_trials(deepcopy=False)
    repeated = {number for trial in trials for number in RetryHeartbeatStaleTrialCallback.retry_history(trial)}
    return [
        trial
        for trial in trials
        if trial.number not in repeated
        and (trial.state == TrialState.RUNNING or (trial.state.is_finished() and "outcome" in trial.user_attrs))
    ]


def outcome_of(trial: FrozenTrial) -> Outcome:
    """Read how a trial ended."""
    return Outcome(**trial.user_attrs["outcome"])


def seconds_of(trial: FrozenTrial) -> float:
    """Duration of a trial, with the start of its process."""
    return trial.duration.total_seconds() if trial.duration else 0.0


def repeat(study: Study, number: int) -> None:
    """Queue a trial once more, under a new number."""
    RetryHeartbeatStaleTrialCallback()(study, study.get_trials()[number])


def begin(sweep: Sweep, storage: str | None, pruner: BasePruner | None) -> Study:
    """Create or resume a sweep's study, in a database of some URL or in the sweep's folder.

    Raises:
        OptionError: If the storage can't be used, or holds another sweep under this name.
    """
    own = sweep.described()
    database = _storage(storage, sweep.output, create=True)
    study = optuna.create_study(
        study_name=sweep.name,
        storage=database,
        direction="minimize" if sweep.direction == "min" else "maximize",
        pruner=pruner or NopPruner(),
        load_if_exists=True,
    )
    begun = study.user_attrs.get(SWEEP)
    if begun is None:
        study.set_user_attr(SWEEP, own | {"fit": [*sweep.configs(), *sweep.words]})
        return study
    differs = next((key for key in own if own[key] != begun.get(key)), None)
    if differs:
        name = {"base": "base configurations", "options": "options of fit"}.get(differs, differs)
        raise OptionError(
            f"{storage or sweep.output} holds a sweep {sweep.name!r} that differs in its {name}; expected the one that "
            "was begun there; choose another --output, or resume that one."
        )
    # A trial that was killed before its first heartbeat would run for ever: all get one, and go on or are lost.
    fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        in_database = database.get_study_id_from_name(study.study_name), trial.number
        database.record_heartbeat(database.get_trial_id_from_study_id_trial_number(*in_database))
    return study


def find(name: str | None, output: Path, storage: str | None) -> Study:
    """Load a study; without a name that of the folder, or the only one in the database.

    Raises:
        OptionError: If there is none.
    """
    found = _storage(storage, output, create=False)
    names = optuna.get_all_study_names(found)
    name = name or (names[0] if len(names) == 1 else output.resolve().name)
    study = optuna.load_study(study_name=name, storage=found) if name in names else None
    if study is None or SWEEP not in study.user_attrs:
        raise OptionError(
            f"{storage or output} holds no sweep {name!r}; expected one that was begun; correct --name or --output."
        )
    return study


def _storage(url: str | None, output: Path, *, create: bool) -> RDBStorage:
    """Open the database of a study."""
    if url is None:
        if (output / "journal.log").exists():
            raise OptionError(
                f"{output} holds a sweep of an earlier bachlit in journal.log; its trials.csv and plots stay, but it "
                "can't be resumed; choose another --output."
            )
        if not create and not (output / DATABASE).is_file():
            raise OptionError(f"There is no sweep in {output}; expected its {DATABASE}; correct --output.")
        url = f"sqlite:///{output / DATABASE}"
    for delay in _DELAYS:
        try:
            output.mkdir(parents=True, exist_ok=True)
            return _with_heartbeat(url)
        except Exception as error:  # whatever the database's own library raises
            if delay and isinstance(error, DBAPIError):
                time.sleep(delay)
                continue
            reason = " ".join(str(error).split())[:300]
            raise OptionError(
                f"The storage {url} can't be used ({reason}); expected the URL of a database, such as "
                "sqlite:///sweeps.db; correct --storage."
            ) from error
    raise AssertionError


def _with_heartbeat(url: str) -> RDBStorage:
    """Open a database with Optuna's heartbeat; experimental, so used here alone."""
    sqlite = url.startswith("sqlite")
    storage = RDBStorage(
        url,
        engine_kwargs={"connect_args": {"timeout": _WAIT}} if sqlite else None,
        heartbeat_interval=BEAT,
        grace_period=GRACE,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
    )
    if sqlite:  # it has no lock per row: without one of the whole, two processes may take one trial
        event.listen(storage.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return storage
