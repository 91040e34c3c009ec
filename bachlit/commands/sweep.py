"""`bachlit sweep`: search for good options by many fits; the same command resumes it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, TPESampler

from bachlit.commands import lightning
from bachlit.commands.functions import run_typed
from bachlit.commands.options import Words, joined
from bachlit.errors import OptionError
from bachlit.files.options import read_options
from bachlit.sweeping.definition import Sweep, space_of, word
from bachlit.sweeping.study import begin, find  # with Grid, which --sampler names


def run(command: str, args: Sequence[str]) -> None:
    """Run `bachlit sweep` with its options and, after `--`, options of `bachlit fit` for all trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    modules = [f"--import={module}" for module in Words.of(args).modules]  # the trials import them, too
    args = [*args, *(["--"] if modules and "--" not in args else []), *modules]
    run_typed(command, sweep, args, check=check, kinds={"sampler": BaseSampler, "pruner": BasePruner}, rest="also")


def sweep(
    *,
    name: str | None = None,
    base: list[Path] | None = None,
    options: dict[str, Any] | None = None,
    also: list[str] | None = None,
    space: dict[str, Any] | None = None,
    monitor: str = "val/nats_per_frame",
    direction: Literal["min", "max"] = "min",
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

    The same command resumes it, and repeats trials that were running. Any number of processes may work on one sweep at
    once; on several machines they share a database server by --storage.

    Args:
        name: The sweep's; that of its folder if left out.
        base: Configurations of `bachlit fit` that each trial starts from; the option may be repeated.
        options: Options of `bachlit fit` that all trials have, by their dotted names.
        also: More of them, as words. On the command line they are what follows --, such as -- --trainer.max_epochs 30.
        space: For each option that varies, by its dotted name, a list of choices, or a range: low, high, and step or
            log.
        monitor: The validation metric to optimise: the best value of a trial counts.
        direction: Whether low or high values are good.
        sampler: Suggests the options: Grid for each point of the space once, or a sampler of Optuna's, such as
            RandomSampler, TPESampler (if left out) or GPSampler.
        pruner: Stops trials that promise little, such as optuna's MedianPruner or HyperbandPruner, which count
            validations; none if left out.
        trials: How many finished trials the sweep is to have in all, with those of earlier commands and other
            processes, pruned and failed ones among them. All points of a grid if left out. 0 runs none, and makes the
            results anew; then --output alone will do.
        workers: How many trials at once, each in its own process, with a share of the processor, and one of the GPUs
            in turn.
        seed: The sampler's. The fits have their own, seed_everything, which may vary as all options do.
        wandb: Log the trials to W&B, too, in a group of the sweep's name.
        output: The sweep's folder; sweeps/NAME if left out.
        storage: URL of a database for Optuna, such as sqlite:///sweeps.db; study.db in the sweep's folder if left out.
        plot_by: The option of the loss curves; the most important one if left out.
    """
    from bachlit.sweeping.results import check_option, report
    from bachlit.sweeping.running import Runner

    output = output or Path("sweeps") / (name or "")
    if trials == 0:
        report(find(name, output, storage), output, plot_by)
        return
    sampler = sampler or partial(TPESampler, seed=None)
    try:
        sampler()
    except (ImportError, TypeError, ValueError) as error:
        message = f"The sampler can't be made ({error}); correct its options, or choose another."
        raise OptionError(message) from error
    planned = Sweep(
        name=name or output.resolve().name,
        base=tuple(base or ()),
        words=(*(word(option.lstrip("-"), value) for option, value in (options or {}).items()), *joined(also or ())),
        space=space_of(space or {}),
        monitor=monitor,
        direction=direction,
        sampler=sampler,  # type: ignore[arg-type]  # the parser makes partials
        seed=seed,
        output=output,
        wandb=wandb,
    )
    check_option(plot_by, planned.space)
    planned.check(_parse)
    study = begin(planned, storage, pruner)
    try:
        Runner(planned, study, trials, workers).run()
    except KeyboardInterrupt:
        warnings.warn("the same command resumes the sweep.", stacklevel=1)
        raise
    report(study, output, plot_by)


def check(
    *,
    name: str | None,
    base: list[Path] | None,
    space: dict[str, Any] | None,
    trials: int | None,
    workers: int,
    seed: int,
    output: Path | None,
) -> None:
    """Refuse what can be known without PyTorch; arguments are those of `sweep`.

    Raises:
        OptionError: If the user has something to put right.
    """
    if (trials is not None and trials < 0) or workers < 1 or seed < 0:
        raise OptionError(
            f"{trials} trials, {workers} workers and a seed of {seed} make no sweep; expected 0, 1 and 0, or more."
        )
    if name is None and output is None:
        raise OptionError("The sweep has no name; expected one; add --name NAME, or --output FOLDER.")
    if trials != 0:
        space_of(space or {})
        for path in base or ():
            read_options(path)


def _parse(words: Sequence[str]) -> None:
    """Parse options of `bachlit fit` as it does, and end before anything is made."""
    with redirect_stdout(StringIO()), suppress(SystemExit):
        lightning.run("fit", [*words, "--print_config"])
