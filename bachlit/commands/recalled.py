"""Recall the options that a checkpoint remembers, as plain data in which nothing can run."""

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

from bachlit import classes
from bachlit.corpus import Corpus, ScoreCorpus
from bachlit.encoding import Encoding
from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_checkpoint
from bachlit.models.language_model import LanguageModel
from bachlit.networks import Network

# What a checkpoint remembers, and nothing besides, whatever is in it.
_PARTS = ("model", "data")


class _Base(NamedTuple):
    """Require a base of an option's class, and a package that it is from unless the user typed it."""

    kind: type[Any]
    packages: tuple[str, ...]

    def has(self, kind: Any) -> bool:
        """Tell whether something is such a class."""
        return (
            isinstance(kind, type)
            and issubclass(kind, self.kind)
            and f"{kind.__module__}.".startswith(tuple(f"{package}." for package in self.packages))
        )


CLASS_OPTIONS: dict[str, _Base] = {
    "model.network": _Base(Network, ("bachlit",)),
    "model.loss": _Base(nn.Module, ("torch.nn.modules.loss",)),
    "model.optimizer": _Base(Optimizer, ("torch.optim",)),
    "model.lr_scheduler": _Base(LRScheduler, ("torch.optim", "pytorch_lightning.cli")),
    "model.encoding": _Base(Encoding, ("bachlit",)),
    "data.encoding": _Base(Encoding, ("bachlit",)),
    "data.corpus": _Base(Corpus, ("bachlit",)),
}
"""The options that hold a class; no other option of a checkpoint may."""

FORGOTTEN = ("data.corpus.cache", "data.corpus.workers", "data.prompts")
"""Options of where the machine at hand keeps things: not a checkpoint's to say."""

# Where the user's own pieces are.
_PLACES = ("data.corpus.path",)
_SPEC = {"class_path", "init_args", "dict_kwargs"}
_MOST_LEVELS, _MOST_VALUES, _MOST_CHARACTERS = 16, 10_000, 1_000_000


class RememberOptions(Callback):
    """Write the model's and the data's options into checkpoints: later commands needn't repeat them.

    Args:
        options: Plain data.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add them."""
        checkpoint["bachlit_options"] = json.dumps(self.options)


class Recalled(NamedTuple):
    """Hold what a checkpoint remembers, read once.

    Attributes:
        path: The file, or the folder of a model; None if nothing is recalled.
        options: The model's and the data's, as plain data.
        checkpoint: What the file holds.
    """

    path: Path | None = None
    options: Mapping[str, Any] = {}
    checkpoint: Mapping[str, Any] | None = None


def recall(path: Path | None, *, typed: Collection[str] = (), told: Collection[str] = ()) -> Recalled:
    """Read a checkpoint, and the options that it remembers; of a model's folder, its network, encoding and keys.

    Args:
        path: A checkpoint, or a folder that `LanguageModel.save` wrote; None for no options.
        typed: The dotted paths that the user typed: these classes may be used.
        told: The options whose values the user typed, such as data.corpus.path: a checkpoint's aren't needed.

    Raises:
        CheckpointError: If there is no checkpoint, or it remembers anything but plain data and known classes.
    """
    if path is None:
        return Recalled()
    checkpoint = None if path.is_dir() else read_checkpoint(path)
    options = _remembered(LanguageModel.load(path).describe() if checkpoint is None else checkpoint, path)
    return Recalled(path, checked(options, str(path), typed=typed, told=told), checkpoint)


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
    options: Mapping[str, Any], source: str, *, typed: Collection[str] = (), told: Collection[str] = ()
) -> dict[str, Any]:
    """Give remembered options as plain data in which only known classes are named.

    Args:
        options: What a checkpoint remembers of the model and the data.
        source: Of the options, for messages.
        typed: The dotted paths that the user typed.
        told: The options whose values the user typed.

    Raises:
        CheckpointError: If an option names a class that isn't of the kind that belongs there, from bachlit or PyTorch,
            nor typed, or looks like a class, a file or an address where none belongs.

    >>> checked({"data": {"corpus": {"class_path": "os.system"}}}, "It")
    Traceback (most recent call last):
    ...
    bachlit.errors.CheckpointError: It wants the class os.system for --data.corpus, which is none of bachlit's or \
PyTorch's that belong there; if you trust it, type --data.corpus os.system.
    """
    check = _Check(source, frozenset(typed), frozenset(told))
    plain = {part: check.part(options[part], part) for part in _PARTS if part in options}
    if check.foreign:
        wanted = " and ".join(f"{path} for --{option}" for option, path in check.foreign.items())
        typing = " ".join(f"--{option} {path}" for option, path in check.foreign.items())
        kind, none, them = ("class", "is none", "it") if len(check.foreign) == 1 else ("classes", "are none", "them")
        raise CheckpointError(
            f"{source} wants the {kind} {wanted}, which {none} of bachlit's or PyTorch's that belong there; if you "
            f"trust {them}, type {typing}."
        )
    corpus: Any = plain.get("data", {}).get("corpus")
    named = classes.imported(corpus["class_path"]) if isinstance(corpus, dict) and "class_path" in corpus else None
    if isinstance(named, type) and issubclass(named, ScoreCorpus):
        corpus.setdefault("init_args", {})["workers"] = 1  # whatever folder it names, no processes are started for it
    return plain


