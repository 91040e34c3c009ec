"""The space of a sweep: which options of `bachlit fit` vary, and over what."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bachlit.errors import OptionError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Point = dict[str, Any]
"""A value for each option of a space, by the option's name."""


@dataclass(frozen=True)
class Choices:
    """A list of values.

    Args:
        values: Plain ones: None, truths, numbers, texts. A class with its options is its JSON.
    """

    values: tuple[Any, ...]

    @property
    def plain(self) -> list[Any]:
        """As it is written in YAML."""
        return list(self.values)

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        from optuna.distributions import CategoricalDistribution  # noqa: PLC0415  # of an extra

        return CategoricalDistribution(self.values)

    def steps(self) -> list[Any]:
        """All values."""
        return list(self.values)

    def ends(self) -> list[Any]:
        """What must be checked to know that each value can be typed: all."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both included; whole ones if both ends and the step are.

    Args:
        low: The lower end.
        high: The upper end.
        step: From value to value, from the lower end on; if None, any number between, or any whole number.
        log: Equally many values are tried in each power of ten.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    @property
    def plain(self) -> dict[str, Any]:
        """As it is written in YAML."""
        return {name: value for name, value in vars(self).items() if value is not None and value is not False}

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        from optuna.distributions import FloatDistribution, IntDistribution  # noqa: PLC0415  # of an extra

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def steps(self) -> list[Any]:
        """All values.

        Raises:
            OptionError: If they are without end.

        >>> Range(0.0, 0.5, step=0.1).steps()
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
        >>> Range(1, 3).steps()
        [1, 2, 3]
        """
        if self.whole:
            return list(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        if self.step is None:
            raise OptionError(
                f"A grid can't have every number from {self.low} to {self.high}; expected a step or a list of choices; "
                "add one, or choose another sampler."
            )
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        return [float(low + step * index) for index in range(int((Decimal(str(self.high)) - low) / step) + 1)]

    def ends(self) -> list[Any]:
        """What must be checked to know that each value can be typed: the two ends."""
        return [self.low, self.high]


Space = dict[str, Choices | Range]
"""What each option may be, by its dotted name, such as `data.window`."""


_KEYS = {"low", "high", "step", "log"}  # of a range


def space_of(typed: Mapping[str, Any]) -> Space:
    """The space that a configuration describes.

    Args:
        typed: For each option a list of choices, or a mapping with low, high, and step or log. Names may be nested;
            if one is there twice, the latter counts, which is the one that was typed.

    Raises:
        OptionError: If it describes none.

    >>> space_of({"data.window": [64, 128], "model.network.dropout": {"low": 0, "high": 0.5}})
    {'data.window': Choices(values=(64, 128)), 'model.network.dropout': Range(low=0, high=0.5, step=None, log=False)}
    """
    found = dict(_flat(typed))
    if not found:
        raise OptionError("The space is empty; expected each option that varies, with its values; add --config FILE.")
    return {name: _dimension(name, values) for name, values in found.items()}


def plain(space: Space) -> dict[str, Any]:
    """A space as it is written in YAML; `space_of` reads it back."""
    return {name: dimension.plain for name, dimension in space.items()}


def grid(space: Space) -> list[Point]:
    """All points of a space, the last option varying fastest.

    Raises:
        OptionError: If they are without end.

    >>> grid(space_of({"a": [1, 2], "b": ["x", "y"]}))
    [{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 2, 'b': 'x'}, {'a': 2, 'b': 'y'}]
    """
    every = itertools.product(*(dimension.steps() for dimension in space.values()))
    return [dict(zip(space, values, strict=True)) for values in every]


def probes(space: Space) -> Iterator[Point]:
    """A few points in which each value that must be checked occurs.

    >>> list(probes(space_of({"a": [1, 2], "b": {"low": 0.1, "high": 0.9}})))
    [{'a': 1, 'b': 0.1}, {'a': 2, 'b': 0.9}]
    """
    ends = [dimension.ends() for dimension in space.values()]
    for index in range(max(map(len, ends))):
        yield {name: values[min(index, len(values) - 1)] for name, values in zip(space, ends, strict=True)}


def word(name: str, value: Any) -> str:
    """An option as it is typed.

    >>> word("data.window", 64), word("data.quantize", True), word("data.keys", "all")
    ('--data.window=64', '--data.quantize=true', '--data.keys=all')
    """
    return f"--{name}={value if isinstance(value, str) else json.dumps(value)}"


def same_name(name: str) -> str:
    """An option's shortest name: that of a class can be typed with `init_args` or without.

    >>> same_name("--model.network.init_args.dropout")
    'model.network.dropout'
    """
    return name.lstrip("-").replace(".init_args.", ".")


def _flat(typed: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Options with dotted names: `{"data": {"window": [64]}}`, as a typed one is parsed, is `{"data.window": [64]}`."""
    for name, values in typed.items():
        if isinstance(values, Mapping) and values and not values.keys() & _KEYS:
            yield from _flat(values, f"{prefix}{name}.")
        else:
            yield same_name(f"{prefix}{name}"), values


def _dimension(name: str, values: Any) -> Choices | Range:
    """What one option may be."""
    if isinstance(values, Sequence) and not isinstance(values, str) and values:
        choices = [value if isinstance(value, str | int | float | None) else json.dumps(value) for value in values]
        if all(choices.count(choice) == 1 for choice in choices):
            return Choices(tuple(choices))
    elif isinstance(values, Mapping) and {"low", "high"} <= values.keys() <= _KEYS:
        low, high, step = values["low"], values["high"], values.get("step")
        numbers = all(_is_number(number) for number in (low, high, 1 if step is None else step))
        if numbers and _is_range(low, high, step, log=values.get("log", False)):
            return Range(low, high, step, values.get("log", False))
    raise OptionError(
        f"The space of {name} can't be {values}; expected a list of different choices, such as [64, 128], or numbers "
        "in a mapping, such as {low: 0.1, high: 0.5, step: 0.1}, or, if low is above 0, {low: 0.001, high: 0.1, log: "
        "true}; correct it."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_range(low: float, high: float, step: float | None, *, log: Any) -> bool:
    """Whether numbers make a range."""
    return low < high and isinstance(log, bool) and (step is None or (step > 0 and not log)) and (not log or low > 0)
