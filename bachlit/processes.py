"""Processes of our own: each with a pipe to this one, alone or in a pool."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from traceback import format_exc
from types import FrameType
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_PATIENCE = 5.0  # seconds in which a process removes what it has half written


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


def in_processes(
    start: Callable[[], Callable[[Sequence[Item]], Sequence[Result]]], parts: Sequence[Sequence[Item]], num: int
) -> Iterator[tuple[Sequence[Item], Sequence[Result] | None]]:
    """Work on parts of the work in processes; the next part goes to the process that is free first.

    A process that is killed, as when memory runs out, is replaced. Its part is tried again item by item, each in the
    last place; an item alone whose process is killed is given up.

    Args:
        start: Called once per process: makes what works on a part. To be pickled.
        parts: Items that are worked on together. The longest should come first.
        num: Number of processes.

    Yields:
        Parts as they are done, with their results; None for an item that is given up.
    """
    waiting, idle, busy = deque(parts), list[_Worker](), dict[object, tuple[_Worker, Sequence[Item]]]()
    try:
        while waiting or busy:
            while waiting and len(busy) < num:
                worker, part = idle.pop() if idle else _Worker(start), waiting.popleft()
                busy[worker.connection] = worker, part
                worker.give(part)
            for ready in wait([worker.connection for worker, _ in busy.values()]):
                worker, part = busy.pop(ready)
                try:
                    results = worker.take()
                    idle.append(worker)
                except (EOFError, OSError):
                    worker.stop()
                    results = None
                if results is None and len(part) > 1:
                    waiting.extend([item] for item in part)
                else:
                    yield part, results
    finally:
        left = [*idle, *(worker for worker, _ in busy.values())]
        for worker in left:
            worker.end()
        for worker in left:
            worker.stop()


class _Worker:
    """Process that works on one part after another."""

    def __init__(self, start: Callable[[], Any]) -> None:
        self._process, self.connection = spawn(_serve, start)

    def give(self, part: Sequence[Any]) -> None:
        """Send a part; that the process is gone is noticed when its results are taken."""
        with suppress(OSError):
            self.connection.send(part)

    def take(self) -> Sequence[Any]:
        """Receive the results of a part, or raise what it raised.

        Raises:
            EOFError: If the process is gone.
        """
        results, error = self.connection.recv()
        if error is not None:
            raise error
        return results  # type: ignore[no-any-return]

    def end(self) -> None:
        """Tell the process to end."""
        self._process.terminate()

    def stop(self) -> None:
        """Wait until the process has ended."""
        self.connection.close()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(connection: Connection, start: Callable[[], Callable[[Sequence[Any]], Sequence[Any]]]) -> None:
    """Work on parts until the other process wants no more, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    signal.signal(signal.SIGTERM, _interrupt)
    Thread(target=_end_with_parent, daemon=True).start()
    work: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    with suppress(KeyboardInterrupt, EOFError, OSError):
        while True:
            part = connection.recv()
            answer: tuple[Sequence[Any] | None, Exception | None]
            try:
                work = work or start()
                answer = work(part), None
            except Exception as error:  # for the first process to raise
                error.add_note(format_exc())
                answer = None, error
            connection.send(answer)


def _end_with_parent() -> None:
    """Interrupt this process once the one that started it is gone, in the middle of a part, too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End like Ctrl-C, which leaves nothing half-written."""
    raise KeyboardInterrupt
