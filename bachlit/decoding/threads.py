"""How decoders run on a processor: without gradients, and on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def stepping() -> Iterator[None]:
    """Run without gradients and on one thread of the processor.

    A step is many small operations: several threads that wait for each other at each of them take three times as long,
    and a hundred times on cores that have other work.
    """
    threads = torch.get_num_threads()  # of the thread that calls; others have their own
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
