"""Fork programs for the clients that `forking` makes: this process imports bachlit, once."""

import array
import atexit
import contextlib
import gc
import io
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric.utilities.rank_zero import _get_rank, rank_zero_only

_NUM_STREAMS = 3


class _Server:
    """Forks programs for clients, one connection each, until standard input ends."""

    def __init__(self, listener: int, executable: str) -> None:
        self._executable = executable
        self._listener = socket.socket(fileno=listener)
        self._programs: dict[int, socket.socket] = {}  # by process
        self._wake, wakes = socket.socketpair()
        for end in (self._wake, wakes):
            end.setblocking(False)
        self._wakes = wakes
        signal.set_wakeup_fd(wakes.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: its reader ends first

    def run(self) -> None:
        while True:
            waiting = [sys.stdin.fileno(), self._listener, self._wake, *self._programs.values()]
            ready, _, _ = select.select(waiting, [], [])
            if sys.stdin.fileno() in ready:
                for process in self._programs:
                    os.kill(process, signal.SIGKILL)
                return
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    self._wake.recv(4096)
                self._reap()
            for process, connection in list(self._programs.items()):
                if connection in ready:
                    self._forward(process, connection)
            if self._listener in ready:
                self._fork(self._listener.accept()[0])

    def _reap(self) -> None:
        while self._programs:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            connection = self._programs.pop(process)
            with contextlib.suppress(OSError):  # it was killed
                connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))
            connection.close()

    def _forward(self, process: int, connection: socket.socket) -> None:
        try:
            numbers = connection.recv(64)
        except OSError:
            numbers = b""
        with contextlib.suppress(ProcessLookupError):
            for number in numbers or [signal.SIGKILL]:
                os.kill(process, number)
        if not numbers:
            os.waitpid(process, 0)
            self._programs.pop(process).close()

    def _fork(self, connection: socket.socket) -> None:
        try:
            length, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(_NUM_STREAMS * array.array("i").itemsize))
            streams = array.array("i")
            for _, _, data in ancillary:
                streams.frombytes(data)
            said = b""
            while len(said) < int.from_bytes(length, "big"):
                said += connection.recv(2**16)
        except OSError:
            connection.close()
            return
        process = os.fork()
        if process:
            self._programs[process] = connection
            for stream in streams:
                os.close(stream)
            return
        signal.set_wakeup_fd(-1)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        for one in (self._listener, self._wake, self._wakes, connection, *self._programs.values()):
            one.close()
        os._exit(_program(json.loads(said), self._executable))


def _program(asked: dict[str, Any], executable: str) -> int:
    """Be the program that a client asked for.

    Returns:
        Its exit code.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    rank_zero_only.rank = _get_rank() or 0  # by the environment, as when Lightning is imported
    sys.executable = executable  # so its own programs are forked, too
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))  # type: ignore[assignment]
    random.seed()
    np.random.seed()  # noqa: NPY002  # as a program starts that seeds nothing
    code = 0
    try:
        _interpret(asked["args"])()
    except SystemExit as error:
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        code = -signal.SIGINT
    except BaseException:  # whatever ends a program
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # what an interpreter does at its end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code & 0xFF


def _interpret(words: list[str]) -> Callable[[], object]:
    """Give what Python does when it is called with these words."""
    safe = "PYTHONSAFEPATH" in os.environ
    while words[0] in ("-u", "-P", "-W"):
        safe |= words[0] == "-P"
        if words[0] == "-W":
            assert words.pop(1) == "ignore"
            warnings.simplefilter("ignore")
        words = words[1:]
    kind, *rest = words
    first = {"-m": str(Path.cwd()), "-c": ""}.get(kind, str(Path(kind).resolve().parent))
    sys.path[:] = [*([] if safe else [first]), *sys.path[1:]]
    if kind == "-m":
        sys.argv[:] = ["-m", *rest[1:]]
        return lambda: runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    if kind == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        main = sys.modules["__main__"]
        vars(main).update(__name__="__main__", __spec__=None)
        vars(main).pop("__file__", None)
        return lambda: exec(compile(rest[0], "<string>", "exec"), vars(main))
    sys.argv[:] = [kind, *rest]
    return lambda: runpy.run_path(kind, run_name="__main__")


def _serve(listener: str, executable: str) -> None:
    server = _Server(int(listener), executable)
    commands = ("evaluate", "harmonize", "music", "sweep", "task", "train")
    heavy = ("api", "callbacks", "evaluation.page", "evaluation.reports", "models.inspecting")
    for name in (*heavy, *(f"commands.{command}" for command in commands)):
        import_module(f"bachlit.{name}")
    gc.collect()
    gc.freeze()
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads can't be forked"  # noqa: PTH208
    server.run()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
