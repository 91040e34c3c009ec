"""What it costs two processes to train one model together, as ratios to processes that know nothing of each other."""

import contextlib
import logging
import os
import socket
import statistics
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import torch
from torch import distributed, multiprocessing
from torch.multiprocessing.spawn import start_processes

from bachlit.benchmark.training import NETWORKS, first_windows, trainer_loop
from bachlit.encoding import Encoding
from bachlit.networks import Network
from bachlit.training.processes import without_copies
from bachlit.training.windows import Window

PROCESSES = 2
How = Literal["alone", "beside", "together"]
HOWS: tuple[How, ...] = ("alone", "beside", "together")
Rounds = dict[How, list[float]]
"""Seconds that each round took the slower of the processes, by how they trained."""


def processes(*, steps: int, rounds: int, lanes: Sequence[int]) -> Iterator[str]:
    """Let two processes of one thread train, by turns: one alone, each by itself, and both together (DDP).

    The two cores of a machine are seldom equally fast, and those that train together go at the slower one's pace; so
    do, in what is compared, those beside each other. What is left is what they say to each other, and the waiting for
    who happens to be late.

    Args:
        steps: Windows a round, of each process.
        rounds: Of each turn, after one to warm up. They last moments: whatever else a machine does slows all turns.
        lanes: How many of 125 tokens a window has. A step exchanges as many gradients whether it reads few or many.

    Yields:
        Lines of the report.
    """
    for number in lanes:
        windows = first_windows(steps, lanes=number)
        size = windows[0].tokens.numel()
        yield f"{PROCESSES} processes of 1 thread, {len(windows)} windows of {size} tokens each, {rounds} rounds"
        for network in NETWORKS:
            measured = _measured(network, windows, rounds)
            yield from _report(getattr(network, "__name__", "network"), measured, size * len(windows))


def _report(name: str, measured: Rounds, tokens: int) -> Iterator[str]:
    for how in HOWS:
        speed = tokens / statistics.median(measured[how])
        yield f"{name:<10} {how:<10} {speed:8.0f} tokens/s a process"
    for how in ("alone", "beside"):
        ratios = [one / both for one, both in zip(measured[how], measured["together"], strict=True)]
        each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        yield f"{name:<10} together / {how:<7} {statistics.median(ratios):8.3f} (rounds: {each})"


def _measured(network: Callable[[Encoding], Network], windows: Sequence[Window], rounds: int) -> Rounds:
    context = multiprocessing.get_context("spawn")
    ready, seconds = context.Barrier(PROCESSES), context.Array("d", PROCESSES)
    answers = context.SimpleQueue()
    given = network, windows, _free_ports(rounds + 1), ready, seconds, answers
    start_processes(_train, given, nprocs=PROCESSES)  # type: ignore[no-untyped-call]
    return answers.get()  # type: ignore[no-any-return]


def _train(
    rank: int,
    network: Callable[[Encoding], Network],
    windows: Sequence[Window],
    ports: Sequence[int],
    ready: Any,
    seconds: Any,
    answers: Any,
) -> None:
    """What one of the processes does; the first one answers."""
    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    # As Lightning's launcher tells the processes that it starts.
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "NODE_RANK": "0", "LOCAL_RANK": str(rank)}
    measured: Rounds = {how: [] for how in HOWS}
    for turn, port in enumerate(ports):
        os.environ["MASTER_PORT"] = str(port)
        for how in HOWS:
            ready.wait()
            idle = how == "alone" and rank > 0
            seconds[rank] = 0.0 if idle else trainer_loop(network, windows, **_options(how))
            if how == "together":
                distributed.destroy_process_group()
            ready.wait()
            if turn:
                measured[how].append(max(seconds))
    if rank == 0:
        answers.put(measured)


def _free_ports(number: int) -> list[int]:
    """One for each meeting: who came early might meet those who are about to leave."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _options(how: How) -> dict[str, Any]:
    return {"devices": PROCESSES, "strategy": without_copies("ddp")} if how == "together" else {"devices": 1}
