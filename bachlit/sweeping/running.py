"""The trials of a sweep, run one after the other or several at once until there are enough."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tqdm import tqdm

from bachlit.errors import OptionError
from bachlit.sweeping.definition import Sweep, folder_of
from bachlit.sweeping.fitting import Fit, Outcome, environment
from bachlit.sweeping.points import BEAT, hold, is_held, latest, put, rescue, run_again
from bachlit.sweeping.suggesting import Grid, kind, order, per_trial
from bachlit.sweeping.telling import Figure

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial, TrialState

_ALIKE = 3  # trials, after which it may be that all fail in the same way


class Runner:
    """Runs the trials of a sweep in this process's care, beside any number of other processes.

    Args:
        sweep: What they fit.
        study: Which holds them.
        trials: How many finished ones the study is to have, those of other processes and of earlier runs among them;
            of a grid, all points if None.
        settle: Seconds to wait until it shows who has begun a trial, in a database that gives it to two at once.

    Raises:
        OptionError: If nobody says when to end.
    """

    def __init__(self, sweep: Sweep, study: Study, trials: int | None, *, settle: float = 0.0) -> None:
        self.sweep, self.study, self._settle = sweep, study, settle
        sampler = kind(sweep.sampler)
        points = order(sweep.space, sweep.seed) if issubclass(sampler, Grid) else None
        if points is None and trials is None:
            raise OptionError(
                f"{sampler.__name__} never ends; expected the number of trials that the sweep is to have in all; add "
                "--trials 50."
            )
        study.sampler = per_trial(sweep.sampler, points, sweep.seed, study)
        self._size = len(points) if points is not None else None
        self._wanted = min(filter(None, (trials, self._size)))
        self._distributions = {name: values.distribution() for name, values in sweep.space.items()}
        self._lock = threading.RLock()  # one thread at a time begins a trial or speaks
        self._fits: dict[int, tuple[Trial, Fit]] = {}
        self._ended = False
        self._hopeless = ""
        self._progress = tqdm(total=self._wanted, desc=sweep.name, unit="trial", leave=False, disable=None)

    def run(self, workers: int) -> None:
        """Run them, and come back when enough are finished or there is nothing more to begin.

        Args:
            workers: How many at once.

        Raises:
            OptionError: If all fail in the same way, which then aren't counted.
            KeyboardInterrupt: If someone stopped it; what was running is run again next time.
        """
        rescue(self.study)
        self._count()
        with _termination_is_ctrl_c(), ThreadPoolExecutor(workers) as pool, self._progress:
            threads = [pool.submit(self._work, place, workers) for place in range(workers)]
            try:
                self._watch(threads)
            finally:
                self._end()
        for thread in threads:
            thread.result()
        if self._hopeless:
            raise OptionError(f"All trials fail in the same way: {self._hopeless}")

    def _watch(self, threads: Sequence[Future[None]]) -> None:
        """Wait for them, and see now and then that no trial is lost and none of this process seems so."""
        from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  # of an extra

        while wait(threads, BEAT, FIRST_EXCEPTION).not_done:
            if any(thread.done() and thread.exception() for thread in threads):
                return
            with self._lock:
                for trial, _ in self._fits.values():
                    with suppress(UpdateFinishedTrialError):
                        hold(trial)
            rescue(self.study)

    def _work(self, place: int, workers: int) -> None:
        """Run trials, in one of the places, while there are some to run."""
        while True:
            with self._lock:
                trial = None if self._ended else self._next()
                if trial is None:
                    return
                log = (self.sweep.output / folder_of(trial.number)).with_suffix(".log")
                fit = Fit(self.sweep.fit(trial.params, trial.number), log, environment(place, workers))
                self._fits[trial.number] = (trial, fit)
            outcome = fit.follow(lambda figure, trial=trial: self._report(trial, figure), maximise=self._maximise)  # type: ignore[misc]
            with self._lock:
                del self._fits[trial.number]
                if self._ended:
                    run_again(self.study, self._frozen(trial))
                else:
                    self._conclude(trial, outcome)

    def _next(self) -> Trial | None:
        """The next trial, begun; None if there are enough."""
        while True:
            standing = latest(self.study.get_trials(deepcopy=False), self._size)
            waiting = sum(trial.state.name == "WAITING" for trial in standing)
            begun = len(standing) - waiting
            if begun >= self._wanted or (not waiting and len(standing) == self._size):
                return None
            if not waiting:
                put(self.study)
            trial = self.study.ask(self._distributions)
            hold(trial)
            time.sleep(self._settle)
            if not is_held(self.study, trial):
                continue
            # Of two that began the same point, or one beyond the last, the one that came later gives way.
            standing = latest(self.study.get_trials(deepcopy=False), self._size)
            if trial.number in {other.number for other in standing}:
                return trial
            self._tell(trial, None)

    def _report(self, trial: Trial, figure: Figure) -> bool:
        """Note a figure; say whether to stop the trial."""
        from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  # of an extra

        try:
            trial.report(figure.value, step=len(self._frozen(trial).intermediate_values) + 1)
        except UpdateFinishedTrialError:  # another process took it for lost
            return True
        return trial.should_prune()

    def _conclude(self, trial: Trial, outcome: Outcome) -> None:
        """Write down how a trial ended."""
        from optuna.trial import TrialState  # noqa: PLC0415  # of an extra

        if self._frozen(trial).state.is_finished():  # another process took it for lost
            return
        trial.set_user_attr("folder", folder_of(trial.number).as_posix())
        if outcome.best is not None:
            trial.set_user_attr("best", outcome.best._asdict())
        if outcome.sentence:
            trial.set_user_attr("sentence", outcome.sentence)
            trial.set_user_attr("refused", outcome.refused)
            self._tell(trial, None)
        elif outcome.pruned:
            self._tell(trial, None, TrialState.PRUNED)
        else:
            self._tell(trial, outcome.best.value if outcome.best else None)
        self._count()
        tqdm.write(_line(self._frozen(trial), outcome))
        self._despair()

    def _tell(self, trial: Trial, value: float | None, state: TrialState | None = None) -> None:
        from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  # of an extra
        from optuna.trial import TrialState as State  # noqa: PLC0415

        with suppress(ValueError, UpdateFinishedTrialError):  # another process took it for lost
            self.study.tell(trial.number, value, state or (State.FAIL if value is None else None))

    def _despair(self) -> None:
        """End if all trials fail in the same way, though they have no value in common: then it isn't their options."""
        finished = [trial for trial in self._standing() if trial.state.is_finished()]
        sentences = {trial.user_attrs.get("sentence", "") for trial in finished}
        if len(sentences) > 1 or not all(trial.user_attrs.get("refused", False) for trial in finished):
            return
        values = [{trial.params[name] for trial in finished} for name in self.sweep.space]
        different = all(
            len(its) > 1 or only.single() for its, only in zip(values, self._distributions.values(), strict=True)
        )
        if len(finished) == self._wanted or (len(finished) >= _ALIKE and different):
            for trial in finished:
                run_again(self.study, trial)
            self._hopeless = sentences.pop()
            self._end()

    def _end(self) -> None:
        """Begin no more trials, and end those that run."""
        with self._lock:
            self._ended = True
            for _, fit in self._fits.values():
                fit.kill()

    def _count(self) -> None:
        self._progress.n = sum(trial.state.is_finished() for trial in self._standing())
        self._progress.refresh()

    def _standing(self) -> list[FrozenTrial]:
        return latest(self.study.get_trials(deepcopy=False), self._size)

    def _frozen(self, trial: Trial) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[trial.number]

    @property
    def _maximise(self) -> bool:
        return self.sweep.direction == "max"


@contextmanager
def _termination_is_ctrl_c() -> Iterator[None]:
    """A cluster or a container ends its processes by SIGTERM; the fits must end, too, and be run again."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # others can't hear of it
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _line(trial: FrozenTrial, outcome: Outcome) -> str:
    """How a trial ended, for the terminal."""
    ended = ""
    if outcome.sentence:
        ended = f"failed: {outcome.sentence}"
    elif outcome.best is not None:
        stopped = ", stopped early" if outcome.pruned else ""
        ended = f"{outcome.best.value:.4f} at epoch {outcome.best.epoch:g}{stopped}"
    seconds = trial.duration.total_seconds() if trial.duration else 0
    return f"{trial.number:04d}  {ended}  ({seconds:.0f} s; {', '.join(f'{k}={v}' for k, v in trial.params.items())})"
