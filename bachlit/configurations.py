"""The configuration files that are typed: found among the words, and read, before a parser sees them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bachlit.errors import OptionError

_EXPECTED = "expected options in YAML, such as trainer: {max_epochs: 3}; correct it, or leave --config out."


def part_configs(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The `--config` options with what they name, and all other words.

    Raises:
        OptionError: If one names nothing.

    >>> part_configs(["--config", "small.yaml", "--data.lanes", "2", "-c=big.yaml"])
    (['--config=small.yaml', '--config=big.yaml'], ['--data.lanes', '2'])
    """
    configs: list[str] = []
    others: list[str] = []
    words = iter(args)
    for word in words:
        option, equals, value = word.partition("=")
        if option not in ("--config", "-c"):
            others.append(word)
            continue
        value = value if equals else next(words, "")
        if not value.strip():
            raise OptionError(f"--config names no file; {_EXPECTED}")
        configs.append(f"--config={value}")
    return configs, others


def documents(configs: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The text of each typed file, and what it says; a file that isn't there is left to the parser.

    Raises:
        OptionError: If one holds no options.
    """
    for word in configs:
        path = Path(word.removeprefix("--config="))
        if path.exists():
            yield _read(path)


def _read(path: Path) -> tuple[str, Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        options = yaml.safe_load(text)
    except OSError as error:
        raise OptionError(f"The configuration {path} can't be read ({error.strerror}); {_EXPECTED}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"The configuration {path} isn't text in UTF-8; {_EXPECTED}") from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).replace('in "<unicode string>", ', "at ").split())
        raise OptionError(f"The configuration {path} is no YAML ({said}); {_EXPECTED}") from error
    if not isinstance(options, Mapping):
        raise OptionError(f"The configuration {path} holds no options; {_EXPECTED}")
    return text, options
