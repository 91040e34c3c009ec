"""Loading heavy libraries, with a notice at a terminal."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer


@contextmanager
def loading() -> Iterator[None]:
    """Print at a terminal, after a second, that libraries are being loaded.

    Libraries make hundreds of thousands of objects, and keep them. While PyTorch is loaded, Python looks for no
    garbage among them, and never again afterwards: half a second of a command, a third of it at its end.
    """
    notice = Timer(1.0, print, ["Loading PyTorch ..."], {"file": sys.stderr, "flush": True})
    if sys.stderr.isatty():
        notice.start()
    pausing = gc.isenabled() and "torch" not in sys.modules  # else there is music to look through, and little to gain
    if pausing:
        gc.disable()
    try:
        yield
    finally:
        notice.cancel()
        if pausing:
            gc.freeze()
            gc.enable()
