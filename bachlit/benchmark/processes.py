"""Cost of training one model in two processes, as a ratio to processes that exchange nothing."""

import logging
import os
import statistics
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing
from torch.multiprocessing.spawn import spawn

from bachlit.benchmark.training import NETWORKS, first_windows, trainer_loop
from bachlit.training.processes import without_copies
from bachlit.training.windows import Window

_PROCESSES = 2
_Job = tuple[str, Sequence[Window]]  # a network's name, and what it is trained on
_Seconds = dict[str, list[float]]  # of the slower process per round, by how they trained


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
    yield f"{_PROCESSES} processes of 1 thread, {steps} windows each, {rounds} rounds"
    answers = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        given = jobs, rounds, Path(folder) / "meeting", answers
        spawn(_train, given, nprocs=_PROCESSES)  # type: ignore[no-untyped-call]
    for network, windows in jobs:
        measured: _Seconds = answers.get()
        size = windows[0].tokens.numel()
        name = f"{network}, {size} tokens"
        for how, seconds in measured.items():
            yield f"{name:<23} {how:<17} {size * steps / statistics.median(seconds):8.0f} tokens/s a process"
        ratios = [beside / together for beside, together in zip(*measured.values(), strict=True)]
        yield f"{name:<23} together / beside {statistics.median(ratios):8.3f}"


def _train(rank: int, jobs: Sequence[_Job], rounds: int, meeting: Path, answers: Any) -> None:
    """Run one of the processes; the first one answers."""
    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    # As Lightning's launcher tells the processes that it starts.
    os.environ |= {"NODE_RANK": "0", "LOCAL_RANK": str(rank)}
    distributed.init_process_group("gloo", init_method=meeting.as_uri(), rank=rank, world_size=_PROCESSES)
    for network, windows in jobs:
        measured: _Seconds = {"beside": [], "together": []}
        for _ in range(rounds + 1):
            for how in measured:
                ddp = {"devices": _PROCESSES, "strategy": without_copies("ddp")}
                distributed.barrier()
                options = ddp if how == "together" else {"devices": 1}
                seconds = torch.tensor(trainer_loop(NETWORKS[network], windows, **options))
                distributed.all_reduce(seconds, distributed.ReduceOp.MAX)
                measured[how].append(seconds.item())
        if rank == 0:
            answers.put({how: seconds[1:] for how, seconds in measured.items()})
    distributed.destroy_process_group()
