"""What a fit and the sweep that started it tell each other: figures on standard output, answers on standard input.

So a fit needs neither Optuna nor the study, and notices when the sweep is gone.
"""

import json
import os
from typing import NamedTuple

from bachlit.errors import BachlitError

UNDER_A_SWEEP = "BACHLIT_SWEEP"
"""The environment variable that a fit of a sweep has."""

_MARK = b"bachlit-figure "
_STOP, _GO_ON = b"stop\n", b"go on\n"


class Figure(NamedTuple):
    """The monitored figure after a validation; `epoch` counts finished epochs."""

    value: float
    epoch: float


def tell(figure: Figure) -> bool:
    """Tell the sweep a figure.

    Returns:
        Whether the fit is to stop.

    Raises:
        BachlitError: If there is no sweep any more.
    """
    try:
        # Past Python's own streams, which a progress bar or W&B may hold; on a line of its own.
        os.write(1, b"\n" + _MARK + json.dumps(figure).encode() + b"\n")
        answer = os.read(0, len(_GO_ON))
    except OSError:
        answer = b""
    if answer not in (_STOP, _GO_ON):
        raise BachlitError("The sweep that this fit belongs to has ended, so the fit has, too; start the sweep again.")
    return answer == _STOP


def heard(line: bytes) -> Figure | None:
    """The figure that a line of a fit's output tells; None for any other line.

    >>> heard(b'bachlit-figure [2.5, 1.0]'), heard(b'Epoch 1')
    (Figure(value=2.5, epoch=1.0), None)
    """
    return Figure(*json.loads(line.removeprefix(_MARK))) if line.startswith(_MARK) else None


def answer(*, stop: bool) -> bytes:
    """What the sweep answers to a figure."""
    return _STOP if stop else _GO_ON
