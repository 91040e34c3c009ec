"""Cost of training one model in two processes, as a ratio to processes that exchange nothing."""

import logging
import os
import statistics
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing
from torch.multiprocessing.spawn import spawn

from bachlit.benchmark.measuring import Size
from bachlit.benchmark.report import Report
from bachlit.benchmark.training import NETWORKS, first_windows, trainer_loop
from bachlit.training.processes import without_copies
from bachlit.training.windows import Window

_PROCESSES = 2
_HOW = ("beside", "together")
_Seconds = dict[str, list[float]]  # of the slower process per round, by how they trained


def processes(size: Size, report: Report) -> None:
    """Report the speed of two processes of one thread together (DDP), against two beside each other.

    Both turns last as long as the slower process: the ratio counts what they exchange, and waiting for each other.
    """
    windows = first_windows(size.exchanged, lanes=size.lanes)
    num, rounds = windows[0].tokens.numel(), size.rounds + 2
    report.begin(
        "processes",
        f"{_PROCESSES} processes of one thread train on {len(windows)} windows of {num} tokens each; seconds on the "
        f"clock, medians of {rounds} rounds",
    )
    answers = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        given = windows, rounds, Path(folder) / "meeting", answers
        spawn(_train, given, nprocs=_PROCESSES)  # type: ignore[no-untyped-call]
    for network in NETWORKS:
        measured: _Seconds = answers.get()
        apart, together = (len(windows) * num / statistics.median(measured[how]) for how in _HOW)
        ratios = [beside / exchanging for beside, exchanging in zip(*(measured[how] for how in _HOW), strict=True)]
        report.row(
            network,
            "exchanging gradients, and not; tokens a second of each",
            apart_tokens_per_s=apart,
            together_tokens_per_s=together,
            together_as_fast_times=statistics.median(ratios),
        )


def _train(rank: int, windows: Sequence[Window], rounds: int, meeting: Path, answers: Any) -> None:
    """Run one of the processes; the first one answers."""
    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    # As Lightning's launcher tells the processes that it starts.
    os.environ |= {"NODE_RANK": "0", "LOCAL_RANK": str(rank)}
    distributed.init_process_group("gloo", init_method=meeting.as_uri(), rank=rank, world_size=_PROCESSES)
    for network in NETWORKS.values():
        measured: _Seconds = {how: [] for how in _HOW}
        for _ in range(rounds + 1):
            for how in _HOW:
                ddp = {"devices": _PROCESSES, "strategy": without_copies("ddp")}
                distributed.barrier()
                options = ddp if how == "together" else {"devices": 1}
                seconds = torch.tensor(trainer_loop(network, windows, **options).wall)
                distributed.all_reduce(seconds, distributed.ReduceOp.MAX)
                measured[how].append(seconds.item())
        if rank == 0:
            answers.put({how: seconds[1:] for how, seconds in measured.items()})
    distributed.destroy_process_group()
