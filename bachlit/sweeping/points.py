"""Which trial stands for which point of a sweep; who holds it; and a trial that was lost is run again.

Any number of processes on any machines work on one study without a lock, for all of them come to the same view of
the trials: they are numbered by the storage, and what is said of a trial at its birth is never changed. A trial that
was lost fails, and a new one says that it is that one again. If two processes say so at once, the lower number counts.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

BEAT = 30.0
"""Seconds after which a process says again that it still holds its trials."""

_GRACE = 600.0  # seconds without a word after which a trial is lost: clocks of machines differ
_AGAIN, _HELD = "again_of", "held_by"
_TOKEN = uuid.uuid4().hex


def latest(trials: Sequence[FrozenTrial], size: int | None = None) -> list[FrozenTrial]:
    """For each point that was begun the trial that stands for it now, in the order in which they were begun.

    Args:
        trials: All of a study, by number.
        size: How many points there are at most; what two processes began at once beyond them doesn't count.
    """
    again: dict[int, FrozenTrial] = {}
    for trial in trials:
        if _AGAIN in trial.user_attrs:
            again.setdefault(trial.user_attrs[_AGAIN], trial)
    standing = []
    for first in islice((trial for trial in trials if _AGAIN not in trial.user_attrs), size):
        trial = first
        while trial.number in again:
            trial = again[trial.number]
        standing.append(trial)
    return standing


def root_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The first trial of a trial's point."""
    while _AGAIN in trial.user_attrs:
        trial = trials[trial.user_attrs[_AGAIN]]
    return trial


def index_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """How many points were begun before a trial's."""
    root = root_of(trial, trials)
    return sum(_AGAIN not in other.user_attrs for other in trials[: root.number])


def hold(trial: Trial) -> None:
    """Say that this process works on a trial."""
    trial.set_user_attr(_HELD, _holder())


def is_held(study: Study, trial: Trial) -> bool:
    """Whether it's this process that works on a trial, and no other that began it at the same time."""
    holder = study.get_trials(deepcopy=False)[trial.number].user_attrs.get(_HELD, {})
    return bool(holder.get("token") == _TOKEN)


def put(study: Study) -> None:
    """Put a new trial where the next that asks finds it; from its birth on it says whose it is."""
    study.enqueue_trial({}, user_attrs={_HELD: _holder()})


def run_again(study: Study, trial: FrozenTrial) -> None:
    """Have a trial run once more, under a new number; if it is running, it ends."""
    from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  # of an extra
    from optuna.trial import TrialState  # noqa: PLC0415  # of an extra

    # In this order: should this process be killed in between, there are two successors, of which one counts, not none.
    if not any(other.user_attrs.get(_AGAIN) == trial.number for other in study.get_trials(deepcopy=False)):
        study.enqueue_trial(trial.params, user_attrs={_AGAIN: trial.number, _HELD: _holder()})
    if not trial.state.is_finished():
        with suppress(ValueError, UpdateFinishedTrialError):  # another process was faster
            study.tell(trial.number, state=TrialState.FAIL)


def rescue(study: Study) -> None:
    """Have all trials run again whose processes are gone."""
    from optuna.trial import TrialState  # noqa: PLC0415  # of an extra

    for trial in study.get_trials(states=[TrialState.RUNNING]):
        if _is_lost(trial):
            run_again(study, trial)


def _holder() -> dict[str, Any]:
    """This process, at this time."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "token": _TOKEN, "seen": time.time()}


def _is_lost(trial: FrozenTrial) -> bool:
    """Whether nobody works on a trial that is said to be running."""
    holder: dict[str, Any] | None = trial.user_attrs.get(_HELD)
    if holder is None:  # two processes asked at once, and this one's has just begun it, or died at once
        started = trial.datetime_start
        return started is not None and time.time() - started.timestamp() > _GRACE
    gone = holder["host"] == socket.gethostname() and holder["token"] != _TOKEN and not _is_alive(holder["pid"])
    return bool(gone or time.time() - holder["seen"] > _GRACE)


def _is_alive(pid: int) -> bool:
    """Whether another process of this machine may have a number; this one's own is not another's."""
    if pid == os.getpid():
        return False
    if sys.platform == "win32":  # there the question would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
