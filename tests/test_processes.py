"""The pool of processes: what is lost with one, and how it ends."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from bachlit.processes import in_processes


def start(folder: Path) -> Callable[[Sequence[str]], Sequence[str]]:
    return partial(work, folder)


def work(folder: Path, part: Sequence[str]) -> Sequence[str]:
    for word in part:
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "fail":
            raise ValueError(word)
        if word == "write":
            half = folder / "half"
            try:
                half.touch()
                time.sleep(60)
            finally:
                half.unlink()
    return [f"{word} done" for word in part]


def test_a_process_that_is_killed_loses_one_item_alone(tmp_path: Path) -> None:
    parts = [["a", "die", "b"], ["c"], ["d", "e"]]
    done = list(in_processes(partial(start, tmp_path), parts, 2))
    assert sorted(item for part, _ in done for item in part) == ["a", "b", "c", "d", "die", "e"]
    for part, results in done:
        assert results == (None if part == ["die"] else [f"{word} done" for word in part])


def test_a_fault_in_a_process_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fail") as error:
        list(in_processes(partial(start, tmp_path), [["fail"], ["a"]], 1))
    assert "in work" in "".join(error.value.__notes__)


def test_processes_that_are_stopped_leave_nothing_half_written(tmp_path: Path) -> None:
    working = in_processes(partial(start, tmp_path), [["write"], ["a"]], 2)
    assert next(working) == (["a"], ["a done"])
    half = tmp_path / "half"
    while not half.exists():
        time.sleep(0.01)
    with suppress(KeyboardInterrupt):
        working.throw(KeyboardInterrupt)  # type: ignore[attr-defined]  # it is a generator
    assert not half.exists()
