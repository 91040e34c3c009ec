"""What libraries say of options that they refuse, in one sentence; what is a bug stays one."""

import linecache
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import walk_tb
from types import FrameType

import torch
from jsonargparse import ArgumentError
from torch.optim import Optimizer

from bachlit.commands.parser_words import plainly
from bachlit.errors import BachlitError, CheckpointError, OptionError


@contextmanager
def one_sentence(command: str, checkpoint: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Turn what a library says of a bad option into an `OptionError` of one line.

    Args:
        command: The one that runs.
        checkpoint: Tells the file whose content may be at fault just now, if there is one.

    Raises:
        BachlitError: That of the class that refused its arguments, if one did, else an `OptionError`; a
            `CheckpointError` where a checkpoint may be at fault, and no code of the user's own.
    """
    try:
        yield
    except BachlitError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, BachlitError):
                raise cause from error
            cause = cause.__cause__ or cause.__context__
        said = _line(error)
        if isinstance(error, ArgumentError):
            raise OptionError(plainly(said) or _pointing(said, command)) from error
        if "loading state_dict" in said:
            raise CheckpointError(
                "The checkpoint's weights don't fit the network that was asked for; leave the network's options out, "
                "or type those that it was trained with."
            ) from error
        if isinstance(error, UnicodeDecodeError) and _parsing(error):  # of a configuration
            raise OptionError(f"A config can't be read ({said}); expected YAML in UTF-8; save it as that.") from error
        root = _root(error)
        told = _refusal(root, command)
        if told is None and isinstance(error, ValueError | TypeError) and _parsing(root) and not _own(root):
            told = plainly(said) or _pointing(said, command)
        if told:
            raise OptionError(told) from error
        if checkpoint() and not _own(root):
            raise CheckpointError(
                f"{checkpoint()} isn't a checkpoint of bachlit, or was changed ({type(root).__name__}: {said[:200]}); "
                "expected a file as `bachlit fit` wrote it; if it is one, report this to bachlit's maintainers."
            ) from error
        raise


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _pointing(said: str, command: str) -> str:
    """What a library says, without our own spelling of lists and places in memory, and where to read more."""
    plain = re.sub(r"<[\w.]*?(\w+) object at 0x\w+>", r"\1", re.sub(r"/--[\w.-]+\+", "", said)).removesuffix(".")
    return f"{plain}. See bachlit {command} --help."


def _root(error: BaseException) -> BaseException:
    """What went wrong in a class, where jsonargparse speaks only of all that was expected instead."""
    while error.__cause__ is not None and error.__cause__.__traceback__ is not None and _parsing(error):
        error = error.__cause__
    return error


def _parsing(error: BaseException) -> bool:
    """Whether jsonargparse raised it, or what it called of Python's own."""
    modules = [_module(frame).partition(".")[0] for frame, _ in _passed(error)]
    return [name for name in modules if name not in sys.stdlib_module_names][-1:] == ["jsonargparse"]


def _refusal(error: BaseException, command: str) -> str | None:
    """What to say of an option that a library can't work with; None if it's a bug, or came out of the user's code."""
    said = _line(error)
    if isinstance(error, OSError):
        return _place(error) or _pointing(said, command)
    if type(error).__name__ == "MisconfigurationException":
        return _unlogged(said) or _pointing(said, command)
    if _own(error):
        return None
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in said:
        return _memory(said, command)
    return _checked(error, command)


def _checked(error: BaseException, command: str) -> str | None:
    """What Lightning, an optimiser or a schedule says by a `raise` of its own; all else that breaks there is a bug."""
    passed = _passed(error)
    frame, line = passed[-1]
    said, module = _line(error), _module(frame)
    raised = linecache.getline(frame.f_code.co_filename, line).lstrip().startswith("raise ")
    if module.startswith("torch.optim.") and (raised or isinstance(error, ArithmeticError)):
        return _optimizing([frame for frame, _ in passed], said)
    if not module.startswith(("pytorch_lightning.", "lightning_fabric.")):
        return None
    making = [_module(one) for one, _ in passed if one.f_code.co_name == "__init__"]
    refused = isinstance(error, ValueError | TypeError) and (raised or "pytorch_lightning.trainer.trainer" in making)
    refused |= isinstance(error, ImportError | AttributeError) and raised
    return _unlogged(said) or (_pointing(said, command) if refused else None)


def _own(error: BaseException) -> bool:
    """Whether it came through code of the user's own."""
    return any(_module(frame).partition(".")[0] not in _LIBRARIES for frame, _ in _passed(error))


_LIBRARIES = {
    *("bachlit", "pytorch_lightning", "lightning_fabric", "torch", "torchmetrics", "jsonargparse"),
    *("numpy", "packaging"),
    *sys.stdlib_module_names,
}


def _passed(error: BaseException) -> list[tuple[FrameType, int]]:
    """The frames and lines that an error came through, the one that raised it last."""
    return list(walk_tb(error.__traceback__))


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _place(error: OSError) -> str | None:
    if error.filename is None:
        return None
    return f"{error.filename} can't be used ({error.strerror}); expected a place to read or write; name another."


def _memory(said: str, command: str) -> str:
    size = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", said)
    less = "a smaller network, fewer lanes or a shorter window"
    if command not in ("fit", "validate", "test"):
        less = "a narrower beam, fewer particles or a smaller network"
    return f"There isn't so much memory{f' ({size[1]} more)' if size else ''}; expected less to fill it; take {less}."


def _optimizing(frames: list[FrameType], said: str) -> str | None:
    """What to say of an optimiser or a schedule of PyTorch's."""
    for frame in reversed(frames):
        one = frame.f_locals.get("self")
        if type(one).__module__.startswith("torch.optim"):
            option = "--model.optimizer" if isinstance(one, Optimizer) else "--model.lr_scheduler"
            return f"{type(one).__name__} can't work so ({said}); expected options that it can; correct {option}'s."
    return None


def _unlogged(said: str) -> str | None:
    """What Lightning says of a monitor, without what is in it for programmers."""
    from bachlit.training.checks import unlogged  # noqa: PLC0415  # Lightning is there if it has said anything

    for who, pattern in _WATCHERS.items():
        found = re.search(pattern, said)
        if found:
            return unlogged(who, found[1], re.findall(r"[`']([^`']+)[`']", found[2]))
    return None


_WATCHERS = {
    "ModelCheckpoint": r"ModelCheckpoint\(monitor='(.+?)'\).+returned metrics: \[(.*?)\]",
    "EarlyStopping": r"Early stopping conditioned on metric `(.+?)`.+any of the following: (.*)",
    "ReduceLROnPlateau": r"ReduceLROnPlateau conditioned on metric (\S+) .+metrics are: \[(.*?)\]",
}