@dataclass
class _Check:
    source: str
    typed: frozenset[str]
    told: frozenset[str]
    foreign: dict[str, str] = field(default_factory=dict)
    """The classes that the user would have to type, by option."""
    own: list[str] = field(default_factory=list)
    """Prefixes of the options of the user's own classes."""
    _values: int = 0

    def part(self, options: Any, part: str) -> dict[str, Any]:
        """Copy the options of the model or of the data, unless something in them doesn't belong there."""
        if not isinstance(options, Mapping):
            raise self._refusal(part, f"a {type(options).__name__}", "options with names")
        return self._mapping(options, part, level=0)

    def plain(self, value: Any, option: str, level: int) -> Any:
        """Copy a value, unless something in it doesn't belong there."""
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
        if not value.keys() <= _SPEC or not isinstance(value["class_path"], str):
            raise self._refusal(option, "a class beside other values", "a class and its options")
        spec: dict[str, Any] = {"class_path": self._class(value["class_path"], option)}
        for name in value.keys() & {"init_args", "dict_kwargs"}:
            if not isinstance(value[name], Mapping):
                raise self._refusal(option, f"{name} that are no mapping", "a class and its options")
            spec[name] = dict(self._items(value[name], option, level))
        return spec

    def _items(self, value: Mapping[Any, Any], option: str, level: int) -> Iterator[tuple[str, Any]]:
        for name, part in value.items():
            if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_]\w{0,99}", name):
                raise self._refusal(option, f"an option {str(name)[:50]!r}", "names as Python has them")
            inner = f"{option}.{name}"
            if inner in FORGOTTEN or (isinstance(part, str) and inner in self.told and inner not in CLASS_OPTIONS):
                continue
            yield name, self.plain(part, inner, level + 1)

    def _class(self, path: str, option: str) -> str:
        """Let a class pass that is of the option's kind, or typed."""
        kind = classes.imported(path)
        if path in self.typed or (kind is not None and any(classes.imported(name) is kind for name in self.typed)):
            self.own.append(f"{option}.")
            return path
        bases = [CLASS_OPTIONS[option]] if option in CLASS_OPTIONS else list(CLASS_OPTIONS.values())
        if any(base.has(kind) for base in bases):
            return path
        if option not in CLASS_OPTIONS and not option.startswith((*self.own, *(f"{one}." for one in self.foreign))):
            raise self._refusal(option, f"the class {path[:50]!r}", "a word or a number")
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", path):
            raise self._refusal(option, repr(path[:50]), "the dotted path of a class")
        self.foreign[option] = path
        return path

    def _text(self, text: str, option: str) -> str:
        """Let words pass that can't be taken for a class, a file, an address or a mapping."""
        if option in _PLACES:
            if re.search(r"[\x00-\x1f]|:/|::", text):
                raise self._refusal(option, repr(text[:50]), "a folder")
        elif not re.fullmatch(r"(?:[\w+-][\w /+-]{0,199})?", text):
            raise self._refusal(option, repr(text[:50]), "a word or a number")
        return text

    def _refusal(self, option: str, found: str, expected: str) -> CheckpointError:
        return CheckpointError(
            f"{self.source} remembers {found} for --{option}, where {expected} was expected; if you trust it, type "
            "that option yourself, else don't use the file."
        )
