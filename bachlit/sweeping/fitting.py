"""One trial: a `bachlit fit` in a process of its own, which is told when to stop."""

import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bachlit.sweeping.telling import UNDER_A_SWEEP, Figure, answer, heard

FIT = [sys.executable, "-m", "bachlit", "fit"]


@dataclass(frozen=True)
class Outcome:
    """How a fit ended.

    Args:
        best: The best figure that it told, and after how many epochs; None if it told none.
        sentence: Why it failed; nothing if it didn't.
        pruned: Whether it was stopped before its end.
        refused: Whether the sentence is what the fit itself said.
    """

    best: Figure | None
    sentence: str = ""
    pruned: bool = False
    refused: bool = False


class Fit:
    """A fit that is running.

    Args:
        words: The options of `bachlit fit`.
        log: The file that gets what it says.
        environment: Variables beside those of this process.
    """

    def __init__(self, words: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            # In a session of its own, so that Ctrl-C is heard by the sweep alone, which then ends the fit.
            self._process = subprocess.Popen(
                [*FIT, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                # Where one works there may be a folder `bachlit`, such as its source: it isn't what is installed.
                env={**os.environ, **environment, UNDER_A_SWEEP: "1", "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )

    def follow(self, report: Callable[[Figure], bool], *, maximise: bool = False) -> Outcome:
        """Wait for its end.

        Args:
            report: Given each figure that it tells, says whether to stop it.
            maximise: Whether high figures are good.
        """
        assert self._process.stdin
        assert self._process.stdout
        best: Figure | None = None
        pruned, broken = False, ""
        with self._log.open("ab", buffering=0) as log, self._process:
            for line in self._process.stdout:
                figure = heard(line)
                if figure is None:
                    log.write(line)
                    continue
                if not math.isfinite(figure.value):
                    broken = f"The monitored figure became {figure.value} after {figure.epoch:g} epochs."
                else:
                    pruned = report(figure)
                    sign = -1 if maximise else 1
                    if best is None or sign * figure.value < sign * best.value:
                        best = figure
                try:
                    self._process.stdin.write(answer(stop=pruned or bool(broken)))
                    self._process.stdin.flush()
                except OSError:  # it ended meanwhile
                    break
        code = self._process.returncode
        if code or broken:
            return Outcome(best, broken or _last_words(self._log, code), refused=code > 0 and not broken)
        if best is None:
            return Outcome(best, "The fit told no figure; expected it to validate at least once.")
        return Outcome(best, pruned=pruned)

    def kill(self) -> None:
        """End it at once, with all processes that it started."""
        try:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        except ProcessLookupError:
            pass


def environment(worker: int, workers: int) -> dict[str, str]:
    """What keeps fits that run at once out of each other's way.

    Each gets its share of the processor's threads, unless OMP_NUM_THREADS says how many, and one of the GPUs in turn.

    Args:
        worker: Which of the places it has, from 0.
        workers: How many fits run at once.
    """
    if workers == 1:
        return {}
    import torch  # noqa: PLC0415  # seconds that a sweep of one worker needn't wait

    given = {}
    if "OMP_NUM_THREADS" not in os.environ:
        given["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // workers))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else [str(index) for index in range(torch.cuda.device_count())]
    if gpus and visible != "":
        given["CUDA_VISIBLE_DEVICES"] = gpus[worker % len(gpus)]
    return given


def _last_words(log: Path, code: int) -> str:
    """Why a fit failed, by the last line that it said."""
    if code < 0:
        name = signal.Signals(-code).name
        told = " (if it wasn't you, the machine may have run out of memory)" if name == "SIGKILL" else ""
        return f"The fit was ended by {name}{told}."
    said = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in said if line.startswith("bachlit: ") or re.match(r"[\w.]*(Error|Exception)\b", line)]
    last = (errors or said or [f"The fit ended with exit code {code}."])[-1]
    return last.removeprefix("bachlit: ")
