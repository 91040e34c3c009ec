"""The typed words of a command, in one normal form."""

import inspect
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bachlit.classes import import_typed, imported, path_of, renewed, subclasses, typed_paths
from bachlit.errors import OptionError
from bachlit.files.options import read_options, refuse_swollen_word
from bachlit.internals import PACKAGES

# Flags, and the words that may follow: true if none does.
_FLAGS: dict[str, tuple[str, ...]] = dict.fromkeys(
    (
        *("challenge", "half", "json", "keep_parts", "open", "overwrite", "pdf", "png", "strict", "strip_fermatas"),
        "wandb",
    ),
    ("true", "false"),
)
_FLAGS["wav"] = ("true", "false", "voices")
# Options without a value.
_ALONE = ("help", "print_config")
# Packages whose classes have short names.
_OURS = r"bachlit\.(?!benchmark|distill|testing)|optuna\."
# Not the word none: jsonargparse would drop it if another number followed.
_NO_RULES = '{"all": 0}'


class Config(NamedTuple):
    """A configuration that was typed.

    Attributes:
        value: For the parser: the file's name, or its text if classes in it have moved.
        path: The file.
        options: Its contents; empty if it doesn't exist, which the parser reports.
    """

    value: str
    path: Path
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """Hold the words typed after a command, in normal form.

    Attributes:
        words: Options as `--name=value`, and other words, in their order.
        configs: Configurations; options override them, wherever they were typed.
        rest: The words after `--`.
        modules: Those of --import, each once.
    """

    words: tuple[str, ...] = ()
    configs: tuple[Config, ...] = ()
    rest: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    @classmethod
    def of(cls, args: Sequence[str]) -> "Words":
        """Normalise arguments, and read configurations within bounds of memory.

        Raises:
            OptionError: If a configuration can't be read, or a word is YAML of too many values.

        >>> Words.of(["tune.mid", "--max-bars", "8", "--strict", "--seed=3", "--rules", "none"]).words
        ('tune.mid', '--max_bars=8', '--strict=true', '--seed=3', '--rules={"all": 0}')
        """
        end = list(args).index("--") if "--" in args else len(args)
        words = [renewed(word) for word in joined(args[:end])]
        for word in words:
            refuse_swollen_word(word)
            if word.partition("=")[0] in ("--quantize", "--data.quantize"):
                raise OptionError(
                    "--quantize is gone: notes finer than a sixteenth stay as they are, and MIDI is rounded where that "
                    "is needed; leave it out."
                )
        files, modules = (
            [word for word in words if word.partition("=")[0] == name] for name in ("--config", "--import")
        )
        configs = tuple(_config(word.partition("=")[2]) for word in files)
        imports = tuple(dict.fromkeys(word.partition("=")[2] for word in modules))
        others = tuple(word for word in words if word not in files and word not in modules)
        return cls(others, configs, tuple(args[end + 1 :]), imports)

    @property
    def argv(self) -> list[str]:
        """Return all words for a parser."""
        return [*self.config_args, *self.words, *(("--", *self.rest) if self.rest else ())]

    @property
    def config_args(self) -> list[str]:
        """Return the configurations for a parser."""
        return [f"--config={config.value}" for config in self.configs]

    @property
    def paths(self) -> set[str]:
        """Return the dotted paths that may name classes, and the modules of --import."""
        return typed_paths(self.words, [config.options for config in self.configs]) | set(self.modules)

    @property
    def has_own(self) -> bool:
        """Check whether classes of the user's own are named."""
        return any(not path.startswith(PACKAGES) for path in self.paths)

    @property
    def names(self) -> list[str]:
        """Return the options, without dashes and `init_args`, such as `data.corpus.path`."""
        options = (word[2:].partition("=")[0] for word in self.words if word.startswith("--"))
        return [name.replace(".init_args", "").rstrip("+") for name in options]

    def values_of(self, name: str) -> list[str]:
        """Return all values of an option.

        >>> Words.of(["--run", "wide", "--data.lanes=2", "--run=b"]).values_of("run")
        ['wide', 'b']
        """
        pairs = (word.partition("=") for word in self.words)
        return [value for option, equals, value in pairs if option == f"--{name}" and equals]

    def value_of(self, name: str) -> str | None:
        """Return the last value of an option; None if it wasn't typed."""
        return next(reversed(self.values_of(name)), None)

    def having(self, name: str, value: str | None) -> "Words":
        """Replace an option's values by one; None removes the option."""
        others = tuple(word for word in self.words if word.partition("=")[0] != f"--{name}")
        return replace(self, words=others if value is None else (*others, f"--{name}={value}"))

    def listing(self, names: Collection[str]) -> "Words":
        """Turn repeated options into lists: the first replaces a configuration's, others are added."""
        words, seen = list(self.words), set[str]()
        for at, word in enumerate(words):
            name, equals, value = word.removeprefix("--").partition("=")
            if word.startswith("--") and equals and name in names:
                listed = value if value.startswith("[") else json.dumps([value])
                words[at] = f"--{name}{'+' if name in seen else ''}={listed}"
                seen.add(name)
        return replace(self, words=tuple(words))

    def gathering(self, name: str) -> "Words":
        """Turn the words that are no options into the list of an argument.

        >>> Words.of(["a.mid", "--png", "b.mid"]).gathering("melody").words
        ('["a.mid", "b.mid"]', '--png=true')
        """
        free = [word for word in self.words if not word.startswith("--")]
        options = tuple(word for word in self.words if word.startswith("--"))
        return replace(self, words=(json.dumps([*free, *self.rest]), *options), rest=()) if free or self.rest else self

    def refuse_missing_configs(self) -> None:
        """Refuse configurations that are neither files nor options in YAML; the parser reports wrong YAML.

        Raises:
            OptionError: If there is one.
        """
        for config in self.configs:
            with suppress(yaml.YAMLError, RecursionError):
                if not config.options and isinstance(yaml.safe_load(config.value), str):
                    raise OptionError(
                        f"There is no configuration {config.value[:200]}; expected a file of options in YAML; correct "
                        "--config."
                    )

    def import_modules(self) -> None:
        """Import the modules of --import.

        Raises:
            OptionError: If one can't be imported.
        """
        for module in self.modules:
            try:
                import_typed(module)
            except ImportError as error:
                raise OptionError(
                    f"The module {module!r} can't be imported ({error}); expected one that runs, here or installed; "
                    "correct it, or --import."
                ) from error

    def spelled_out(self, kinds: Mapping[str, type[Any]]) -> "Words":
        """Replace the short names of classes in the modules of --import by dotted paths.

        Args:
            kinds: Base classes of options, such as that of model.network.

        Raises:
            OptionError: If another class has the name, too.
        """
        words = list(self.words)
        for at, word in enumerate(words):
            option, _, value = word.removeprefix("--").partition("=")
            kind, name = kinds.get(option.removesuffix(".help")), _class_path(value)
            own = None if kind is None or name is None or "." in name else _own(name, kind, self.modules)
            if own is not None:
                words[at] = f"--{option}={value.replace(str(name), own, 1)}"
        return replace(self, words=tuple(words))

    def refuse_unknown(self, kinds: Mapping[str, type[Any]]) -> None:
        """Refuse short names that no class has.

        Args:
            kinds: Base classes of options, such as that of model.network.

        Raises:
            OptionError: If there is such a name; it lists our classes.
        """
        for option, kind in kinds.items():
            known = {one.__name__: path_of(one) for one in subclasses(kind) if not inspect.isabstract(one)}
            for value in (*self.values_of(option), *self.values_of(f"{option}.help")):
                name = _class_path(value)
                if name is None or name in known or re.fullmatch(r"(\w+\.)+\w+", name):
                    continue
                public = [one for one, path in known.items() if re.match(_OURS, path) and not one.startswith("_")]
                raise OptionError(
                    f"There is no {option.rpartition('.')[2]} {name!r}; expected {', '.join(sorted(public))}, or the "
                    f"dotted path of your own class; correct --{option}."
                )


