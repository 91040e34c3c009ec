"""Parts of a model card, in Markdown: facts, figures, options."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from bachlit.models.language_model import LanguageModel
from bachlit.rendering.escaping import fenced, in_markdown

# Options of places on a machine: they say nothing of a model, and something of its owner.
_PLACES = ("cache", "path", "prompts", "workers")
_ABSOLUTE = re.compile(r"[/~\\]|[A-Za-z]:[/\\]")


def facts_of(model: LanguageModel) -> dict[str, str]:
    """Describe a model: its network, encoding, vocabulary and keys."""
    network, encoding = model.network, model.encoding
    parameters = sum(weights.numel() for weights in network.parameters())
    return {
        "network": f"{type(network).__name__} {network.config}, {parameters:,} parameters",
        "encoding": f"{type(encoding).__name__} {encoding.config}",
        "vocabulary": f"{encoding.vocabulary_size} tokens",
        "keys": model.keys,
    }


def table(*rows: tuple[str, ...]) -> str:
    r"""Write a table with aligned columns; the first row is its head.

    >>> print(table(("", "nats"), ("a|b", "1.5")))
    |      | nats |
    |------|------|
    | a\|b | 1.5  |
    """
    rows = tuple(tuple(map(in_markdown, row)) for row in rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def listed(releases: Mapping[str, str]) -> str:
    """Write releases in a line.

    >>> listed({"bachlit": "0.1.0", "Python": "3.11.7"})
    'bachlit 0.1.0, Python 3.11.7'
    """
    return ", ".join(f"{name} {release}" for name, release in releases.items())


def sizes_of(split: Mapping[str, Any]) -> str:
    """Count the pieces of each fold.

    >>> sizes_of({"train": ["a", "b"], "valid": ["c"]})
    '2 train, 1 valid'
    """
    return ", ".join(f"{len(names)} {fold}" for fold, names in split.items())


def options_block(options: Mapping[str, Any]) -> str:
    """Write options as YAML, those alone that have a value."""
    return fenced(yaml.safe_dump(_given(options), sort_keys=False), "yaml")


def without_places(options: Any) -> Any:
    """Drop the options of places on a machine, by their names and by what they look like.

    >>> without_places({"class_path": "mine.Corpus", "init_args": {"path": "a", "scores": "/home/me", "size": 3}})
    {'class_path': 'mine.Corpus', 'init_args': {'size': 3}}
    """
    if isinstance(options, Mapping):
        return {
            name: without_places(value)
            for name, value in options.items()
            if name not in _PLACES and not (isinstance(value, str) and _ABSOLUTE.match(value))
        }
    return [without_places(value) for value in options] if isinstance(options, list) else options


def _given(options: Any) -> Any:
    """Drop the options that are None."""
    if isinstance(options, Mapping):
        return {name: _given(value) for name, value in options.items() if value is not None}
    return [_given(value) for value in options] if isinstance(options, list) else options
