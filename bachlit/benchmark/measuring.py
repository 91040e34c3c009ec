"""Seconds of code and of programs, interleaved, in their fastest rounds."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import NamedTuple

from bachlit.errors import BachlitError


@dataclass(frozen=True)
class Size:
    """Size of a run.

    Attributes:
        rounds: Turns of the things that are compared; the fastest counts.
        frames: Sixteenths of the one piece.
        looped: Sixteenths of a piece that the plain loop searches with a beam.
        together: Pieces written at once.
        cut: Sixteenths of each of them.
        alone: How many of them are written one by one.
        tunes: Folk tunes that Greedy harmonises; the default decoder harmonises a quarter of them.
        windows: Training windows of 16 lanes and 125 tokens in a turn of a loop.
        lanes: Of the windows.
        exchanged: Windows of each of two processes in a turn.
        passes: Turns of bare matrix products.
    """

    rounds: int = 2
    frames: int = 192
    looped: int = 32
    together: int = 64
    cut: int = 32
    alone: int = 4
    tunes: int = 16
    windows: int = 10
    lanes: int = 16
    exchanged: int = 5
    passes: int = 30


QUICK = Size(
    rounds=1, frames=16, looped=2, together=2, cut=4, alone=1, tunes=2, windows=2, lanes=2, exchanged=1,
    passes=2,
)  # fmt: skip
"""The same code on next to nothing."""


class Seconds(NamedTuple):
    """Seconds on the clock and of the processor, of all threads and, of a program, all its processes."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> "Seconds":
        """Read both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> "Seconds":
        """Seconds since these were read."""
        now = self.now()
        return Seconds(now.wall - self.wall, now.cpu - self.cpu)


class Cost(NamedTuple):
    """Cost of a program.

    Attributes:
        seconds: Of the program and the processes that it started.
        peak: Megabytes of the largest of these processes; NaN where the system doesn't tell.
    """

    seconds: Seconds
    peak: float


def fastest(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Time functions by turns; give each its fastest round, on the clock and of the processor.

    Whatever else a machine does only makes a turn slower, so the minimum is nearest to the cost.
    """
    return best_of({name: lambda run=run: _timed(run) for name, run in runs.items()}, rounds)  # type: ignore[misc]


def best_of(runs: Mapping[str, Callable[[], Seconds]], rounds: int) -> dict[str, Seconds]:
    """Run by turns what times itself, as `fastest` does.

    Every other round goes backwards, so that a machine that slows down favours none.
    """
    seconds: dict[str, list[Seconds]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name in list(runs)[:: -1 if turn % 2 else 1]:
            seconds[name].append(runs[name]())
    return {name: Seconds(*map(min, zip(*turns, strict=True))) for name, turns in seconds.items()}


def _timed(run: Callable[[], object]) -> Seconds:
    begun = Seconds.now()
    run()
    return begun.since()


# A small process starts the program: where a large one does, the system counts the starter's memory as the program's.
_STARTER = """
import json, os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
cpu = peak = None
if hasattr(os, "wait4"):
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
else:
    code = process.wait()
with open(sys.argv[1], "w") as file:
    json.dump([time.perf_counter() - begun, cpu, peak], file)
sys.exit(code != 0)
"""


def program(*words: str | Path, folder: Path) -> Cost:
    """Run Python with these words, in one thread, in a folder; what it prints is lost.

    Raises:
        BachlitError: If it fails.
    """
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "cost.json"
        command = [sys.executable, "-IS", "-c", _STARTER, answer, sys.executable, "-P", *words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
        if done.returncode:
            shown = " ".join(map(str, words))
            raise BachlitError(
                f"`python {shown}` failed ({done.stderr.strip()[-500:]}); expected it to run; run it alone."
            )
        wall, cpu, peak = (nan if value is None else value for value in json.loads(answer.read_text(encoding="utf-8")))
    return Cost(Seconds(wall, cpu), peak)


def bachlit(*words: str | Path, folder: Path) -> Cost:
    """Run a command of bachlit's, as `program` does and as its script would."""
    return program("-c", "import sys; from bachlit.__main__ import script; sys.exit(script())", *words, folder=folder)


def shortest(run: Callable[[], object], passes: int) -> float:
    """Processor seconds of the fastest pass of something that takes milliseconds, after one to warm up."""
    run()
    return min(_timed(run).cpu for _ in range(passes))
