"""Suppress what Lightning, wandb and PyTorch print about their own insides, or as advice of no use here."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pytorch_lightning.callbacks import Callback

# Warnings about Lightning's insides, about loaders that aren't ours, or about steps: figures per epoch are logged, too.
_WARNINGS = (
    *("LeafSpec", "does not have many workers", "`IterableDataset` has `__len__`", "TF32 acceleration"),
    *("args parameter is intended to run", "transfer_batch_to_device", "Checkpoint directory .* exists"),
    *("Experiment logs directory .* exists", "is smaller than the logging interval"),
)
# Lost best scores, callbacks or averages matter to a resumed fit only.
_WARNINGS_WITHOUT_FIT = (
    *("The dirpath has changed", "callbacks used to create the checkpoint", "using the WeightAveraging callback"),
)

# Messages about what was typed, what is absent, what every fit does, and other packages.
_MESSAGES = (
    r"Seed set to",
    r"(GPU|TPU) available: False",
    r"LOCAL_RANK: \d+ - CUDA_VISIBLE_DEVICES",
    r"You are using a CUDA device .* that has Tensor Cores",  # a command can't call what it recommends
    r"Using (16bit|bfloat16) Automatic Mixed Precision",
    r"`Trainer\(\w+=1(\.0)?\)` was configured",
    r"`Trainer\.fit` stopped: `max_epochs=",
    r"Restoring states from the checkpoint",  # another line follows it, when they are
    r"Loaded model weights from the checkpoint",  # the command says which they are
    r"Found current_model_state in the checkpoint",
    r"Trainer already configured with model summary",
    r"lit(logger|models)",
    r"Initializing distributed: GLOBAL_RANK: [1-9]",  # the first process prints how many there are
    r"distributed_backend=",
)
_LOGGERS = (
    *("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero"),
    *(
        "lightning_fabric.utilities.seed",
        "lightning_fabric.utilities.distributed",
        "pytorch_lightning.accelerators.cuda",
    ),
)


@contextmanager
def quiet(command: str) -> Iterator[None]:
    """Leave such lines out while a command runs.

    Args:
        command: fit, validate, test or predict.
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        _ignore(command)
        for logger in map(logging.getLogger, _LOGGERS):
            logger.addFilter(_matters)
            stack.callback(logger.removeFilter, _matters)
        yield


class QuietProcesses(Callback):
    """Leave them out in spawned processes, too, which get the trainer before anything else.

    Args:
        command: The command that spawns them.
    """

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        """Have a process that unpickles this fall quiet."""
        return _quiet_for_good, (self.command,)


def _quiet_for_good(command: str) -> QuietProcesses:
    _ignore(command)
    for logger in map(logging.getLogger, _LOGGERS):
        logger.addFilter(_matters)
    return QuietProcesses(command)


def _ignore(command: str) -> None:
    for noise in (*_WARNINGS, *(() if command == "fit" else _WARNINGS_WITHOUT_FIT)):
        warnings.filterwarnings("ignore", message=f".*{noise}")


def _matters(record: logging.LogRecord) -> bool:
    return not any(re.search(noise, record.getMessage()) for noise in _MESSAGES)
