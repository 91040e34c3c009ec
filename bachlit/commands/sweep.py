"""`bachlit sweep`: fits over a space of options, resumed by the same command, and their results."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from bachlit.commands.functions import run_typed
from bachlit.errors import OptionError
from bachlit.sweeping.definition import Direction, Sweep, joined, words_of
from bachlit.sweeping.extra import BasePruner, BaseSampler, require_optuna
from bachlit.sweeping.report import option_of, report
from bachlit.sweeping.running import Runner
from bachlit.sweeping.space import space_of
from bachlit.sweeping.study import begin, find

_SQLITE = 0.5  # seconds; it has no lock for a row, so two processes may take the same trial within some milliseconds


def run(args: Sequence[str]) -> None:
    """Run `bachlit sweep`.

    Args:
        args: Its options; after `--`, options of `bachlit fit` that all trials have.

    Raises:
        BachlitError: If the user has something to put right.
    """
    require_optuna()
    import optuna.pruners  # noqa: F401, PLC0415  # makes its classes known by their short names

    try:
        run_typed("sweep", sweep, args, rest="also")
    except OptionError as error:
        if "search_space" not in str(error):
            raise
        raise OptionError(
            "GridSampler wants the space again; expected Grid, which has that of the sweep; type --sampler Grid."
        ) from error


def sweep(
    *,
    name: str | None = None,
    base: list[Path] | None = None,
    options: dict[str, Any] | None = None,
    also: list[str] | None = None,
    space: dict[str, Any] | None = None,
    monitor: str = "val/nats_per_frame",
    direction: Direction = "min",
    sampler: Callable[[], BaseSampler] | None = None,
    pruner: BasePruner | None = None,
    trials: int | None = None,
    workers: int = 1,
    seed: int = 0,
    wandb: bool = False,
    output: Path | None = None,
    storage: str | None = None,
    plot_by: str | None = None,
) -> None:
    """Fit many models over a space of options, and show which options are good.

    The same command goes on where it was stopped; a trial that was running then is run again. Any number of processes
    may work on one sweep at once, on any machines that see its folder or its database.

    Args:
        name: The sweep's; that of its folder if left out.
        base: Configurations of `bachlit fit` that each trial starts from; the option may be repeated.
        options: Options of `bachlit fit` that all trials have, by their dotted names.
        also: More of them, as words. On the command line they are what follows --, such as -- --trainer.max_epochs 30.
        space: For each option that varies, by its dotted name, a list of choices, or a range: low, high, and step or
            log.
        monitor: The figure of validation that counts: the best that a trial reaches.
        direction: Whether low or high figures are good.
        sampler: Suggests the options: Grid for each point of the space once, or a sampler of Optuna's, such as
            RandomSampler, TPESampler (if left out) or GPSampler.
        pruner: Stops trials that promise little, such as optuna's MedianPruner or HyperbandPruner, which count
            validations; none if left out.
        trials: How many finished trials the sweep is to have in all, with those of earlier commands and other
            processes, those that were stopped early or failed among them. All points of a grid if left out. 0 runs
            none, and makes the results anew; then --output alone will do.
        workers: How many trials at once. Each is a process of its own, with its share of the processor, and one of
            the GPUs in turn.
        seed: The sampler's. The fits have their own, seed_everything, which may vary as all options do.
        wandb: Log the trials to W&B, too, in a group of the sweep's name.
        output: The sweep's folder; sweeps/NAME if left out.
        storage: The URL of a database that Optuna knows, such as sqlite:///sweeps.db; a journal in the folder if left
            out.
        plot_by: The option of the loss curves; the most important one if left out.
    """
    if (trials is not None and trials < 0) or workers < 1 or seed < 0:
        raise OptionError(
            f"{trials} trials, {workers} workers and a seed of {seed} make no sweep; expected 0, 1 and 0, or more."
        )
    if name is None and output is None:
        raise OptionError("The sweep has no name; expected one; add --name NAME, or --output FOLDER.")
    output = output or Path("sweeps") / (name or "")
    if trials == 0:
        report(find(name, output, storage), output, plot_by)
        return
    name = name or output.resolve().name
    planned = Sweep(
        name=name,
        base=tuple(base or ()),
        words=(*words_of(options or {}), *joined(also or ())),
        space=space_of(space or {}),
        monitor=monitor,
        direction=direction,
        sampler=sampler or partial(_usual, seed=None),
        seed=seed,
        output=output,
        wandb=wandb,
    )
    option_of(planned.space, plot_by)
    settle = _SQLITE if storage and storage.startswith("sqlite") else 0.0
    planned.check(_parse)
    runner = Runner(planned, begin(planned, storage, pruner), trials, settle=settle)
    try:
        runner.run(workers)
    except KeyboardInterrupt:
        warnings.warn("the same command goes on from here.", stacklevel=1)
        raise
    report(runner.study, output, plot_by)


def _usual(seed: int | None = None) -> BaseSampler:
    """The sampler if none is named."""
    from optuna.samplers import TPESampler  # noqa: PLC0415  # of an extra

    return TPESampler(seed=seed)


def _parse(words: Sequence[str]) -> None:
    """Have `bachlit fit` parse options: it prints what it understood, and ends before anything is made."""
    from bachlit.commands import train  # noqa: PLC0415  # Lightning takes seconds to import

    with redirect_stdout(StringIO()), suppress(SystemExit):
        train.run("fit", [*words, "--print_config"])
