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
    if _built(found) != _built(model):
        raise OptionError(
            f"{start} is {_described(found)}; it is to start {_described(model)}; expected the same sizes and "
            "encoding; give both the same."
        )
    weights: Mapping[str, Tensor] = found.network.state_dict()
    return weights


def _built(model: LanguageModel) -> tuple[Any, ...]:
    shapes = {name: weights.shape for name, weights in model.network.state_dict().items()}
    return type(model.network), shapes, type(model.encoding), model.encoding.config


def _described(model: LanguageModel) -> str:
    network, encoding = model.network, model.encoding
    return f"{type(network).__name__} {network.config} in {type(encoding).__name__} {encoding.config}"
