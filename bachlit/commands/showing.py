"""Show what Lightning's commands do: progress, the network's size, and tables of figures."""

import sys
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ModelSummary, ProgressBar
from rich import get_console
from rich.table import Column, Table

from bachlit.callbacks import EpochBar, EpochLines, NetworkSummary
from bachlit.rendering.digits import four_digits


def display(options: Mapping[str, Any], *, fits: bool) -> tuple[list[Callback], dict[str, bool]]:
    """Choose what shows progress and the network's size; what the user typed wins.

    A terminal gets a bar. In a file a bar would leave its remains, so a fit prints a line per epoch.

    Args:
        options: Options of the trainer, with callbacks made.
        fits: Whether the command is a fit.

    Returns:
        More callbacks, and the trainer's options that keep it from adding its own.
    """
    given = options["callbacks"] or []
    given = given if isinstance(given, list) else [given]
    bar, summary = options["enable_progress_bar"], options["enable_model_summary"]
    more: list[Callback] = []
    if bar is None and not any(isinstance(one, ProgressBar | EpochLines) for one in given):
        bar = sys.stdout.isatty() and get_console().is_interactive  # colours may be forced upon a file
        more += [EpochLines()] if fits and not bar else []
    if bar and not any(isinstance(one, ProgressBar) for one in given):
        more.append(EpochBar())
    if summary is not False and not any(isinstance(one, ModelSummary) for one in given):
        more.append(NetworkSummary())
    return more, {} if bar is None else {"enable_progress_bar": bar}


def print_figures(trainer: pl.Trainer) -> None:
    """Print what a validation or test logged as a table, with four significant digits."""
    if trainer.is_global_zero and trainer.callback_metrics:
        table = Table(Column(), Column(justify="right"), show_header=False)
        for name, value in trainer.callback_metrics.items():
            table.add_row(name, four_digits(float(value)))
        get_console().print(table)
