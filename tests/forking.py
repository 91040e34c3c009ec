"""Start Python programs by forking a process that has imported bachlit: a cold start takes eight seconds of a core.

`python()` names an executable that is called as Python is (`-m`, `-c`, a script) and behaves as a program that was
started so: its arguments, environment, folder, standard streams, signals and exit code are its own. It is a small
client of the process that forks. Elsewhere than on Linux it is Python itself.
"""

import array
import atexit
import contextlib
import functools
import gc
import io
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
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

# Runs without site-packages, in some milliseconds. Whoever kills it kills the program, since the connection ends.
_CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys

connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
for number in {signals!r}:
    signal.signal(number, lambda number, _: connection.send(bytes([number])))
streams = []
for number in range(3):
    try:
        streams.append(os.dup(number))
    except OSError:
        streams.append(os.open(os.devnull, os.O_RDWR))
said = json.dumps({{"args": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}).encode()
connection.sendmsg([len(said).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))])
connection.sendall(said)
for number in streams:
    os.close(number)
status = connection.recv(8)
code = int.from_bytes(status, "big", signed=True) if status else 1
if code < 0:
    if -code in {signals!r}:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""
_SHARED = "BACHLIT_TESTS_FORKING"
_FORWARDED = [int(number) for number in (signal.SIGINT, signal.SIGTERM)]


def share() -> None:
    """Start the process that forks for this process and those that it starts, such as pytest's workers."""
    made = folder()
    if made is not None:
        os.environ[_SHARED] = str(made)


@functools.cache
def folder() -> Path | None:
    """Start the process that forks, once; its folder holds `python`, `python3` and `bachlit`. None off Linux."""
    if sys.platform != "linux":
        return None
    if _SHARED in os.environ:
        return Path(os.environ[_SHARED])
    place = tempfile.TemporaryDirectory(prefix="forking-")
    atexit.register(place.cleanup)
    made = Path(place.name)
    address = str(made / "socket")
    client = _CLIENT.format(python=sys.executable, address=address, signals=_FORWARDED)
    for name in ("python", "python3"):
        (made / name).write_text(client)
        (made / name).chmod(0o755)
    (made / "bachlit").write_text(f'#!/bin/sh\nexec {made}/python -m bachlit "$@"\n')
    (made / "bachlit").chmod(0o755)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, address, str(made / "python")]
    # It ends when this process does: its standard input is closed then.
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    atexit.register(server.wait)
    assert server.stdin
    atexit.register(server.stdin.close)
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    return made


def python() -> str:
    """Name an executable that runs Python programs in a process that has imported bachlit."""
    made = folder()
    return sys.executable if made is None else str(made / "python")


class _Server:
    """Forks programs for clients, one connection each, until standard input ends."""

    def __init__(self, address: str, executable: str) -> None:
        self._executable = executable
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
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


def _serve(address: str, executable: str) -> None:
    server = _Server(address, executable)
    sys.stdout.write("ready\n")  # clients may ask from now on, and wait
    sys.stdout.flush()
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
