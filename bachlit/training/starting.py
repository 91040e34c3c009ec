"""Starting: weights of another model, with which training begins."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bachlit.errors import OptionError
from bachlit.models.language_model import LanguageModel


def weights_from(start: str | Path, model: LanguageModel) -> Mapping[str, Tensor]:
    """Load the weights of a model that is built like another one; their dropouts, views and keys may differ.

    Args:
        start: As `--checkpoint` elsewhere.
        model: That is to begin with them.

    Returns:
        The weights by name.

    Raises:
        CheckpointError: If there is no model, or it is damaged.
        OptionError: If its network or encoding is another.
    """
    found = LanguageModel.load(start)
    weights: Mapping[str, Tensor] = found.network.state_dict()
    shapes, expected = (
        {name: one.shape for name, one in part.items()} for part in (weights, model.network.state_dict())
    )
    network = _difference(found.network, model.network, "--model.network")
    encoding = _difference(found.encoding, model.encoding, "--data.encoding")
    if shapes != expected or type(found.network) is not type(model.network) or encoding:
        raise OptionError(
            f"{start} can't start this model, which is built otherwise ({', '.join([*network, *encoding])}); expected "
            "the same sizes and encoding; give these options its values, or name another model."
        )
    return weights


def _difference(found: Any, own: Any, option: str) -> list[str]:
    """Tell what differs between two networks or encodings: their classes, or options of these."""
    if type(found) is not type(own):
        return [f"{option} is {type(found).__name__} there, {type(own).__name__} here"]
    return [
        f"{option}.{name} is {value} there, {own.config.get(name)} here"
        for name, value in found.config.items()
        if value != own.config.get(name) and not isinstance(value, float)  # dropouts may differ
    ]
