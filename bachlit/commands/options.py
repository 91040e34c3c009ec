"""The words of a command in one normal form, made once: all that asks what was typed asks this."""

import inspect
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bachlit.classes import path_of, renewed, subclasses, typed_paths
from bachlit.errors import OptionError
from bachlit.files.options import read_options, refuse_swollen_word

# Options that stand for true where neither true nor false comes after them.
_FLAGS = ("overwrite", "png", "quantize", "strict", "wandb", "wav")
# Options that take no value as a word of their own.
_ALONE = ("help", "print_config")
# Whose classes are known by their short names.
_OURS = r"bachlit\.(?!benchmark|testing)|optuna\."
# Not the word none: jsonargparse would forget it when another number is typed after it.
_NO_RULES = '{"all": 0}'


class Config(NamedTuple):
    """A configuration that was typed.

    Attributes:
        value: For the parser: the file's name, or its text if classes in it have moved.
        path: The file.
        options: What it says; nothing if it isn't there, of which the parser will speak.
    """

    value: str
    path: Path
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """Hold the words typed after a command, in normal form.

    Attributes:
        words: Options as `--name=value`, and other words, as they came.
        configs: The configurations, which count less than options, wherever they were typed.
        rest: What came after `--`.
    """

    words: tuple[str, ...] = ()
    configs: tuple[Config, ...] = ()
    rest: tuple[str, ...] = ()

    @classmethod
    def of(cls, args: Sequence[str]) -> "Words":
        """Bring arguments into normal form, and read configurations within bounds.

        Raises:
            OptionError: If a configuration can't be read, or a word is YAML that no memory holds.

        >>> Words.of(["tune.mid", "--max-bars", "8", "--strict", "--seed=3", "--rules", "none"]).words
        ('tune.mid', '--max_bars=8', '--strict=true', '--seed=3', '--rules={"all": 0}')
        """
        end = list(args).index("--") if "--" in args else len(args)
        words = [renewed(word) for word in joined(args[:end])]
        for word in words:
            refuse_swollen_word(word)
        files = [word for word in words if word.partition("=")[0] == "--config"]
        configs = tuple(_config(word.partition("=")[2]) for word in files)
        return cls(tuple(word for word in words if word not in files), configs, tuple(args[end + 1 :]))

    @property
    def argv(self) -> list[str]:
        """All words, for a parser."""
        return [*self.config_args, *self.words, *(("--", *self.rest) if self.rest else ())]

    @property
    def config_args(self) -> list[str]:
        """The configurations, for a parser."""
        return [f"--config={config.value}" for config in self.configs]

    @property
    def paths(self) -> set[str]:
        """The dotted paths that may name classes."""
        return typed_paths(self.words, [config.options for config in self.configs])

    @property
    def names(self) -> list[str]:
        """The options, without dashes: `data.corpus.path`, whether it was typed with `init_args` or not."""
        options = (word[2:].partition("=")[0] for word in self.words if word.startswith("--"))
        return [name.replace(".init_args", "").rstrip("+") for name in options]

    def values_of(self, name: str) -> list[str]:
        """Give all values that were typed for an option.

        >>> Words.of(["--run", "wide", "--data.lanes=2", "--run=b"]).values_of("run")
        ['wide', 'b']
        """
        pairs = (word.partition("=") for word in self.words)
        return [value for option, equals, value in pairs if option == f"--{name}" and equals]

    def value_of(self, name: str) -> str | None:
        """Give the value that counts of those that were typed for an option: the last; None if there is none."""
        return next(reversed(self.values_of(name)), None)

    def having(self, name: str, value: str | None) -> "Words":
        """Put one value, or none, in the place of those that were typed for an option."""
        others = tuple(word for word in self.words if word.partition("=")[0] != f"--{name}")
        return replace(self, words=others if value is None else (*others, f"--{name}={value}"))

    def listing(self, names: Collection[str]) -> "Words":
        """Let options that hold lists be repeated: the first takes the place of a configuration's, others are added."""
        words, seen = list(self.words), set[str]()
        for at, word in enumerate(words):
            name, equals, value = word.removeprefix("--").partition("=")
            if word.startswith("--") and equals and name in names:
                listed = value if value.startswith("[") else json.dumps([value])
                words[at] = f"--{name}{'+' if name in seen else ''}={listed}"
                seen.add(name)
        return replace(self, words=tuple(words))

    def class_of(self, option: str, kind: type[Any], recalled: Mapping[str, Any] | None = None) -> str | None:
        """Give the path of the class that an option names: typed, recalled, or in a configuration, in this order.

        Args:
            option: Such as model.network.
            kind: The base of its classes.
            recalled: What a checkpoint remembers.

        Returns:
            None if none is named, or it isn't there.

        Raises:
            OptionError: If a name without dots was typed, and none of our classes has it.

        >>> from bachlit.networks import Network
        >>> Words.of(["--model.network", "FrameLSTM"]).class_of("model.network", Network)
        'bachlit.networks.frame_lstm.FrameLSTM'
        """
        known = {one.__name__: path_of(one) for one in subclasses(kind) if not inspect.isabstract(one)}
        typed = [_class_path(_value(word)) for word in self.values_of(option)] + self.values_of(f"{option}.class_path")
        for name in typed:
            if name is not None and name not in known and not re.fullmatch(r"(\w+\.)+\w+", name):
                public = [one for one, path in known.items() if re.match(_OURS, path) and not one.startswith("_")]
                raise OptionError(
                    f"There is no {option.rpartition('.')[2]} {name!r}; expected {', '.join(sorted(public))}, or the "
                    f"dotted path of your own class; correct --{option}."
                )
        documents = [*(config.options for config in self.configs), recalled]
        written = [_class_path(_within(document, option)) for document in documents]
        name = next((name for name in reversed([*written, *typed]) if name), "")
        path = name if "." in name else known.get(name, "")
        return path if _is_there(path) else None


