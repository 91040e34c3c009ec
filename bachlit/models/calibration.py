"""Calibration of a model: numbers of rules, and weights by which harmonisations are ranked, beside its weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bachlit.errors import CheckpointError
from bachlit.files.reading import read_bounded
from bachlit.models.runs import located

CALIBRATION = "calibration.json"
"""The file in a model's folder."""

_FORMAT = 1
_MOST = 1000.0  # of any number in a file
_LEAST_DEVIATION = 1e-6  # no distance in deviations overflows


class Weighed(NamedTuple):
    """Weight of a figure.

    Attributes:
        weight: Merit lost per standard deviation above the mean, or away from it.
        mean: Bach's.
        deviation: Standard deviation over his pieces.
    """

    weight: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class Calibration:
    """What was found for one model by `python -m bachlit.calibrate`; empty if nothing was.

    Attributes:
        rules: Nats by name of a usual rule of searching decoders, one per rule of that name, in order.
        figures: Weights of the figures of `bachlit.generation.merit`, by name.
    """

    rules: Mapping[str, Sequence[float]] = field(default_factory=lambda: MappingProxyType({}))
    figures: Mapping[str, Weighed] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def load(cls, folder: Path) -> "Calibration":
        """Read a model folder's calibration; an empty one if it has none.

        Raises:
            CheckpointError: If the file holds anything but numbers by name.
        """
        path = folder / CALIBRATION
        if not path.is_file():
            return cls()
        try:
            content = json.loads(read_bounded(path))
            if content["format"] != _FORMAT:
                raise ValueError("another format")
            calibration = cls(
                {str(name): [_number(one) for one in numbers] for name, numbers in content["rules"].items()},
                {
                    str(name): Weighed(*(_number(figure[part]) for part in Weighed._fields))
                    for name, figure in content["figures"].items()
                },
            )
            if any(one.weight < 0 or one.deviation < _LEAST_DEVIATION for one in calibration.figures.values()):
                raise ValueError("no weight or no deviation")
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{path} is damaged ({type(error).__name__}); expected numbers that `python -m bachlit.calibrate` "
                "wrote; calibrate the model anew, or remove the file."
            ) from error
        return calibration

    def described(self) -> bytes:
        """Give the contents of a file that `load` reads."""
        content = {
            "format": _FORMAT,
            "rules": {name: list(numbers) for name, numbers in self.rules.items()},
            "figures": {name: weighed._asdict() for name, weighed in self.figures.items()},
        }
        return f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode()


def calibration_of(checkpoint: str | Path) -> Calibration:
    """Read the calibration of a model, by the model's name or path, without loading the model.

    Raises:
        CheckpointError: If its file is damaged.
    """
    return Calibration.load(located(checkpoint))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST:
        raise ValueError("no number")
    return float(value)
