"""Run a trial: a `bachlit fit` in its own process.

It reports its metric to the sweep, which answers whether to stop. The two talk by standard output and input: a fit
needs neither Optuna nor the study, and notices the end of its sweep.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bachlit.errors import BachlitError

FIT = [sys.executable, "-m", "bachlit", "fit"]

UNDER_A_SWEEP = "BACHLIT_SWEEP"
"""Environment variable of a sweep's fits."""

_MARK = b"bachlit-figure "
_STOP, _GO_ON = b"stop\n", b"go on\n"


class Figure(NamedTuple):
    """The monitored metric after a validation; `epoch` counts finished epochs."""

    value: float
    epoch: float


def tell(figure: Figure) -> bool:
    """Report a figure, from within the fit.

    Returns:
        Whether the fit is to stop.

    Raises:
        BachlitError: If the sweep has ended.
    """
    try:
        # Past Python's own streams, which a progress bar or W&B may hold; on its own line.
        os.write(1, b"\n" + _MARK + json.dumps(figure).encode() + b"\n")
        answer = os.read(0, len(_GO_ON))
    except OSError:
        answer = b""
    if answer not in (_STOP, _GO_ON):
        raise BachlitError("The sweep that this fit belongs to has ended, so the fit has, too; start the sweep again.")
    return answer == _STOP


class Outcome(NamedTuple):
    """Outcome of a fit: its best figure, and why it failed.

    `pruned` means that it was stopped early, `refused` that the sentence is the fit's own.
    """

    value: float | None = None
    epoch: float | None = None
    sentence: str = ""
    pruned: bool = False
    refused: bool = False


class Fit:
    """Running fit, with the words of its command line and the log of its output."""

    def __init__(self, words: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        with log.open("ab") as file:  # the fit's output is added to it, too
            # In its own session, so that the sweep alone gets Ctrl-C, and then ends the fit.
            self._process = subprocess.Popen(
                [*FIT, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                # The working folder may hold a folder `bachlit`, such as its source: it isn't the installed one.
                env={**os.environ, **environment, UNDER_A_SWEEP: "1", "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )

    def follow(self, report: Callable[[Figure], bool], *, maximise: bool = False) -> Outcome:
        """Wait for its end. `report` gets each figure, and returns whether to stop the fit."""
        assert self._process.stdin
        assert self._process.stdout
        figures: list[Figure] = []
        pruned, broken = False, ""
        with self._log.open("ab", buffering=0) as log, self._process:
            for line in self._process.stdout:
                if not line.startswith(_MARK):
                    log.write(line if line.strip() else b"")  # an empty one comes before each mark
                    continue
                figure = Figure(*json.loads(line.removeprefix(_MARK)))
                if math.isfinite(figure.value):
                    figures.append(figure)
                    pruned = report(figure)
                else:
                    broken = f"The monitored metric became {figure.value} after {figure.epoch:g} epochs."
                try:
                    self._process.stdin.write(_STOP if pruned or broken else _GO_ON)
                    self._process.stdin.flush()
                except OSError:  # it ended meanwhile
                    break
        code = self._process.returncode
        sentence = broken or (_last_words(self._log, code) if code else "")
        if not figures and not sentence:
            sentence = "The fit reported no metric; expected one validation at least."
        value, epoch = (max if maximise else min)(figures) if figures else (None, None)
        return Outcome(value, epoch, sentence, pruned, refused=code > 0 and not broken)

    def kill(self) -> None:
        """End it at once, with all processes that it started."""
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()


def environment(worker: int, workers: int) -> dict[str, str]:
    """Share threads between fits, unless OMP_NUM_THREADS is set, and give each a GPU in turn."""
    if workers == 1:
        return {}
    import torch  # noqa: PLC0415  # takes seconds, which one worker needn't wait

    given = {}
    if "OMP_NUM_THREADS" not in os.environ:
        given["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // workers))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else [str(index) for index in range(torch.cuda.device_count())]
    if gpus and visible != "":
        given["CUDA_VISIBLE_DEVICES"] = gpus[worker % len(gpus)]
    return given


def _last_words(log: Path, code: int) -> str:
    """Say why a fit failed, by the last error in its log."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (if it wasn't you, the machine may have run out of memory)" if name == "SIGKILL" else ""
        return f"The fit was ended by {name}{hint}."
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("bachlit: ") or re.match(r"[\w.]*(Error|Exception)\b", line)]
    last = (errors or lines or [f"The fit ended with exit code {code}."])[-1]
    return last.removeprefix("bachlit: ")
