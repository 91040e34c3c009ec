"""Running a sweep: Optuna optimises, and each of its trials is a fit."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from optuna import Study, TrialPruned
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, Trial
from tqdm import tqdm

from bachlit.errors import OptionError
from bachlit.rendering.digits import four_digits
from bachlit.sweeping import study as study_module
from bachlit.sweeping.definition import Distribution, Sweep, folder_of
from bachlit.sweeping.fitting import Figure, Fit, environment
from bachlit.sweeping.study import counted, first_number, outcome_of, place, repeat, sample, seconds_of

_ALIKE = 4  # failures that show that the fault isn't an option's value


class _NoValueError(Exception):
    """A trial ends without a value: it failed, was interrupted, or isn't needed."""


class Runner:
    """Run fits, some at once, until a sweep's study has enough finished trials: a grid's points if None."""

    def __init__(self, sweep: Sweep, study: Study, trials: int | None, workers: int) -> None:
        self._sweep, self._study, self._workers = sweep, study, workers
        size = sample(study, sweep)
        if size is None and trials is None:
            raise OptionError(
                f"{sweep.kind.__name__} never ends; expected the number of trials that the sweep is to have "
                "in all; add --trials 50."
            )
        self._size = size or sys.maxsize
        self._wanted = min(self._size, trials or sys.maxsize)
        self._free = list(range(workers))
        self._fits: dict[int, Fit] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._hopeless = ""
        self._stolen = False  # whether another process took a trial for lost

    def run(self) -> None:
        """Run trials until enough have finished.

        Raises:
            OptionError: If all fail in the same way; these aren't counted.
            KeyboardInterrupt: After Ctrl-C or SIGTERM; the next command repeats what was running.
        """
        with _signals_call(self._end):
            while number := self._missing():
                try:
                    self._study.optimize(
                        self._objective,
                        n_trials=number,
                        n_jobs=min(self._workers, number),
                        catch=_NoValueError,
                        callbacks=[self._after],
                        show_progress_bar=sys.stderr.isatty(),
                    )
                except ValueError:
                    if not self._stolen:  # else Optuna can't note the end of what has ended
                        raise
        if self._hopeless:
            for trial in counted(self._study):  # now that no fit is left that might end so
                if trial.state.is_finished() and outcome_of(trial).sentence == self._hopeless:
                    repeat(self._study, trial.number)
            raise OptionError(f"All trials fail in the same way: {self._hopeless}")
        if self._ended.is_set():
            raise KeyboardInterrupt

    def _missing(self) -> int:
        """Count the trials to begin; wait for those of other processes, which may be lost."""
        until = time.monotonic() + study_module.GRACE + 2 * study_module.BEAT
        while not self._ended.is_set():
            fail_stale_trials(self._study)
            number = self._to_begin()
            if number or time.monotonic() > until or all(trial.state.is_finished() for trial in counted(self._study)):
                return number
            tqdm.write("waiting for trials of another process, which may be lost")
            self._ended.wait(study_module.BEAT)
        return 0

    def _to_begin(self) -> int:
        """Count the trials that nobody has begun."""
        trials = self._study.get_trials(deepcopy=False)
        waiting = sum(trial.state.name == "WAITING" for trial in trials)
        points = sum(first_number(trial) == trial.number for trial in trials)
        return max(0, min(self._wanted - len(counted(self._study)), waiting + max(0, self._size - points)))

    def _objective(self, trial: Trial) -> float:
        """Fit a trial; return its best value. If that is interrupted, queue it again."""
        try:
            return self._fit(trial)
        except UpdateFinishedTrialError:
            self._stolen = True
            raise
        except BaseException as error:
            if self._ended.is_set() or not isinstance(error, _NoValueError | TrialPruned):
                repeat(self._study, trial.number)
                self._end()
            raise

    def _fit(self, trial: Trial) -> float:
        point = {name: _suggest(trial, name, values) for name, values in self._sweep.space.items()}
        if place(self._study.get_trials(deepcopy=False)[trial.number], self._study) >= self._size:
            raise _NoValueError  # another process began the last point of the grid meanwhile
        log = (self._sweep.output / folder_of(trial.number)).with_suffix(".log")
        worker, steps = self._free.pop(), count(1)

        def report(figure: Figure) -> bool:
            trial.report(figure.value, step=next(steps))
            return trial.should_prune()

        try:
            fit = Fit(self._sweep.fit(point, trial.number), log, environment(worker, self._workers))
            self._fits[trial.number] = fit
            if self._ended.is_set():
                fit.kill()
            outcome = fit.follow(report, maximise=self._sweep.direction == "max")
        finally:
            self._fits.pop(trial.number, None)
            self._free.append(worker)
        if self._ended.is_set():
            raise _NoValueError
        trial.set_user_attr("outcome", outcome._asdict())
        if outcome.sentence or outcome.value is None:
            raise _NoValueError
        if outcome.pruned:
            raise TrialPruned
        return outcome.value

    def _after(self, study: Study, trial: FrozenTrial) -> None:
        """Show how a trial ended; stop if that was enough."""
        with self._lock:
            if "outcome" in trial.user_attrs and not self._ended.is_set():
                tqdm.write(_line(trial))
                self._despair()
        if self._ended.is_set() or not self._to_begin():
            study.stop()

    def _despair(self) -> None:
        """End if the first trials all fail in the same way."""
        finished = [trial for trial in counted(self._study) if trial.state.is_finished()]
        outcomes = [outcome_of(trial) for trial in finished]
        if not all(one.refused and one.sentence == outcomes[0].sentence for one in outcomes):
            return
        if len(finished) >= min(_ALIKE, self._wanted):
            self._hopeless = outcomes[0].sentence
            self._end()

    def _end(self) -> None:
        """Begin no more trials, and end the running ones."""
        self._ended.set()
        for fit in list(self._fits.values()):
            fit.kill()


def _suggest(trial: Trial, name: str, values: Distribution) -> Any:
    """Ask Optuna for a trial's value of an option."""
    if isinstance(values, CategoricalDistribution):
        return trial.suggest_categorical(name, values.choices)
    suggest: Any = trial.suggest_int if isinstance(values, IntDistribution) else trial.suggest_float
    return suggest(name, values.low, values.high, step=values.step, log=values.log)


@contextmanager
def _signals_call(end: Callable[[], None]) -> Iterator[None]:
    """Call a function on Ctrl-C and on SIGTERM, which clusters and containers send."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # others get no signals
        before = {one: signal.signal(one, lambda *_: end()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _line(trial: FrozenTrial) -> str:
    """Describe how a trial ended, for the terminal."""
    outcome = outcome_of(trial)
    ended = f"failed: {outcome.sentence}"
    if outcome.value is not None and not outcome.sentence:
        ended = f"{four_digits(outcome.value)} at epoch {outcome.epoch:g}{', stopped early' if outcome.pruned else ''}"
    point = ", ".join(f"{name}={value}" for name, value in trial.params.items())
    return f"{trial.number:04d}  {ended}  ({seconds_of(trial):.0f} s; {point})"
