"""Refusals of a request, as the service answers them."""

import sys
from pathlib import Path
from traceback import extract_tb

from bachlit.errors import BachlitError

STATUS = {
    "host": 400,
    "bad_request": 400,
    "token": 401,
    "origin": 403,
    "not_found": 404,
    "method": 405,
    "accept": 406,
    "slow": 408,
    "too_large": 413,
    "media_type": 415,
    "invalid": 422,
    "internal": 500,
    "worker_lost": 500,
    "busy": 503,
    "timeout": 504,
}
"""HTTP status of each code."""


class RefusedError(BachlitError):
    """Request that isn't answered as asked.

    Args:
        code: One of `STATUS`.
        sentence: What happened, what was expected, what to do; without paths.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[type["RefusedError"], tuple[str, str]]:
        """Keep the code when pickled between processes."""
        return type(self), (self.code, str(self))

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUS[self.code]

    def described(self) -> dict[str, str]:
        """Make the body of the answer.

        >>> RefusedError("busy", "All is busy.").described()
        {'error': 'All is busy.', 'code': 'busy'}
        """
        return {"error": str(self), "code": self.code}


def place_of(error: Exception) -> str:
    """Name an error's type and last lines of code; its words may be the user's."""
    frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
    return f"{type(error).__name__} at {', '.join(frames[-6:])}"


def fault(place: str) -> RefusedError:
    """Print the place of a fault of ours, and make the refusal for the client."""
    sys.stderr.write(f"bachlit: a request failed by a fault of bachlit's: {place}\n")
    return RefusedError(
        "internal", "bachlit failed by a fault of its own; expected an answer; please report what was sent."
    )
