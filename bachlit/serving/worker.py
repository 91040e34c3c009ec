"""Worker: a process that holds the models and does one job after another."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from bachlit.classes import import_typed, working_folder
from bachlit.errors import BachlitError
from bachlit.serving.refusals import RefusedError, place_of

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel

CANCEL = "cancel"
"""What a worker is sent to break its job off."""

_INTERVAL = 0.1  # seconds between reports of progress


def work(connection: Connection, checkpoint: Path | None, modules: Sequence[str] = ()) -> None:
    """Load the model, then do jobs until the other process is gone.

    A job is a function and its arguments; it is called with `models` and `watch`, too. Sent back are pairs of a word
    and a value: `ready`, `progress` with the share that is done, and at the end of each job `done` with its result,
    `refused` with an error for the user, `cancelled`, or `failed` with where the fault is.

    Args:
        connection: To the process that serves.
        checkpoint: The model that answers by default; the one that ships if None.
        modules: The user's own, which the model needs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # a bar at the user's terminal would be a stranger's
    with suppress(EOFError, OSError), working_folder():
        try:
            models = _load(checkpoint, modules)
        except Exception as error:
            connection.send(_failure(error))
            return
        connection.send(("ready", None))
        while True:
            function, *args = connection.recv()
            if function != CANCEL:  # of a job that had ended
                connection.send(_done(connection, models, function, args))


def _load(checkpoint: Path | None, modules: Sequence[str]) -> Callable[[str | None], "LanguageModel"]:
    """Import what answers need, and load the model that answers by default."""
    for module in modules:
        import_typed(module)
    from tqdm import tqdm

    from bachlit.models.language_model import LanguageModel
    from bachlit.models.shipped import PRETRAINED
    from bachlit.serving.answers import warm

    tqdm.set_lock(RLock())  # its own is shared by processes, and stays behind when one is killed
    own = LanguageModel.load(checkpoint or PRETRAINED)

    @cache
    def models(name: str | None = None) -> LanguageModel:
        """Load a model by a name of the catalogue; the default one if None."""
        return own if name is None else LanguageModel.load(name)

    warm(models)
    return models


def _done(connection: Connection, models: Any, function: Callable[..., Any], args: Sequence[Any]) -> tuple[str, Any]:
    """Do a job; give the word and the value of its end."""
    from bachlit.serving.watching import CancelledWork, Watch

    reported = monotonic()

    def report(share: float) -> None:
        """Send the share done, now and then; break off if asked to."""
        nonlocal reported
        if connection.poll():
            connection.recv()
            raise CancelledWork
        if monotonic() - reported >= _INTERVAL:
            reported = monotonic()
            connection.send(("progress", share))

    try:
        return "done", function(*args, models=models, watch=Watch(report))
    except CancelledWork:
        return "cancelled", None
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> tuple[str, Any]:
    """Describe an error: one for the user, or the place of a fault of ours."""
    if isinstance(error, RefusedError):
        return "refused", error
    if isinstance(error, BachlitError | ImportError):
        return "refused", RefusedError("invalid", str(error))
    return "failed", place_of(error)