def joined(args: Sequence[str]) -> Iterator[str]:
    """Write each option and its value as one word.

    >>> list(joined(["--data.window", "64", "--config=a.yaml", "--data.quantize"]))
    ['--data.window=64', '--config=a.yaml', '--data.quantize']
    """
    words = list(args)
    while words:
        word = words.pop(0)
        word = re.sub(r"^-c(?==|$)", "--config", word)
        name, equals, value = word.removeprefix("--").partition("=")
        first, dot, more = name.partition(".")
        name = f"{first.replace('-', '_')}{dot}{more}"
        follows = words[0] if words else "--"
        if not word.startswith("--"):
            yield word
            continue
        if not equals and name in _FLAGS and follows not in ("true", "false"):
            equals, value = "=", "true"
        elif not equals and name not in _ALONE and not follows.startswith("--"):
            equals, value = "=", words.pop(0)
        yield f"--{name}{equals}{_NO_RULES if (name, value) == ('rules', 'none') else value}"


def _config(value: str) -> Config:
    """Read a configuration."""
    if not value.strip():
        raise OptionError(
            "--config names no file; expected options in YAML, such as NAME: VALUE; correct it, or leave --config out."
        )
    path = Path(value)
    if not os.path.exists(value):  # noqa: PTH110  # YAML in place of a name isn't there either
        return Config(value, path, {})
    text, options = read_options(path)
    new = renewed(text)
    return Config(value, path, options) if new == text else Config(new, path, yaml.safe_load(new))


def _value(word: str) -> Any:
    try:
        return yaml.safe_load(word)
    except (yaml.YAMLError, RecursionError, ValueError):  # of which the parser will speak
        return None


def _class_path(value: Any) -> str | None:
    named = value.get("class_path") if isinstance(value, Mapping) else value
    return named if isinstance(named, str) else None


def _within(options: Any, option: str) -> Any:
    for key in option.split("."):
        options = options.get(key) if isinstance(options, Mapping) else None
    return options


def _is_there(path: str) -> bool:
    module, _, name = path.rpartition(".")
    try:
        return hasattr(import_module(module), name)
    except Exception:  # whatever goes wrong in a module of the user's own
        return False
