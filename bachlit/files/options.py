"""Read options in YAML, within bounds of memory."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from bachlit.errors import OptionError

_EXPECTED = "expected options in YAML, such as NAME: VALUE; correct it, or leave --config out."

# What a person writes has some hundred values, of which one is within ten others at most.
_MAX_BYTES, _MAX_DEPTH, _MAX_VALUES, _MAX_LENGTH = 2**18, 64, 10_000, 10_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_options(path: Path) -> tuple[str, Mapping[str, Any]]:
    """Read a configuration: its text, and its options.

    It is looked through before anything is made of it: a few lines of aliases may stand for more than memory holds.

    Raises:
        OptionError: If it isn't a file of some size with options in YAML.
    """
    text, options, fault = "", None, "is a pipe"
    try:
        if not path.is_fifo():  # it can be read once, and the parser wants it, too
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
            fault = f"has more than {_MAX_BYTES // 1024} kB"
            if len(content) <= _MAX_BYTES:
                text = content.decode()
                fault = _swollen(text) or ""
        options = None if fault else yaml.load(text, Loader=_LOADER)
    except OSError as error:
        fault = f"can't be read ({error.strerror})"
    except UnicodeDecodeError:
        fault = "isn't text in UTF-8"
    except (yaml.YAMLError, ValueError) as error:  # such as of a number of 5,000 digits
        message = " ".join(str(error).replace('in "<unicode string>", ', "at ").split())
        fault = f"is no YAML ({message})"
    if fault or not isinstance(options, Mapping):
        raise OptionError(f"The configuration {path} {fault or 'holds no options'}; {_EXPECTED}")
    return text, options


def refuse_swollen_word(word: str) -> None:
    """Refuse YAML on the command line that no memory holds; what is no YAML is left to the parser."""
    with suppress(yaml.YAMLError):
        swollen = _swollen(word.partition("=")[2] if word.startswith("--") else word)
        if swollen:
            raise OptionError(f"The word {word[:40]!r} {swollen}; expected less; correct it.")


def _swollen(text: str) -> str | None:
    """Name what is too much in YAML, if anything; aliases count as what they stand for.

    >>> _swollen("{a: &a [1, 2], b: [*a, *a]}")
    >>> _swollen("[" * 99 + "]" * 99)
    'has values within more than 64 others'
    """
    sizes: dict[str, tuple[int, int]] = {}  # of what has an anchor: values, and how deep they are
    open_values: list[tuple[str | None, int, int]] = [(None, 0, 0)]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            open_values.append((event.anchor, 1, 0))
            if len(open_values) > _MAX_DEPTH:
                return f"has values within more than {_MAX_DEPTH} others"
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size, depth = open_values.pop()
            depth += 1
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _, _ in open_values):
                return "has a value that holds itself"
            anchor, (size, depth) = None, sizes.get(event.anchor, (1, 0))  # of what isn't there, the parser speaks
        elif isinstance(event, yaml.ScalarEvent):
            if len(event.value) > _MAX_LENGTH:
                return f"has a value of more than {_MAX_LENGTH:,} characters"
            anchor, size, depth = event.anchor, 1, 0
        else:
            continue
        if anchor is not None:
            sizes[anchor] = size, depth
        above, total, deepest = open_values.pop()
        open_values.append((above, total + size, max(deepest, depth)))
        if total + size > _MAX_VALUES:
            return f"has more than {_MAX_VALUES:,} values"
        if len(open_values) + depth > _MAX_DEPTH:
            return f"has values within more than {_MAX_DEPTH} others"
    return None
