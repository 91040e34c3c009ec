"""Errors in one sentence: parsing and making are the user's to put right, what breaks in running is a bug."""

import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import isabstract
from traceback import walk_tb
from typing import Any

import torch
from jsonargparse import ArgumentError
from torch.multiprocessing.spawn import ProcessException

from bachlit.classes import imported, subclasses
from bachlit.errors import BachlitError, CheckpointError, OptionError


@dataclass
class Phase:
    """Record how far a command has come: the phase decides whose fault an error is.

    Attributes:
        command: Its name.
        running: Whether all was parsed and made.
        suspect: Has the path of the checkpoint whose content may be at fault just now, or None.
    """

    command: str
    running: bool = False
    suspect: Any = None

    @property
    def suspected(self) -> object:
        """The checkpoint that may be at fault."""
        return getattr(self.suspect, "path", None)


@contextmanager
def one_sentence(phase: Phase) -> Iterator[None]:
    """Raise what the user can put right as a `BachlitError` of one sentence, and leave a bug its traceback.

    Args:
        phase: Kept up to date by the command.

    Raises:
        BachlitError: That of the class that refused its arguments, if one did, else an `OptionError`, or a
            `CheckpointError` where a checkpoint may be at fault.
    """
    try:
        yield
    except Exception as error:
        explained = _explained(error, phase)
        if explained is None or explained is error:
            raise
        raise explained from error


def _explained(error: BaseException, phase: Phase) -> BachlitError | None:
    """Explain what the user can put right; None for a bug."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BachlitError):
            return cause
        cause = cause.__cause__ or cause.__context__
    message = shortened(str(error))
    if isinstance(error, OSError) and error.filename is not None:
        message = f"{error.filename} can't be used ({error.strerror}); expected a place to read or write; name another."
        return OptionError(message)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in message:
        return OptionError(_memory(message, phase.command))
    # Lightning says so at any time, when an epoch is over too, and of nothing but options.
    refused = isinstance(error, ArgumentError) or type(error).__name__ == "MisconfigurationException"
    suspected = not refused and ("loading state_dict" in message or phase.suspected is not None)
    running = phase.running or isinstance(error, ProcessException)  # of a process that a strategy started
    if not refused and (_own(error) or (running and not suspected)):
        return None
    if suspected:
        return _changed(error, message, phase.suspected)
    kind = "" if refused or isinstance(error, ValueError | TypeError | RuntimeError) else f"{type(error).__name__}: "
    return OptionError(f"{kind}{message.removesuffix('.')}. See bachlit {phase.command} --help.")


def _changed(error: BaseException, message: str, checkpoint: object) -> CheckpointError:
    if "loading state_dict" in message:
        return CheckpointError(
            "The checkpoint's weights don't fit the network that was asked for; leave the network's options out, or "
            "type those that it was trained with."
        )
    return CheckpointError(
        f"{checkpoint} isn't a checkpoint of bachlit, or was changed ({type(error).__name__}: {message}); expected a "
        "file as `bachlit fit` wrote it; if it is one, report this to bachlit's maintainers."
    )


# What jsonargparse says beside what is wrong: all that would have been right instead, and its own spelling of values.
_BESIDE = (
    r"/--[\w.]+\+",
    r"Does not validate against any of the Union subtypes Subtypes: \[.*?\] Errors: (?:- )?",
    r"Type \S*Callable\[.*?\] expects a function or a callable class: ",
    r"- Expected a path but \S* ?either not accessible or invalid ?",
    r" - Expected a <class '(?:NoneType|bool)'>",
    r" - Expected an instantiatable class, but \S+ is abstract",
    r"(?<=: )- ",
    r" Given value type: <class '[^']*'>",
    r"\.? (?:Got|Given) value: (?:Namespace|NestedArg)\(.*",
)
_MOST_CHARACTERS = 300


def shortened(message: str) -> str:
    """Shorten what a library says to a line or two.

    >>> shortened("Parser key 'num': Expected a <class 'int'>.  Got value: many")
    "Parser key 'num': Expected a int. Got value: many"
    """
    message = " ".join(message.split())
    for pattern in _BESIDE:
        message = re.sub(pattern, "", message)
    message = re.sub(r"<(?:class ')?(?:\w+\.)*(\w+)(?:'| object at 0x\w+)>", r"\1", message)
    return message if len(message) <= _MOST_CHARACTERS else f"{message[:_MOST_CHARACTERS]} ..."


def refuse_mistyped(message: str, typed: Collection[str], known: Collection[str]) -> None:
    """Refuse an option that isn't there, if another has nearly its name, and options of a class that isn't named.

    Args:
        message: What the parser says, which names it.
        typed: The options that were typed, without dashes.
        known: Those that are there.

    Raises:
        OptionError: If so.

    >>> refuse_mistyped("unrecognized arguments: --model.layers=3", ["model.layers"], ["model.network.layers"])
    Traceback (most recent call last):
    ...
    bachlit.errors.OptionError: There is no option --model.layers; expected --model.network.layers; correct it, or \
leave it out.
    """
    alone = re.search(r'key "([\w.]+)": Expected an instantiatable class, but (\S+) is abstract', shortened(message))
    if alone:
        parts = [name.rpartition(".")[0] for name in typed if f".{name}".rpartition(".")[0].endswith(f".{alone[1]}")]
        option = f"--{parts[0] if parts else alone[1]}"
        kinds = sorted(kind.__name__ for kind in subclasses(imported(alone[2])) if not isabstract(kind))
        example = next(iter(kinds), "CLASS")
        raise OptionError(f"{option} has options, but no class; name the class, too: {option} {example}.")
    known = {re.sub(r"\.(class_path|init_args)\b", "", name) for name in known}
    for name in typed:
        outer, _, leaf = name.rpartition(".")
        if name in known or not re.search(rf"\b{re.escape(leaf)}\b", message):
            continue
        inner = [one for one in known if one.endswith(f".{leaf}") and one.startswith(f"{outer.partition('.')[0]}.")]
        beside = [one for one in known if one.rpartition(".")[0] == outer]
        near = inner or get_close_matches(name, beside, n=1, cutoff=0.7)
        if near:
            expected = " or ".join(f"--{one}" for one in sorted(near))
            raise OptionError(f"There is no option --{name}; expected {expected}; correct it, or leave it out.")


def _own(error: BaseException) -> bool:
    """Tell whether an error came through code of the user's own."""
    modules = (str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(error.__traceback__))
    return any(module.partition(".")[0] not in _LIBRARIES for module in modules)


_LIBRARIES = {
    *("bachlit", "pytorch_lightning", "lightning_fabric", "torch", "torchmetrics", "jsonargparse"),
    *("numpy", "packaging"),
    *sys.stdlib_module_names,
}


def _memory(message: str, command: str) -> str:
    size = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", message)
    less = "a smaller network, fewer lanes or a shorter window"
    if command not in ("fit", "validate", "test"):
        less = "a narrower beam, fewer particles or a smaller network"
    return f"There isn't so much memory{f' ({size[1]} more)' if size else ''}; expected less to fill it; take {less}."
