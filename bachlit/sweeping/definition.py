"""Define a sweep: its base options, space and sampler."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution, distribution_to_json
from optuna.samplers import BaseSampler

from bachlit.errors import OptionError
from bachlit.files.options import read_options

Distribution = CategoricalDistribution | IntDistribution | FloatDistribution
Space = dict[str, Distribution]
"""The values of each option, by its dotted name, such as `data.window`."""

_RANGE = {"low", "high", "step", "log"}
# These may differ between the machines of one sweep.
_OF_A_MACHINE = ("trainer.accelerator", "trainer.devices", "trainer.strategy", "trainer.logger.", "trainer.enable_")


@dataclass(frozen=True)
class Sweep:
    """Settings of a sweep; see `bachlit sweep --help`.

    All its processes share them, but for the folder and W&B.

    Args:
        words: Options of `bachlit fit` for all trials, as one types them.
        sampler: Makes the sampler; it takes the keyword `seed` if the sampler does.
    """

    name: str
    base: tuple[Path, ...]
    words: tuple[str, ...]
    space: Space
    monitor: str
    direction: Literal["min", "max"]
    sampler: partial[BaseSampler]
    seed: int
    output: Path
    wandb: bool = False

    @property
    def kind(self) -> type[BaseSampler]:
        """The sampler's class."""
        return type(self.sampler())

    def described(self) -> dict[str, Any]:
        """Describe what distinguishes this sweep from others, as plain data."""
        pairs = (word.partition("=")[::2] for word in self.words)
        shared = {same_name(name): value for name, value in pairs}  # of duplicates the last one counts
        sampler = {name: value for name, value in self.sampler.keywords.items() if value is not None}
        return {
            "space": {name: distribution_to_json(values) for name, values in self.space.items()},
            "sampler": json.loads(json.dumps({self.kind.__name__: sampler}, default=str)),
            "seed": self.seed,
            "monitor": self.monitor,
            "direction": self.direction,
            "base": [_digest(path) for path in self.base],
            "options": {name: shared[name] for name in shared if not name.startswith(_OF_A_MACHINE)},
        }

    def configs(self) -> list[str]:
        """The base configurations, as one types them."""
        return [word for path in self.base for word in ("--config", str(path))]

    def fit(self, point: dict[str, Any], number: int) -> list[str]:
        """Options of `bachlit fit` for a trial of some number."""
        folder = folder_of(number)
        where = {"save_dir": str(self.output), "name": folder.parent.as_posix(), "version": folder.name}
        loggers: list[dict[str, Any]] = [{"class_path": "CSVLogger", "init_args": where}]
        if self.wandb:
            about = {"group": self.name, "run_name": f"{self.name}-{number:04d}"}
            loggers.append({"class_path": "bachlit.training.wandb_logger.AutoWandbLogger", "init_args": about})
        pruning = {"class_path": "bachlit.sweeping.pruning.Pruning", "init_args": {"monitor": self.monitor}}
        return [
            *self.configs(),
            f"--trainer.logger={json.dumps(loggers)}",
            *self.words,
            *(word(name, value) for name, value in point.items()),
            f"--trainer.callbacks+={json.dumps(pruning)}",
        ]

    def check(self, parse: Callable[[Sequence[str]], None]) -> None:
        """Check each value of the space before the first trial: `parse` raises for wrong ones."""
        fixed = {same_name(word.partition("=")[0]) for word in self.words if word.startswith("--")}
        twice = sorted(fixed & self.space.keys())
        if twice:
            raise OptionError(f"{twice[0]} is typed and varies, too; expected one of both; leave it out of one.")
        if "config" in fixed:
            raise OptionError("A configuration stands after --; expected it as --base; type --base FILE.")
        if "trainer.logger" in fixed:
            raise OptionError(
                "The trials' logger is the sweep's, a CSV in each trial's folder; expected --wandb for W&B, and its "
                "options as in -- --trainer.logger.mode=offline."
            )
        for point in _probes(self.space):
            parse(self.fit(point, 0))


