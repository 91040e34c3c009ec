"""Read what a checkpoint or a model's folder records beside the weights: pieces, options, figures, versions."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from types import MappingProxyType
from typing import Any, NamedTuple

from bachlit.errors import CheckpointError
from bachlit.files.reading import read_bounded
from bachlit.models.checkpoints import read_checkpoint
from bachlit.models.shipped import CORPUS, SPLIT

VERSIONS = "bachlit_versions"
"""The entry of a checkpoint with the releases that wrote it."""

# The libraries whose releases change figures.
_LIBRARIES = ("bachlit", "torch", "pytorch-lightning", "music21")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Recorded(NamedTuple):
    """Records of a model, as others wrote them: plain data, of which nothing is made or imported.

    Attributes:
        split: Names of the pieces per fold.
        options: Of the fit: `model`, `data`, `seed_everything`; of a folder, the data's corpus.
        figures: Of training and validation, logged when these weights were.
        steps: Of the optimiser; None if unknown.
        versions: Release by library.
    """

    split: Mapping[str, Sequence[str]] = _NOTHING
    options: Mapping[str, Any] = _NOTHING
    figures: Mapping[str, float] = _NOTHING
    steps: int | None = None
    versions: Mapping[str, str] = _NOTHING

    @property
    def corpus(self) -> Any:
        """The options of the corpus, a class and its arguments; anything in a file of others, None if unknown."""
        return self.options.get("data", {}).get("corpus")


def recorded(path: Path) -> Recorded:
    """Read the records of a checkpoint of `bachlit fit`, or of a model's folder.

    Raises:
        CheckpointError: If the checkpoint doesn't exist, or something in it or in the folder isn't what `fit` records.
    """
    content = None if path.is_dir() else read_checkpoint(path)
    try:
        return _of_folder(path) if content is None else _of_checkpoint(content)
    except Exception as error:  # a foreign file may hold anything
        raise CheckpointError(
            f"{path} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__})."
        ) from error


def versions() -> dict[str, str]:
    """Name the releases in use of what changes a model's figures, Python's last."""
    return {**{name: version(name) for name in _LIBRARIES}, "Python": python_version()}


def _of_folder(folder: Path) -> Recorded:
    split, corpus = (
        json.loads(read_bounded(path)) if path.is_file() else None for path in (folder / SPLIT, folder / CORPUS)
    )
    return Recorded(_names({} if split is None else split), {} if corpus is None else {"data": {"corpus": corpus}})


def _of_checkpoint(content: Mapping[str, Any]) -> Recorded:
    split = json.loads(content.get("ChoraleDataModule", {}).get("split", "{}"))
    options = json.loads(content.get("bachlit_options", "{}"))
    if not isinstance(options.get("data", {}), dict):
        raise TypeError("no options")
    steps = content.get("global_step")
    found = content.get(VERSIONS, {"pytorch-lightning": content.get("pytorch-lightning_version")})
    return Recorded(
        _names(split),
        options,
        _figures(content, steps),
        steps if type(steps) is int else None,
        {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {},
    )


def _names(split: Any) -> Mapping[str, Sequence[str]]:
    """Check that a split is lists of names per fold."""
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in split.values()):
        raise TypeError("a fold is a list of names")
    return split  # type: ignore[no-any-return]


def _figures(content: Mapping[str, Any], steps: Any) -> dict[str, float]:
    """Find the row of `TrainingCurves` at the checkpoint's step; empty if it kept none."""
    try:
        rows = content["callbacks"]["TrainingCurves"]["rows"]
        row = next(row for row in reversed(rows) if row["step"] == steps)
        return {name: float(value) for name, value in row.items() if isinstance(name, str) and type(value) is not str}
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError):  # no curves, or not ours
        return {}
