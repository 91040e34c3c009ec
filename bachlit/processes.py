"""Spawn processes of our own, each with a pipe to this one."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any


def spawn(target: Callable[..., None], *args: Any) -> tuple[SpawnProcess, Connection]:
    """Start a process that runs a function, and ends with this one.

    Args:
        target: Called with the process's end of a pipe, then `args`; to be pickled, as these are.
        args: Further arguments.

    Returns:
        The process, and this end of the pipe.
    """
    context = multiprocessing.get_context("spawn")  # forking a process with threads can hang
    connection, its_end = context.Pipe()
    process = context.Process(target=target, args=(its_end, *args), daemon=True)
    with _interrupts_held():
        process.start()
    its_end.close()
    return process, connection


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, also from a process that is started meanwhile: it would print where it was."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
