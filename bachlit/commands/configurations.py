"""The configuration files that are typed: found among the words, and read, before a parser sees them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bachlit.errors import OptionError
from bachlit.files.options import read_options, refuse_swollen_word

_EXPECTED = "expected options in YAML, such as NAME: VALUE; correct it, or leave --config out."


def part_configs(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The `--config` options with what they name, and all other words.

    Raises:
        OptionError: If one names nothing, or a word is YAML that no memory holds.

    >>> part_configs(["--config", "small.yaml", "--data.lanes", "2", "-c=big.yaml"])
    (['--config=small.yaml', '--config=big.yaml'], ['--data.lanes', '2'])
    """
    configs: list[str] = []
    others: list[str] = []
    words = iter(args)
    for word in words:
        option, equals, value = word.partition("=")
        if option not in ("--config", "-c"):
            refuse_swollen_word(word)
            others.append(word)
            continue
        value = value if equals else next(words, "")
        if not value.strip():
            raise OptionError(f"--config names no file; {_EXPECTED}")
        configs.append(f"--config={value}")
    return configs, others


def documents(configs: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read the typed files: their text, and their options. A file that isn't there is left to the parser.

    Raises:
        OptionError: If one holds no options, or more than memory does.
    """
    for word in configs:
        path = word.removeprefix("--config=")
        if os.path.exists(path):  # noqa: PTH110  # a text that is no path, such as one in YAML, isn't there either
            yield read_options(Path(path))
        else:
            refuse_swollen_word(path)
