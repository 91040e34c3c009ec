"""Which class is typed for a part, so that its options start from its own defaults and not from another class's.

Where a class takes the place of a parser's default class, jsonargparse leaves it the default's options as far as it has
such, too: a FrameLSTM would have the three layers of TokenLSTM.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import zip_longest
from typing import Any

import yaml

from bachlit.classes import path_of, subclasses
from bachlit.corpus import Corpus
from bachlit.encoding import Encoding
from bachlit.networks import Network

PARTS: dict[str, type[Any]] = {"model.network": Network, "data.corpus": Corpus, "data.encoding": Encoding}


def typed_classes(documents: Sequence[Any], words: Sequence[str]) -> dict[str, str]:
    """The class that each part will have, if one is named.

    Args:
        documents: What configuration files say, the first of them first.
        words: What stands on the command line, which counts more.

    Returns:
        The path of the class by the part's name. Those that aren't there are left out: of them, the parser will speak.

    >>> typed_classes([{"model": {"network": "TokenLSTM"}}], ["--model.network", "FrameLSTM"])
    {'model.network': 'bachlit.networks.frame_lstm.FrameLSTM'}
    >>> typed_classes([], [])
    {}
    """
    typed: dict[str, str] = {}
    for part, kind in PARTS.items():
        named = [name for value in (*_written(part, documents), *_said(part, words)) if (name := _class_path(value))]
        if named:
            path = (
                named[-1]
                if "." in named[-1]
                else {one.__name__: path_of(one) for one in subclasses(kind)}.get(named[-1])
            )
            if path and _is_there(path):
                typed[part] = path
    return typed


def _is_there(path: str) -> bool:
    module, _, name = path.rpartition(".")
    try:
        return hasattr(import_module(module), name)
    except Exception:  # whatever goes wrong in a module of the user's own
        return False


def _written(part: str, documents: Sequence[Any]) -> Iterator[Any]:
    for document in documents:
        value = document
        for key in part.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        yield value


def _said(part: str, words: Sequence[str]) -> Iterator[Any]:
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        option, equals, value = word.partition("=")
        if option in (f"--{part}", f"--{part}.class_path"):
            try:
                yield yaml.safe_load(value if equals else following)
            except yaml.YAMLError:  # the parser will say so
                yield None


def _class_path(value: Any) -> str | None:
    named = value.get("class_path") if isinstance(value, Mapping) else value
    return named if isinstance(named, str) else None
