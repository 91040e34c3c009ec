"""A sweep as it is typed: what each trial fits, over which space, suggested by whom."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bachlit.errors import OptionError
from bachlit.files.options import read_options
from bachlit.sweeping.space import Point, Space, plain, probes, same_name, word
from bachlit.sweeping.suggesting import MakeSampler, kind, options

Direction = Literal["min", "max"]

# Of these a fit under a sweep has none, unless they are typed.
_QUIET = ("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")

# What may differ from machine to machine within one sweep.
_OF_A_MACHINE = ("trainer.accelerator", "trainer.devices", "trainer.strategy", "trainer.logger.", "trainer.enable_")


@dataclass(frozen=True)
class Sweep:
    """What all processes of a sweep agree on, and what this one has of its own.

    Args:
        name: The study's.
        base: Configurations of `bachlit fit`.
        words: Options of `bachlit fit` that all trials have.
        space: What varies.
        monitor: The figure of validation that counts.
        direction: Whether low or high figures are good.
        sampler: Makes a sampler.
        seed: The sampler's.
        output: The folder of the sweep.
        wandb: Whether trials are logged to W&B too.
    """

    name: str
    base: tuple[Path, ...]
    words: tuple[str, ...]
    space: Space
    monitor: str
    direction: Direction
    sampler: MakeSampler
    seed: int
    output: Path
    wandb: bool = False

    def described(self) -> dict[str, Any]:
        """What makes it this sweep and no other, as plain data."""
        sampler = {name: value for name, value in options(self.sampler).items() if value is not None}
        pairs = (word.partition("=")[::2] for word in self.words)
        shared = {same_name(name): value for name, value in pairs}  # the latter counts
        return {
            "space": plain(self.space),
            "sampler": json.loads(json.dumps({kind(self.sampler).__name__: sampler}, default=str)),
            "seed": self.seed,
            "monitor": self.monitor,
            "direction": self.direction,
            "base": [_digest(path) for path in self.base],
            "options": {name: shared[name] for name in shared if not name.startswith(_OF_A_MACHINE)},
        }

    def fixed(self) -> list[str]:
        """What all trials fit, as a person would type it."""
        return [*self._configs(), *self.words]

    def fit(self, point: Point, number: int) -> list[str]:
        """A trial's options of `bachlit fit`.

        Args:
            point: What it fits.
            number: The trial's.
        """
        folder = folder_of(number)
        where = {"save_dir": str(self.output), "name": folder.parent.as_posix(), "version": folder.name}
        loggers: list[dict[str, Any]] = [{"class_path": "CSVLogger", "init_args": where}]
        if self.wandb:
            about = {"group": self.name, "run_name": f"{self.name}-{number:04d}"}
            loggers.append({"class_path": "bachlit.training.wandb_logger.AutoWandbLogger", "init_args": about})
        pruning = {"class_path": "bachlit.sweeping.pruning.Pruning", "init_args": {"monitor": self.monitor}}
        return [
            *self._configs(),
            *_QUIET,
            f"--trainer.logger={json.dumps(loggers)}",
            *self.words,
            *(word(name, value) for name, value in point.items()),
            f"--trainer.callbacks+={json.dumps(pruning)}",
        ]

    def check(self, parse: Callable[[Sequence[str]], None]) -> None:
        """See that each value of the space can be typed, before the first trial.

        Args:
            parse: Has options of `bachlit fit` parsed, and raises what is wrong with them.

        Raises:
            OptionError: If an option is misspelt, of the wrong kind, or said twice.
        """
        fixed = {same_name(word.partition("=")[0]) for word in self.words if word.startswith("--")}
        twice = sorted(fixed & {same_name(name) for name in self.space})
        if twice:
            raise OptionError(f"{twice[0]} is typed and varies, too; expected one of both; leave it out of one.")
        if "config" in fixed:
            raise OptionError(
                "A configuration after -- would be known by its name alone, whatever it says later; expected it as "
                "--base; type --base FILE."
            )
        if "trainer.logger" in fixed:
            raise OptionError(
                "The trials' logger is the sweep's: a CSV in each trial's folder; for W&B add --wandb, and options "
                "such as -- --trainer.logger.mode=offline."
            )
        for point in probes(self.space):
            parse(self.fit(point, 0))

    def _configs(self) -> list[str]:
        return [word for path in self.base for word in ("--config", str(path))]


def folder_of(number: int) -> Path:
    """A trial's folder, in that of the sweep.

    >>> folder_of(7).as_posix()
    'trials/trial-0007'
    """
    return Path("trials") / f"trial-{number:04d}"


def words_of(mapping: dict[str, Any]) -> list[str]:
    """A mapping from options to values, as they are typed.

    >>> words_of({"trainer.max_epochs": 30, "data.keys": "home"})
    ['--trainer.max_epochs=30', '--data.keys=home']
    """
    return [word(name.lstrip("-"), value) for name, value in mapping.items()]


def joined(args: Sequence[str]) -> list[str]:
    """Typed options, each one word.

    Raises:
        OptionError: If a value has no option.

    >>> joined(["--data.window", "64", "--config=a.yaml", "--data.quantize"])
    ['--data.window=64', '--config=a.yaml', '--data.quantize']
    """
    words: list[str] = []
    for arg in args:
        if arg.startswith("--"):
            words.append(arg)
        elif words and "=" not in words[-1]:
            words[-1] += f"={arg}"
        else:
            raise OptionError(f"After -- there is {arg!r} without an option; expected options of bachlit fit.")
    return words


def difference(mine: dict[str, Any], begun: dict[str, Any]) -> str | None:
    """In what a sweep differs from the one that was begun; None if in nothing."""
    names = {"base": "base configurations", "options": "options of fit"}
    return next((names.get(key, key) for key in mine if mine[key] != begun.get(key)), None)


def _digest(path: Path) -> str:
    """What a configuration says, without its comments, as a short number."""
    if not path.exists():
        raise OptionError(f"There is no file {path}; expected a configuration of bachlit fit; correct --base.")
    said = json.dumps(read_options(path)[1], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
