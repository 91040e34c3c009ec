"""Recall a checkpoint's options, as plain data in which nothing can run."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from bachlit import classes
from bachlit.corpus import Corpus, ScoreCorpus
from bachlit.encoding import Encoding
from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_checkpoint
from bachlit.models.language_model import LanguageModel
from bachlit.networks import Network

# Only these are recalled, whatever a checkpoint holds.
_PARTS = ("model", "data")


CLASS_OPTIONS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "model.network": (Network, ("bachlit.",)),
    "model.loss": (nn.Module, ("torch.nn.modules.loss.",)),
    "model.optimizer": (Optimizer, ("torch.optim.",)),
    "model.lr_scheduler": (LRScheduler, ("torch.optim.", "pytorch_lightning.cli.")),
    "model.encoding": (Encoding, ("bachlit.",)),
    "model.metrics": (Metric, ("bachlit.",)),  # some of torchmetrics' fetch weights
    "data.encoding": (Encoding, ("bachlit.",)),
    "data.corpus": (Corpus, ("bachlit.",)),
}
"""Options that hold a class, its base, and the packages that it may come from without being typed."""

FORGOTTEN = ("data.corpus.cache", "data.corpus.workers", "data.prompts", "data.quantize")
"""Options about places on a machine, and one that earlier releases had: those of a checkpoint are ignored."""

# The folder of the user's own pieces; what only a fit reads: a student's lessons, the model that it began with.
_PLACES = ("data.corpus.path", "data.lessons.path", "model.start")
_ARGUMENTS = {"init_args", "dict_kwargs"}
_MOST_LEVELS, _MOST_VALUES, _MOST_CHARACTERS = 16, 10_000, 1_000_000


class RememberOptions(Callback):
    """Write the options of the model and the data into checkpoints: later commands needn't repeat them.

    Args:
        options: As plain data.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the options."""
        checkpoint["bachlit_options"] = json.dumps(self.options)


class Recalled(NamedTuple):
    """Checkpoint and its options, read once.

    Attributes:
        path: The file, or the folder of a model; None if nothing is recalled.
        options: Those of the model and the data, as plain data.
        checkpoint: The file's contents.
    """

    path: Path | None = None
    options: Mapping[str, Any] = {}
    checkpoint: Mapping[str, Any] | None = None


def recall(
    path: Path | None, *, typed: Collection[str] = (), told: Collection[str] = (), modules: Collection[str] = ()
) -> Recalled:
    """Read a checkpoint and its options; a model's folder gives network, encoding and keys.

    Args:
        path: A checkpoint, or a folder that `LanguageModel.save` wrote; None for no options.
        typed: Dotted paths that the user typed: these classes may be used.
        told: Options that the user typed, such as data.corpus.path: they replace a checkpoint's.
        modules: Modules of --import: their classes may be used, too.

    Raises:
        CheckpointError: If there is no checkpoint, or its options aren't plain data and known classes.
    """
    if path is None:
        return Recalled()
    checkpoint = None if path.is_dir() else read_checkpoint(path)
    options = _remembered(LanguageModel.load(path).describe() if checkpoint is None else checkpoint, path)
    return Recalled(path, checked(options, str(path), typed=typed, told=told, modules=modules), checkpoint)


def _remembered(checkpoint: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Read the options in a checkpoint, or in a model's description."""
    try:
        text = checkpoint.get("bachlit_options")
        if text is not None:
            if not isinstance(text, str) or len(text) > _MOST_CHARACTERS:
                raise TypeError("no text")
            options = json.loads(classes.renewed(text))
        else:
            description = checkpoint.get("bachlit", checkpoint)
            options = {
                "model": {"network": description["network"]},
                "data": {"encoding": description["encoding"], "keys": description["keys"]},
            }
        return {part: options[part] for part in _PARTS if isinstance(options.get(part), Mapping)}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__}); expected a file that "
            "`bachlit fit` wrote."
        ) from error


def checked(
    options: Mapping[str, Any],
    source: str,
    *,
    typed: Collection[str] = (),
    told: Collection[str] = (),
    modules: Collection[str] = (),
) -> dict[str, Any]:
    """Check that remembered options are plain data in which only known classes are named; return a copy.

    Args:
        options: A checkpoint's options of the model and the data.
        source: Their source, for messages.
        typed: Dotted paths that the user typed.
        told: Options that the user typed.
        modules: Modules that the user typed and that are imported.

    Raises:
        CheckpointError: If an option names a class that isn't typed, nor of the option's kind from bachlit or PyTorch,
            or looks like a class, a file or an address where none belongs.

    >>> checked({"data": {"corpus": {"class_path": "os.system"}}}, "It")
    Traceback (most recent call last):
    ...
    bachlit.errors.CheckpointError: It wants the class os.system for --data.corpus, which is none of bachlit's or \
PyTorch's that belong there; if you trust it, type --import os.
    """
    check = _Check(source, frozenset(typed), frozenset(told), frozenset(modules))
    plain = {part: check.part(options[part], part) for part in _PARTS if part in options}
    corpus: Any = plain.get("data", {}).get("corpus")
    named = classes.imported(corpus["class_path"]) if isinstance(corpus, dict) and "class_path" in corpus else None
    if isinstance(named, type) and issubclass(named, ScoreCorpus):
        corpus.setdefault("init_args", {})["workers"] = 1  # start no processes, whatever folder it names
    return plain


