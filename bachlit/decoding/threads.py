"""How decoders run on a processor: without gradients, and on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

_LOCK = Lock()
_inside = 0
_threads_outside = 1


@contextmanager
def stepping() -> Iterator[None]:
    """Run without gradients and on one thread of the processor.

    A step is thousands of small operations: several threads that wait for each other at each of them take three times
    as long, and a hundred times on cores that have other work. The number of threads is the process's; the last
    decoder to leave restores it.
    """
    global _inside, _threads_outside  # noqa: PLW0603  # PyTorch's number is the process's too
    with _LOCK:
        if not _inside:
            _threads_outside = torch.get_num_threads()
            torch.set_num_threads(1)
        _inside += 1
    try:
        with torch.inference_mode():
            yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                torch.set_num_threads(_threads_outside)
