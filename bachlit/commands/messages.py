"""Print errors as one sentence: parsing and making are the user's to put right, what breaks in running is a bug."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jsonargparse import ArgumentError

from bachlit.errors import BachlitError, CheckpointError, OptionError


@dataclass
class Phase:
    """Record how far a command has come: the phase decides whose fault an error is.

    Attributes:
        command: Name of the command.
        own: Whether the user typed classes of their own: what fails in making them keeps its traceback.
        checkpoint: What the command begins with, once everything is made.
        running: Whether the command has begun its work.
    """

    command: str
    own: bool = False
    checkpoint: Path | None = None
    running: bool = False


@contextmanager
def one_sentence(phase: Phase) -> Iterator[None]:
    """Raise what the user can put right as a `BachlitError`, and leave a bug its traceback.

    Args:
        phase: Updated by the command.

    Raises:
        BachlitError: Of a class that refused its arguments, else an `OptionError`, or a `CheckpointError` where a
            checkpoint and the options may not fit together.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, BachlitError):
            cause = cause.__cause__ or cause.__context__
        explained = cause or _explained(error, phase)
        if explained is None or explained is error:
            raise
        raise explained from error


# Errors that are the user's to put right at any time.
_ALWAYS = (ArgumentError, MemoryError, OSError)
# PyTorch's and Lightning's, by name: an error may come before they are loaded.
_ALWAYS_BY_NAME = {"OutOfMemoryError", "MisconfigurationException"}


def _explained(error: Exception, phase: Phase) -> BachlitError | None:
    """Explain what the user can put right; None for a bug."""
    if isinstance(error, BrokenPipeError):  # who reads the output has gone
        return None
    message = shortened(str(error)).removesuffix(".")
    names = {kind.__name__ for kind in type(error).__mro__}
    refused = isinstance(error, _ALWAYS) or "can't allocate memory" in message or bool(names & _ALWAYS_BY_NAME)
    if not refused and (phase.running or phase.own or "ProcessException" in names):
        return None
    if not refused and not isinstance(error, ValueError | TypeError | RuntimeError):
        message = f"{type(error).__name__}: {message}"
    if phase.checkpoint is not None and not refused:
        return CheckpointError(
            f"{phase.checkpoint} can't be used with these options ({message}); expected a checkpoint of `bachlit fit` "
            "and options that fit it; correct the options, or name another."
        )
    return OptionError(f"{message}. See bachlit {phase.command} --help.")


# Types that the parser lists around what is wrong.
_TYPES = (
    r"Does not validate against any of the Union subtypes Subtypes: \[.*?\] Errors: (?:- )?",
    r"Type \S*Callable\[.*?\] expects a function or a callable class: ",
    r" - Expected a <class 'NoneType'>",
    r"(?: Given value type: \S+ \S+|\.? Got value:) (?:Given value: )?(?:Namespace|NestedArg)\(.*",
)
_MOST_CHARACTERS = 300


def shortened(message: str) -> str:
    r"""Shorten a library's message to a line or two.

    >>> shortened("Parser key 'num':\n  Expected a <class 'int'>.  Got value: many")
    "Parser key 'num': Expected a <class 'int'>. Got value: many"
    """
    message = re.sub("|".join(_TYPES), "", " ".join(message.split()))
    return message if len(message) <= _MOST_CHARACTERS else f"{message[:_MOST_CHARACTERS]} ..."


def refuse_mistyped(message: str, typed: Collection[str], known: Collection[str]) -> None:
    """Refuse an unknown option if another has nearly its name, and options of a class that isn't named.

    Args:
        message: The parser's, which quotes the option.
        typed: The typed options, without dashes.
        known: The parser's options.

    Raises:
        OptionError: If so.

    >>> refuse_mistyped("unrecognized arguments: --model.layers=3", ["model.layers"], ["model.network.layers"])
    Traceback (most recent call last):
    ...
    bachlit.errors.OptionError: There is no option --model.layers; expected --model.network.layers; correct it, or \
leave it out.
    """
    lacking = re.search(r'key "([\w.]+)": Expected an instantiatable class', shortened(message))
    if lacking:
        owners = [name.rpartition(".")[0] for name in typed if f".{name}".rpartition(".")[0].endswith(f".{lacking[1]}")]
        option = f"--{owners[0] if owners else lacking[1]}"
        raise OptionError(f"{option} has options, but no class; name it, too: {option} CLASS.")
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
