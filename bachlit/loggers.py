"""How a trainer's loggers live together: a CSV beside W&B, one run for all processes, and for a fit that goes on."""

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from bachlit.errors import OptionError
from bachlit.tracking import PROJECT, AutoWandbLogger, resolve_mode


def csv_beside(loggers: Any) -> Any:
    """A trainer's loggers, with a CSV in the first place if W&B is among them: its folder is then the run's.

    Args:
        loggers: A logger, several, or what else `Trainer` takes, which is given back as it is.
    """
    given = [loggers] if isinstance(loggers, Logger) else loggers
    if not isinstance(given, Sequence) or not any(isinstance(logger, WandbLogger) for logger in given):
        return loggers
    csv = next((logger for logger in given if isinstance(logger, CSVLogger)), None) or CSVLogger("runs", PROJECT)
    for logger in given:
        if isinstance(logger, AutoWandbLogger):
            logger.beside = csv
    return [csv, *(logger for logger in given if logger is not csv)]


def go_on(loggers: Sequence[Logger], folder: Path, step: int) -> None:
    """Have a run go on in its own folder, if that is where its CSV would begin another.

    Args:
        loggers: Of the fit that goes on; its CSV forgets what was logged after the step.
        folder: Of the run.
        step: How many steps it goes on after.
    """
    for logger in loggers:
        if isinstance(logger, CSVLogger) and Path(logger.root_dir).resolve() == folder.resolve().parent:
            name = folder.name.removeprefix("version_")
            if logger._version is None and name.isdecimal():
                logger._version = int(name)
                _take_up(logger, step)


@rank_zero_only
def _take_up(logger: CSVLogger, step: int) -> None:
    """Give a CSV the rows that it had before a step; Lightning's would begin anew."""
    path = Path(logger.log_dir) / "metrics.csv"
    aside = path.with_name(".metrics.csv.before")
    if path.is_file():
        path.replace(aside)  # Lightning's would remove it
    elif not aside.is_file():  # it is there if a process was killed right here
        return
    with aside.open(newline="", errors="replace") as file:
        reader = csv.DictReader(file)
        names, rows = list(reader.fieldnames or ()), [row for row in reader if _before(row, step)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Experiment logs directory")
        writer: Any = logger.experiment
    writer.metrics, writer.metrics_keys = rows, names
    writer.save()
    aside.unlink()


def _before(row: dict[str, Any], step: int) -> bool:
    """Whether a row was logged before a step, and wholly: a fit that was killed may leave a part of one."""
    its = row.get("step") or ""
    return None not in row.values() and its.isdecimal() and int(its) < step


def share_runs(trainer: pl.Trainer) -> None:
    """See that the processes that a trainer will start share its run.

    Raises:
        OptionError: If they are forked while W&B is on: the whole run would be lost, without a word.
    """
    start = getattr(trainer.strategy, "_start_method", None)
    if start == "spawn":
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                _ = logger.experiment  # begun here, or they would begin another, in another folder than W&B's
    modes = [getattr(logger, "mode", "online") for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    if start == "fork" and any(resolve_mode(mode) != "disabled" for mode in modes):
        raise OptionError(
            "W&B loses the whole run in forked processes; choose --trainer.strategy ddp or ddp_spawn, or leave W&B out "
            "with --trainer.logger CSVLogger."
        )
