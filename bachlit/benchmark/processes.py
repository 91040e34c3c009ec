"""Cost of training one model in two processes, as a ratio to processes that exchange nothing."""

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
How = Literal["beside", "together"]
HOWS: tuple[How, ...] = ("beside", "together")
Job = tuple[Callable[[Encoding], Network], Sequence[Window]]
Rounds = dict[How, list[float]]
"""Seconds of the slower process per round, by how they trained."""


def processes(*, steps: int = 10, rounds: int = 8, lanes: Sequence[int] = (16, 50)) -> Iterator[str]:
    """Train in two processes of one thread, by turns beside each other and together (DDP).

    Both turns last as long as the slower process: the ratio counts what they exchange, and waiting for each other.

    Args:
        steps: Windows a round, of each process.
        rounds: Of each turn, after one to warm up. They last moments: whatever else a machine does slows all turns.
        lanes: How many of 125 tokens a window has. A step exchanges as many gradients whether it reads few or many.

    Yields:
        Lines of the report.
    """
    jobs = [(network, first_windows(steps, lanes=number)) for number in lanes for network in NETWORKS]
    yield f"{PROCESSES} processes of 1 thread, {steps} windows each, {rounds} rounds"
    for (network, windows), measured in zip(jobs, _measured(jobs, rounds), strict=True):
        size = windows[0].tokens.numel()
        yield from _report(f"{getattr(network, '__name__', 'network')}, {size} tokens", measured, size * len(windows))


def _report(name: str, measured: Rounds, tokens: int) -> Iterator[str]:
    for how in HOWS:
        yield f"{name:<23} {how:<17} {tokens / statistics.median(measured[how]):8.0f} tokens/s a process"
    ratios = [one / both for one, both in zip(measured["beside"], measured["together"], strict=True)]
    yield f"{name:<23} together / beside {statistics.median(ratios):8.3f}"


def _measured(jobs: Sequence[Job], rounds: int) -> list[Rounds]:
    """Train in new processes, which are started once for all jobs."""
    context = multiprocessing.get_context("spawn")
    ready, seconds = context.Barrier(PROCESSES), context.Array("d", PROCESSES)
    answers = context.SimpleQueue()
    given = jobs, rounds, _free_ports(len(jobs) * (rounds + 1)), ready, seconds, answers
    start_processes(_train, given, nprocs=PROCESSES)  # type: ignore[no-untyped-call]
    return [answers.get() for _ in jobs]


def _train(
    rank: int, jobs: Sequence[Job], rounds: int, ports: Sequence[int], ready: Any, seconds: Any, answers: Any
) -> None:
    """Run one of the processes; the first one answers."""
    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    # As Lightning's launcher tells the processes that it starts.
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "NODE_RANK": "0", "LOCAL_RANK": str(rank)}
    meetings = iter(ports)
    for network, windows in jobs:
        measured: Rounds = {how: [] for how in HOWS}
        for turn in range(rounds + 1):
            os.environ["MASTER_PORT"] = str(next(meetings))
            for how in HOWS:
                ready.wait()
                seconds[rank] = trainer_loop(network, windows, **_options(how))
                if how == "together":
                    distributed.destroy_process_group()
                ready.wait()
                if turn:
                    measured[how].append(max(seconds))
        if rank == 0:
            answers.put(measured)


def _options(how: How) -> dict[str, Any]:
    return {"devices": PROCESSES, "strategy": without_copies("ddp")} if how == "together" else {"devices": 1}


def _free_ports(number: int) -> list[int]:
    """Find one port per round: an early process might meet one that is about to leave."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