def joined(args: Sequence[str]) -> Iterator[str]:
    """Join each option and its value into one word.

    >>> list(joined(["--data.window", "64", "--config=a.yaml", "--png"]))
    ['--data.window=64', '--config=a.yaml', '--png=true']
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
        if not equals and name in _FLAGS and follows not in _FLAGS[name]:
            equals, value = "=", "true"
        elif not equals and name not in _ALONE and not follows.startswith("--"):
            equals, value = "=", words.pop(0)
        yield f"--{name}{equals}{_NO_RULES if (name, value) == ('rules', 'none') else value}"


def _config(value: str) -> Config:
    """Read a configuration, and update the paths of moved classes."""
    if not value.strip():
        raise OptionError(
            "--config names no file; expected options in YAML, such as NAME: VALUE; correct it, or leave --config out."
        )
    path = Path(value)
    if not os.path.exists(value):  # noqa: PTH110  # it may be YAML
        return Config(value, path, {})
    text, options = read_options(path)
    new = renewed(text)
    if isinstance(data := options.get("data"), Mapping) and "quantize" in data:  # earlier fits saved it
        kept = {name: option for name, option in data.items() if name != "quantize"}
        new = renewed(yaml.safe_dump({**options, "data": kept}))
    return Config(value, path, options) if new == text else Config(new, path, yaml.safe_load(new))


def _own(name: str, kind: type[Any], modules: Sequence[str]) -> str | None:
    """Find the dotted path of a class in imported modules by its short name; None if none of them has it."""
    paths = {f"{module}.{name}": imported(f"{module}.{name}") for module in modules}
    found = {path: one for path, one in paths.items() if inspect.isclass(one) and issubclass(one, kind)}
    others = {one for one in subclasses(kind) if one.__name__ == name and path_of(one).startswith("bachlit.")}
    if len(others | set(found.values())) > 1:
        several = ", ".join(sorted({*found, *map(path_of, others)}))
        raise OptionError(f"Several classes are named {name}: {several}; expected one of them; type its dotted path.")
    return next(iter(found), None)


def _class_path(word: str) -> str | None:
    """Find the class in an option's value: a name, or YAML with a class_path."""
    try:
        value = yaml.safe_load(word)
    except (yaml.YAMLError, RecursionError, ValueError):  # which the parser reports
        return None
    named = value.get("class_path") if isinstance(value, Mapping) else value
    return named if isinstance(named, str) else None
