"""Read options in YAML, within bounds of memory."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from bachlit.errors import OptionError

# A person writes a few hundred values, nested ten levels deep at most.
_MAX_BYTES, _MAX_DEPTH, _MAX_VALUES, _MAX_LENGTH = 2**18, 64, 10_000, 10_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_options(path: Path) -> tuple[str, Mapping[str, Any]]:
    """Read a configuration: its text, and its options.

    It is checked before it is loaded: a few lines of aliases may stand for more values than memory holds.

    Raises:
        OptionError: If it isn't a file of bounded size with options in YAML.
    """
    try:
        if path.is_fifo():  # the parser wants to read it, too
            raise ValueError("a pipe")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES // 1024} kB")
        text = content.decode()
        _count(yaml.compose(text, Loader=_LOADER))
        options = yaml.load(text, Loader=_LOADER)
        if not isinstance(options, Mapping):
            raise ValueError("no options")
    except (OSError, RecursionError, ValueError, yaml.YAMLError) as error:
        message = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise OptionError(
            f"The configuration {path} can't be used ({message}); expected options in YAML, such as NAME: VALUE; "
            "correct it, or leave --config out."
        ) from error
    return text, options


def refuse_swollen_word(word: str) -> None:
    """Refuse YAML on the command line with too many values; the parser reports what isn't YAML."""
    with suppress(yaml.YAMLError):
        try:
            _count(yaml.compose(word.partition("=")[2] if word.startswith("--") else word, Loader=_LOADER))
        except (RecursionError, ValueError) as error:
            raise OptionError(f"The word {word[:40]!r} can't be used ({error}); expected less; correct it.") from error


def _count(node: yaml.Node | None, depth: int = 0) -> int:
    """Count the values in YAML; an alias counts as what it stands for.

    Raises:
        ValueError: If they are too many, too long, or nested too deep.

    >>> _count(yaml.compose("{a: &a [1, 2], b: [*a, *a]}"))
    13
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"values are nested more than {_MAX_DEPTH} deep")
    if not isinstance(node, yaml.CollectionNode):
        if node is not None and len(node.value) > _MAX_LENGTH:
            raise ValueError(f"a value has more than {_MAX_LENGTH:,} characters")
        return 1
    is_mapping, num = isinstance(node, yaml.MappingNode), 1
    for value in chain.from_iterable(node.value) if is_mapping else node.value:
        num += _count(value, depth + 1)
        if num > _MAX_VALUES:
            raise ValueError(f"more than {_MAX_VALUES:,} values")
    return num
