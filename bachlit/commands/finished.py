"""The end of a fit: its best figure, the command that harmonises with it, and a fit that has nothing left to do."""

import os
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from bachlit.encoding import SatbEncoding
from bachlit.models.checkpoints import epochs_in
from bachlit.models.runs import located, run_of
from bachlit.rendering.digits import four_digits
from bachlit.training.model import ChoraleModel

_USUAL_EPOCHS = 1000  # of Lightning, where no limit is typed


class CompleteError(Exception):
    """Fit that has nothing left to do; the message says how to go on."""


def refuse_complete(path: Path | None, checkpoint: Mapping[str, Any], trainer: Mapping[str, Any]) -> None:
    """Refuse to resume a fit whose epochs or steps are done.

    Args:
        path: The checkpoint's file.
        checkpoint: Its contents.
        trainer: The trainer's options.

    Raises:
        CompleteError: If they are done.
    """
    epochs, steps = trainer["max_epochs"], trainer["max_steps"]
    if epochs is None:
        epochs = _USUAL_EPOCHS if steps == -1 and trainer["max_time"] is None else -1
    try:
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
        done = {"epochs": (int(progress["processed"]), epochs), "steps": (int(checkpoint["global_step"]), steps)}
    except (KeyError, TypeError, ValueError):  # of another Lightning, which says so itself
        return
    unit = next((unit for unit, (number, most) in done.items() if -1 < most <= number), None)
    if unit is None or path is None:
        return
    run, (number, most) = run_of(path), done[unit]
    lines = [
        f"{f'The run {run.name}' if run else f'The fit of {path}'} is complete: {number} of {most} {unit}.",
        *_remembered(checkpoint, path),
        f"To go on, add --trainer.max_{unit} with more than {number}.",
    ]
    raise CompleteError("\n".join(lines))


def _remembered(checkpoint: Mapping[str, Any], path: Path) -> list[str]:
    """Describe the best checkpoint beside one that remembers it, in a line; none if what it remembers is odd."""
    try:
        [state, *_] = [state for name, state in checkpoint["callbacks"].items() if name.startswith("ModelCheckpoint")]
        monitor, score, best = state["monitor"], state["best_model_score"], Path(state["best_model_path"]).name
        if re.fullmatch(r"[\w/.-]{1,99}", monitor) and re.fullmatch(r"\w[\w.=-]{0,99}", best):
            return list(_best(monitor, score, path.with_name(best)))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):  # a foreign file may hold anything
        pass
    return []


def report(trainer: pl.Trainer, model: ChoraleModel) -> None:
    """Print a fit's best figure, its checkpoint, and the command that harmonises with it; or that it diverged."""
    callback = next((one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint)), None)
    if callback is None or not callback.best_model_path:
        return
    path, score = Path(callback.best_model_path), callback.best_model_score
    if score is not None and not isfinite(float(score)):
        warnings.warn(
            f"The fit has diverged: the best {callback.monitor} is {float(score)}; expected a finite one; lower "
            "--model.optimizer.lr, or look at the loss.",
            stacklevel=2,
        )
        return
    print(*_best(callback.monitor, callback.best_model_score, path), sep="\n")
    if isinstance(model.encoding, SatbEncoding):  # others can't write
        words = ["bachlit", "harmonize", "TUNE", "--checkpoint", named(path)]
        words += [word for module in _own_modules(model) for word in ("--import", module)]
        print(f"Harmonise with it: {shlex.join(words)}")


def _best(monitor: str | None, score: Tensor | None, path: Path) -> Iterator[str]:
    """Describe the best checkpoint in a line; none if it is gone."""
    if path.is_file():
        figure = f"Best {monitor} {four_digits(float(score))}" if score is not None else "Checkpoint"
        epochs = epochs_in(path)
        yield f"{figure}{f', epoch {epochs}' if epochs else ''}: {_short(path)}"


def named(path: Path) -> str:
    """Name a checkpoint by its run, if that finds it, or by its path."""
    run = run_of(path)
    found = run is not None and located(run.name).absolute() == path.absolute()
    return run.name if run is not None and found else _short(path)


def _short(path: Path) -> str:
    """Shorten a path in the working folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative


def _own_modules(model: ChoraleModel) -> list[str]:
    """List the modules of the user's own classes without which a checkpoint can't be loaded."""
    modules = (type(part).__module__ for part in (model.network, model.encoding))
    return list(dict.fromkeys(module for module in modules if not module.startswith("bachlit.")))
