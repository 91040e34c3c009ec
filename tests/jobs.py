"""Jobs for workers of the service, in a module that spawned processes find."""

import os
import signal
import time
from typing import Any


def echo(word: str, *, models: Any, watch: Any) -> str:
    return f"{word} by {type(models(None)).__name__}"


def steps(number: int, *, models: Any, watch: Any) -> int:
    """Work that can be broken off: as many steps of 20 ms."""
    watch.expect(number)
    for _ in range(number):
        watch.count(1)
        time.sleep(0.02)
    return os.getpid()


def stuck(seconds: float, *, models: Any, watch: Any) -> None:
    """Work that can't be broken off."""
    time.sleep(seconds)


def die(*, models: Any, watch: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(secret: str, *, models: Any, watch: Any) -> None:
    raise ValueError(secret)
