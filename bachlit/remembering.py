"""What a checkpoint remembers of the options that made it, and how a later command recalls them, safely."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from bachlit.checkpoints import read_checkpoint
from bachlit.errors import CheckpointError
from bachlit.language_model import LanguageModel

# What a checkpoint remembers, and nothing besides, whatever is in it.
_PARTS = ("model", "data")
# Options that name a class or a function, and options that name a file.
_CLASS_KEYS = ("class_path", "network", "loss", "optimizer", "lr_scheduler", "corpus", "encoding")
_PLACE_KEYS = ("prompts", "path", "cache")


class RememberOptions(Callback):
    """Writes the options of the model and the data into every checkpoint, so that later commands needn't repeat them.

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


def recall(path: Path | None, *, typed: Sequence[str] = ()) -> dict[str, Any]:
    """The options that a checkpoint remembers; of a model that no command trained, its network, encoding and keys.

    Args:
        path: A checkpoint, or a folder that `LanguageModel.save` wrote; None for no options.
        typed: What the user typed, configuration files' texts among it. A class that is named there may be imported.

    Raises:
        CheckpointError: If there is no checkpoint, or it names a class that is neither imported nor typed.
    """
    if path is None:
        return {}
    options: dict[str, Any]
    if path.is_dir():
        options = _options_of(LanguageModel.load(path).describe())
    else:
        checkpoint = read_checkpoint(path)
        try:
            remembered = checkpoint.get("bachlit_options")
            options = json.loads(remembered) if remembered else _options_of(checkpoint["bachlit"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__}); expected a file that "
                "`bachlit fit` wrote."
            ) from error
    # Text instead of a mapping would be the name of a file from which the parser reads more.
    options = {part: options[part] for part in _PARTS if isinstance(options.get(part), Mapping)}
    named = {part for word in typed for part in re.findall(r"[A-Za-z_][\w.]*", word.partition("=")[2] or word)}
    for class_path in _class_paths(options):
        # Parsing the options would import the module of a class that isn't known yet, and run whatever is in it.
        if class_path not in named:
            raise CheckpointError(
                f"The checkpoint wants the class {class_path}, which isn't imported here; if you trust it, name it on "
                f"the command line, such as --model.network {class_path}."
            )
    return options


def _options_of(description: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": {"network": description["network"]},
        "data": {"encoding": description["encoding"], "keys": description["keys"]},
    }


def _class_paths(options: Any, key: str = "") -> Iterator[str]:
    """What would be imported: names that an option of a class has, and whatever else may be one that Python finds.

    Any option may turn out to be that of a function, and its text to be a class with its own options.
    """
    if isinstance(options, Mapping):
        for name, value in options.items():
            yield from _class_paths(name)
            yield from _class_paths(value, name)
    elif isinstance(options, list):
        for value in options:
            yield from _class_paths(value, key)
    elif isinstance(options, str) and key in _CLASS_KEYS:
        yield from [options] * (not _imported(options))
    elif isinstance(options, str) and key not in _PLACE_KEYS:
        if _is_file(options):
            yield options
        for name in re.findall(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+", options):
            if not _imported(name) and _importable(name):
                yield name


def _is_file(text: str) -> bool:
    """Whether the parser, which reads what a checkpoint remembers in a folder of its own, would find a file."""
    with suppress(OSError, RuntimeError, ValueError):  # names that can't be any
        return Path(os.path.normpath(Path(tempfile.gettempdir(), "_", Path(text).expanduser()))).is_file()
    return False


def _imported(class_path: str) -> bool:
    module, _, name = class_path.rpartition(".")
    return module in sys.modules and hasattr(sys.modules[module], name)


def _importable(class_path: str) -> bool:
    """Whether its first module can be found, which runs nothing."""
    try:
        return find_spec(class_path.partition(".")[0]) is not None
    except ValueError:  # one that is imported, but from nowhere
        return True