def space_of(typed: Mapping[str, Any]) -> Space:
    """Read a space: per option a list of choices, or a mapping with low, high, and step or log.

    Names may be nested. Of duplicates the last one counts, which is the one on the command line.

    >>> space_of({"data": {"window": [64, 128]}, "data.lanes": {"low": 1, "high": 5}})
    {'data.window': CategoricalDistribution(choices=(64, 128)), \
'data.lanes': IntDistribution(high=5, log=False, low=1, step=1)}
    """
    found = dict(_flat(typed))
    if not found:
        raise OptionError("The space is empty; expected each option that varies, with its values; add --config FILE.")
    return {name: _distribution(name, values) for name, values in found.items()}


def grid(space: Space) -> list[dict[str, Any]]:
    """List all points of a space, the last option varying fastest.

    >>> grid(space_of({"a": [1, 2], "b": {"low": 0.0, "high": 0.3, "step": 0.15}}))[:4]
    [{'a': 1, 'b': 0.0}, {'a': 1, 'b': 0.15}, {'a': 1, 'b': 0.3}, {'a': 2, 'b': 0.0}]
    """
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*map(_steps, space.values()))]


def folder_of(number: int) -> Path:
    """Name a trial's folder within the sweep's, such as `trials/trial-0007`."""
    return Path("trials") / f"trial-{number:04d}"


def word(name: str, value: Any) -> str:
    """Write an option as a word of the command line.

    >>> word("data.window", 64), word("data.quantize", True), word("data.keys", "all")
    ('--data.window=64', '--data.quantize=true', '--data.keys=all')
    """
    return f"--{name}={value if isinstance(value, str) else json.dumps(value)}"


def same_name(name: str) -> str:
    """Shorten an option's name: `init_args` may be typed or left out.

    >>> same_name("--model.network.init_args.dropout")
    'model.network.dropout'
    """
    return name.lstrip("-").replace(".init_args.", ".")


def _flat(typed: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten nested options, as the parser makes of typed ones, to dotted names."""
    for name, values in typed.items():
        if isinstance(values, Mapping) and values and not values.keys() & _RANGE:
            yield from _flat(values, f"{prefix}{name}.")
        else:
            yield same_name(f"{prefix}{name}"), values


def _distribution(name: str, values: Any) -> Distribution:
    """Read the values of one option."""
    if isinstance(values, Sequence) and not isinstance(values, str) and values:
        choices = [value if isinstance(value, str | int | float | None) else json.dumps(value) for value in values]
        if all(choices.count(choice) == 1 for choice in choices):
            return CategoricalDistribution(choices)
    elif isinstance(values, Mapping) and {"low", "high"} <= values.keys() <= _RANGE:
        given = {key: value for key, value in values.items() if value is not None}
        numbers = [given[key] for key in given if key != "log"]
        with suppress(TypeError, ValueError):  # of Optuna, for values that make no range
            if all(map(math.isfinite, numbers)):
                whole = all(isinstance(number, int) for number in numbers)
                return IntDistribution(**given) if whole else FloatDistribution(**given)
    raise OptionError(
        f"The space of {name} can't be {values}; expected a list of different choices, such as [64, 128], or numbers "
        "in a mapping, such as {low: 0.1, high: 0.5, step: 0.1}, or, if low is above 0, {low: 0.001, high: 0.1, log: "
        "true}; correct it."
    )


def _steps(values: Distribution) -> Sequence[Any]:
    """List all values of one option."""
    if isinstance(values, CategoricalDistribution):
        return values.choices
    if isinstance(values, IntDistribution):
        return range(values.low, values.high + 1, values.step)
    if values.step is None:
        raise OptionError(
            f"A grid can't have every number from {values.low} to {values.high}; expected a step or a list of choices; "
            "add one, or choose another sampler."
        )
    low, high, step = (Decimal(str(number)) for number in (values.low, values.high, values.step))
    return [float(low + step * index) for index in range(int((high - low) / step) + 1)]


def _probes(space: Space) -> Iterator[dict[str, Any]]:
    """Yield points that cover all choices and both ends of each range."""
    ends = [one.choices if isinstance(one, CategoricalDistribution) else (one.low, one.high) for one in space.values()]
    for index in range(max(map(len, ends))):
        yield {name: values[min(index, len(values) - 1)] for name, values in zip(space, ends, strict=True)}


def _digest(path: Path) -> str:
    """Hash a configuration's content, without comments."""
    content = json.dumps(read_options(path)[1], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