@dataclass
class _Check:
    source: str
    typed: frozenset[str]
    told: frozenset[str]
    modules: frozenset[str]
    own: list[str] = field(default_factory=list)
    """Prefixes of the options of the user's own classes."""
    _values: int = 0

    def part(self, options: Any, part: str) -> dict[str, Any]:
        """Copy the options of the model or of the data, if all belong there."""
        if not isinstance(options, Mapping):
            raise self._refusal(part, f"a {type(options).__name__}", "options with names")
        return self._mapping(options, part, level=0)

    def plain(self, value: Any, option: str, level: int) -> Any:
        """Copy a value, if everything in it belongs there."""
        self._values += 1
        if level > _MOST_LEVELS or self._values > _MOST_VALUES:
            raise self._refusal(option, "more than any options", "options as `bachlit fit` writes them")
        if isinstance(value, Mapping):
            return self._mapping(value, option, level)
        if isinstance(value, list | tuple):
            return [self.plain(part, option, level + 1) for part in value]
        if isinstance(value, str):
            return self._class(value, option) if option in CLASS_OPTIONS else self._text(value, option)
        if value is None or isinstance(value, bool | int | float):
            return value
        raise self._refusal(option, f"a {type(value).__name__}", "numbers and words")

    def _mapping(self, value: Mapping[Any, Any], option: str, level: int) -> dict[str, Any]:
        if "class_path" not in value:
            return dict(self._items(value, option, level))
        arguments = {name: part for name, part in value.items() if name != "class_path"}
        sound = all(isinstance(part, Mapping) for part in arguments.values()) and arguments.keys() <= _ARGUMENTS
        if not sound or not isinstance(value["class_path"], str):
            raise self._refusal(option, "a class beside other values", "a class and its options")
        spec: dict[str, Any] = {"class_path": self._class(value["class_path"], option)}
        return spec | {name: dict(self._items(part, option, level)) for name, part in arguments.items()}

    def _items(self, value: Mapping[Any, Any], option: str, level: int) -> Iterator[tuple[str, Any]]:
        for name, part in value.items():
            if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_]\w{0,99}", name):
                raise self._refusal(option, f"an option {str(name)[:50]!r}", "names as Python has them")
            inner = f"{option}.{name}"
            if inner in FORGOTTEN or (isinstance(part, str) and inner in self.told and inner not in CLASS_OPTIONS):
                continue
            yield name, self.plain(part, inner, level + 1)

    def _class(self, path: str, option: str) -> str:
        """Accept a class of the option's kind, or a typed one."""
        kind = classes.imported(path)
        if path in self.typed or (kind is not None and any(classes.imported(name) is kind for name in self.typed)):
            self.own.append(f"{option}.")
            return path
        bases = [CLASS_OPTIONS[option]] if option in CLASS_OPTIONS else CLASS_OPTIONS.values()
        trusted = tuple(f"{module}." for module in self.modules)
        if isinstance(kind, type) and any(issubclass(kind, base) for base, _ in bases) and path.startswith(trusted):
            self.own.append(f"{option}.")
            return path
        if isinstance(kind, type) and any(
            issubclass(kind, base) and f"{kind.__module__}.".startswith(packages) for base, packages in bases
        ):
            return path
        if option not in CLASS_OPTIONS and not option.startswith(tuple(self.own)):
            raise self._refusal(option, f"the class {path[:50]!r}", "a word or a number")
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", path):
            raise self._refusal(option, repr(path[:50]), "the dotted path of a class")
        raise CheckpointError(
            f"{self.source} wants the class {path} for --{option}, which is none of bachlit's or PyTorch's that belong "
            f"there; if you trust it, type --import {path.rpartition('.')[0]}."
        )

    def _text(self, text: str, option: str) -> str:
        """Accept words that can't be taken for a class, a file, an address or a mapping."""
        if option in _PLACES:
            if re.search(r"[\x00-\x1f]|:/|::", text):
                raise self._refusal(option, repr(text[:50]), "a file or folder")
        elif not re.fullmatch(r"(?:[\w+-][\w /+-]{0,199})?", text):
            raise self._refusal(option, repr(text[:50]), "a word or a number")
        return text

    def _refusal(self, option: str, found: str, expected: str) -> CheckpointError:
        return CheckpointError(
            f"{self.source} remembers {found} for --{option}, where {expected} was expected; if you trust it, type "
            "that option yourself, else don't use the file."
        )
