"""Loading heavy libraries, with a notice at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer


@contextmanager
def loading() -> Iterator[None]:
    """Print at a terminal, after a second, that libraries are being loaded."""
    notice = Timer(1.0, print, ["Loading PyTorch ..."], {"file": sys.stderr, "flush": True})
    if sys.stderr.isatty():
        notice.start()
    try:
        yield
    finally:
        notice.cancel()
