"""The pool of processes: what is lost with one, and how it ends."""

import multiprocessing
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


def broken(folder: Path) -> Callable[[Sequence[str]], Sequence[str]]:
    raise ValueError(f"nothing to work with in {folder.name}")


def test_a_process_that_cant_start_tells_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to work with"):
        list(in_processes(partial(broken, tmp_path), [["a"], ["b"]], 2))


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    half = tmp_path / "half"
    parent = multiprocessing.get_context("spawn").Process(target=_work_in_processes, args=(tmp_path,))
    parent.start()
    while not half.exists():
        time.sleep(0.01)
    parent.kill()
    parent.join()
    deadline = time.monotonic() + 20  # the part itself would take a minute
    while half.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not half.exists()


def _work_in_processes(folder: Path) -> None:
    list(in_processes(partial(start, folder), [["write"]], 1))


def test_processes_that_are_stopped_leave_nothing_half_written(tmp_path: Path) -> None:
    working = in_processes(partial(start, tmp_path), [["write"], ["a"]], 2)
    assert next(working) == (["a"], ["a done"])
    half = tmp_path / "half"
    while not half.exists():
        time.sleep(0.01)
    with suppress(KeyboardInterrupt):
        working.throw(KeyboardInterrupt)  # type: ignore[attr-defined]  # it is a generator
    assert not half.exists()
