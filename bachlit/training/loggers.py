"""Loggers of a trainer: a CSV beside W&B, one run for all processes and for a resumed fit."""

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from bachlit.errors import OptionError
from bachlit.internals import forget_anonymous, is_placed, place, start_method
from bachlit.models.runs import ROOT
from bachlit.training.wandb_logger import AutoWandbLogger, resolve_mode


def csv_first(loggers: Any, folder: Path = ROOT, name: str = "") -> Any:
    """Put a CSV first among a trainer's loggers; its folder is the run's, and W&B's.

    Args:
        loggers: What `Trainer` takes; False, for no loggers, stays.
        folder: Of the CSV, if none was typed.
        name: Of the folder in it.
    """
    if loggers is False or loggers == []:
        return False
    given = list(loggers) if isinstance(loggers, Sequence) else [loggers] if isinstance(loggers, Logger) else []
    csv = next((logger for logger in given if isinstance(logger, CSVLogger)), None) or CSVLogger(folder, name)
    for logger in given:
        if isinstance(logger, AutoWandbLogger):
            logger.beside = csv
        if isinstance(logger, WandbLogger):
            forget_anonymous(logger)
    return [csv, *(logger for logger in given if logger is not csv)]


def name_run(loggers: Any, folder: Path, *, goes_on: bool) -> None:
    """Keep a run's logs in its folder, under its name.

    A run named by its CSV's version, such as a sweep's trial, shares that name with others: W&B makes one up.

    Args:
        loggers: From `csv_first`.
        folder: Of the run.
        goes_on: Whether it is resumed.
    """
    if any(isinstance(logger, CSVLogger) and is_placed(logger, folder) for logger in loggers or ()):
        return
    for logger in loggers or ():
        if isinstance(logger, CSVLogger):
            place(logger, folder)
        elif isinstance(logger, AutoWandbLogger):
            logger.name_run(folder.name, goes_on=goes_on)


def take_up(loggers: Any, step: int) -> None:
    """Give a resumed fit's CSV its rows before a step; Lightning's would begin anew."""
    for logger in loggers or ():
        if isinstance(logger, CSVLogger):
            _take_up(logger, step)


@rank_zero_only
def _take_up(logger: CSVLogger, step: int) -> None:
    path = Path(logger.log_dir) / "metrics.csv"
    aside = path.with_name(".metrics.csv.before")
    if path.is_file():
        path.replace(aside)  # Lightning's would remove it
    elif not aside.is_file():  # it is there if a process was killed right here
        return
    with aside.open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.DictReader(file)
        names, rows = list(reader.fieldnames or ()), [row for row in reader if _before(row, step)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Experiment logs directory")
        writer: Any = logger.experiment
    writer.metrics, writer.metrics_keys = rows, names
    writer.save()
    aside.unlink()


def _before(row: dict[str, Any], step: int) -> bool:
    """Tell whether a row was logged before a step, and wholly: a killed fit may leave a part of one."""
    at = row.get("step") or ""
    return None not in row.values() and at.isdecimal() and int(at) < step


def share_runs(trainer: pl.Trainer) -> None:
    """Make the processes that a trainer will start share its run.

    Raises:
        OptionError: If they are forked while W&B is on: the whole run would be lost, without a word.
    """
    start = start_method(trainer)
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
