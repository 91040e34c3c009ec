"""Start Python programs by forking a process that has imported bachlit: a cold start takes eight seconds of a core.

`python()` names an executable that is called as Python is (`-m`, `-c`, a script) and behaves as a program that was
started so: its arguments, environment, folder, standard streams, signals and exit code are its own. It is a small
client of the process that forks (forking_server.py). Elsewhere than on Linux it is Python itself.
"""

import atexit
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

_SERVER = Path(__file__).with_name("forking_server.py")
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
    # Clients may connect from now on, and wait while the process that forks imports bachlit.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        command = [sys.executable, str(_SERVER), str(listener.fileno()), str(made / "python")]
        # It ends when this process does: its standard input is closed then. Its output is no file, in which programs
        # that get another would seek.
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, pass_fds=[listener.fileno()]
        )
    atexit.register(server.wait)
    assert server.stdin
    atexit.register(server.stdin.close)
    return made


def python() -> str:
    """Name an executable that runs Python programs in a process that has imported bachlit."""
    made = folder()
    return sys.executable if made is None else str(made / "python")
