"""Entry point: dispatch commands; print BachlitErrors as one line."""

import os
import re
import sys
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path

from bachlit.classes import working_folder
from bachlit.errors import BachlitError, OptionError, StoppedError
from bachlit.extras import require

_USAGE = """usage: bachlit COMMAND [options]

write music
  harmonize MELODY   four parts under a melody
  compose            chorales from nothing

use it from a browser or an app
  serve              a page and an HTTP service, also a listening test

look into music and the model
  check SCORE        faults of part-writing, and what Bach would hardly write
  plot SCORE         what it expects of each note, and its hidden units

judge what it makes
  evaluate           models and decoders on held-out pieces, beside Bach
  challenge report   what listeners found in the listening test

train and evaluate (PyTorch Lightning)
  fit                train a model
  validate, test     its figures on held-out pieces
  predict            decode many prompts
  sweep              search for good options by many fits
  export             a trained model as a folder to hand on
  runs               list the fits, with their best figures

bachlit COMMAND --help shows a command's options."""


def main(args: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        args: The words after `bachlit`; the process's own arguments if None.

    Returns:
        The exit code: 0, 1 if `check` found faults, 2 if the user has something to put right, or 128 plus the number of
        the signal that stopped it: 143 for SIGTERM, 130 for Ctrl-C, 141 if nobody reads the output on.
    """
    args = list(sys.argv[1:] if args is None else args)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # terminals can't show all file names
    if not args or args[0] in ("-h", "--help"):
        print(_USAGE)
        return 0 if args else 2
    if args[0] == "--version":
        print(version("bachlit"))
        return 0
    try:
        with warnings.catch_warnings(), working_folder():  # finds the user's own classes
            warnings.showwarning = lambda message, *_, **__: _tell(message)
            return _run(args[0], args[1:])
    except StoppedError as error:
        from pytorch_lightning.utilities import rank_zero_only  # noqa: PLC0415  # a fit has imported it

        rank_zero_only(_tell)(error)  # all processes stop together
        return error.code
    except BachlitError as error:
        _tell(error)
        return 2
    except (KeyboardInterrupt, BrokenPipeError) as error:
        return _broken_off(error)


_SHORT = ("check", "compose", "harmonize", "plot")
"""Commands after which nothing but files and printed lines stays."""


def script() -> int:
    """Run `bachlit`, as installed, in a process that does nothing else; see `main`.

    After a short command that loaded no module of the user's, it ends the process at once: to take PyTorch's modules
    apart lasts a third of a second. If what was printed can't be written, it returns, and Python reports that.
    """
    code = main()
    command, words = sys.argv[1:2], sys.argv[2:]
    if code in (0, 1) and command and command[0] in _SHORT and "torch" in sys.modules:
        from bachlit.commands.options import Words  # noqa: PLC0415  # every command has imported them
        from bachlit.internals import run_exit_functions  # noqa: PLC0415

        typed = Words.of(words)
        alone = all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())
        if alone and not (typed.configs or typed.modules or typed.has_own):
            run_exit_functions()
            with suppress(AttributeError, OSError, ValueError):  # no stream, or none that is open
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
    return code


def _broken_off(error: BaseException) -> int:
    """Return the exit code where the user stops a command, or what reads its output, such as `head`, ends."""
    if isinstance(error, KeyboardInterrupt):
        _tell("stopped.")
        return 130
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere
    return 141


_PLAIN = ("challenge", "check", "evaluate", "export", "harmonize", "plot", "runs", "serve", "sweep")
_ROOMS = {name: name for name in _PLAIN}
_ROOMS |= {"compose": "music"} | dict.fromkeys(("fit", "validate", "test", "predict"), "lightning")


def _run(command: str, args: list[str]) -> int:
    """Import the module of a command, run it, and return its exit code."""
    if command not in _ROOMS:
        raise OptionError(f"there is no command {command!r}; see bachlit --help.")
    foreign = [word for word in args if re.search("[\ud800-\udfff]", word)]  # from a system with another encoding
    if foreign:
        raise OptionError(f"{foreign[0]!r} isn't text; expected a name in UTF-8; rename the file.")
    if command == "sweep":
        require("optuna", "A sweep", extra="sweep")
    return import_module(f"bachlit.commands.{_ROOMS[command]}").run(command, args) or 0


def _tell(message: object) -> None:
    """Print a line on stderr, written at once: several processes may share it."""
    sys.stderr.write(f"bachlit: {message}\n")


if __name__ == "__main__":
    # With `python -m`: only typed modules may come from the working folder.
    if not sys.flags.safe_path and sys.path and Path(sys.path[0]) == Path.cwd():
        del sys.path[0]
    sys.exit(main())
