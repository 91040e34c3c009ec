"""Watch what a process does while it reads what others wrote: `python audit.py trees|commands JOB.json`.

An audit hook can't be removed, so tests run this in a process of its own, and read what it prints: the events of each
case, as JSON.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# What starts a process, asks a network, or changes files: all that begins so.
_WATCHED = (
    *("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn"),
    *("socket.", "urllib.", "http.client", "ftplib.", "smtplib.", "webbrowser."),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "shutil."),
    *("ctypes.dlopen", "import"),
)
_HARMLESS = ("socket.gethostname", "socket.__new__")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_TEMPORARY = os.path.realpath(tempfile.gettempdir())  # not asked for within the hook: it opens files

_events: list[str] | None = None


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _events is None:
        return
    if event == "open":
        path, mode, flags = args
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING):
            _events.append(f"open for writing {_normal(path)}")
    elif event.startswith(_WATCHED) and event not in _HARMLESS:
        _events.append(f"{event} {_normal(args[0] if args else '')}")


def _normal(said: Any) -> str:
    """A place without what is drawn anew each time: parts of files, temporary folders, numbers."""
    text = str(said).replace(f"{_TEMPORARY}/", "TMP/")
    return re.sub(r"tmp[a-z0-9_]{8}|\.[0-9a-f]{8}\.part|\d+", "N", text)


def watched(act: Callable[[], object]) -> list[str]:
    """Do something, and give what was seen meanwhile."""
    global _events  # noqa: PLW0603  # a hook has no other way to be told
    silent = io.StringIO()
    _events = []
    try:
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            act()
    finally:
        seen, _events = _events, None
    return sorted(set(seen))


def trees(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Put remembered options through the check, and what passes through one parser, and make what it says."""
    from jsonargparse import ArgumentParser  # noqa: PLC0415

    from bachlit.commands.recalled import checked  # noqa: PLC0415
    from bachlit.errors import BachlitError  # noqa: PLC0415
    from bachlit.internals import careful_parsing  # noqa: PLC0415
    from bachlit.training.data import ChoraleDataModule  # noqa: PLC0415
    from bachlit.training.model import ChoraleModel  # noqa: PLC0415

    with careful_parsing([]):
        parser = ArgumentParser(exit_on_error=False)
        parser.add_class_arguments(ChoraleModel, "model")
        parser.add_class_arguments(ChoraleDataModule, "data")

        def read(options: Any) -> str:
            try:
                plain = checked(options, "a.ckpt")
            except BachlitError:
                return "refused"
            try:
                parser.instantiate_classes(parser.parse_object(plain))
            except Exception as error:  # what passes may still be nonsense
                return type(error).__name__
            return "made"

        for options in [job["sound"]] * 2:
            assert read(options) == "made"
        for options in [job["sound"], *job["cases"]]:
            ended: list[str] = []
            seen = watched(lambda options=options, ended=ended: ended.append(read(options)))
            yield {"ended": ended[0], "seen": seen}


def commands(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run commands as they are typed, in this process."""
    from bachlit.__main__ import main  # noqa: PLC0415

    def run(args: list[str], ended: list[Any]) -> None:
        try:
            ended.append(main(args))
        except SystemExit as error:
            ended.append(error.code)

    for args in job["cases"]:
        ended: list[Any] = []
        try:
            seen = watched(lambda args=args, ended=ended: run(args, ended))
            yield {"ended": ended[0], "seen": seen}
        except Exception as error:  # no command may end so
            yield {"ended": f"{type(error).__name__}: {error}", "seen": []}


if __name__ == "__main__":
    sys.addaudithook(_hook)
    asked = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    for line in {"trees": trees, "commands": commands}[sys.argv[1]](asked):
        print(json.dumps(line), flush=True)
