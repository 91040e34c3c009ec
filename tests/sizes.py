"""How much a test repeats: all of it where BACHLIT_TESTS is `large`, as in `.ci/run`, else a share."""

import os

LARGE = os.environ.get("BACHLIT_TESTS") == "large"


def size(large: int, small: int) -> int:
    """How many seeds, draws or pieces a law is tried on."""
    return large if LARGE else small
