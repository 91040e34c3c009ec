"""Averaging: one model whose weights are the mean of several models'."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bachlit.errors import OptionError
from bachlit.models.language_model import LanguageModel


def averaged(models: Sequence[LanguageModel], names: Sequence[str]) -> LanguageModel:
    """Average the weights of models that began with the same ones.

    Their mean is one network, as fast as each, and often better than all (Wortsman et al., *Model soups*, 2022). Models
    that began with other weights have nothing in common, and their mean knows nothing. The calibration isn't averaged:
    it is of other weights.

    Args:
        models: At least one.
        names: Of the models, for messages.

    Returns:
        A new model.

    Raises:
        OptionError: If two are built otherwise.
    """
    first = models[0]
    for model, name in zip(models[1:], names[1:], strict=True):
        keys = [] if model.keys == first.keys else [f"--data.keys is {model.keys} there, {first.keys} here"]
        if told := [*differences(model, first), *keys]:
            raise OptionError(
                f"{name} can't be averaged with {names[0]}, which is built otherwise ({', '.join(told)}); expected the "
                "same sizes, encoding and keys; leave it out."
            )
    mean = LanguageModel.build(first.describe())
    weights = [model.network.state_dict() for model in models]
    mean.network.load_state_dict(
        {
            name: torch.stack([one[name].double() for one in weights]).mean(0).to(part.dtype)
            if part.is_floating_point()
            else part
            for name, part in weights[0].items()
        }
    )
    return mean


def differences(model: LanguageModel, other: LanguageModel) -> list[str]:
    """Tell what keeps the weights of a model from fitting another one; dropouts may differ.

    Returns:
        Options with both values, or an empty list.
    """
    shapes = [{name: part.shape for name, part in one.network.state_dict().items()} for one in (model, other)]
    network = _different(model.network, other.network, "--model.network")
    encoding = _different(model.encoding, other.encoding, "--data.encoding")
    alike = shapes[0] == shapes[1] and type(model.network) is type(other.network) and not encoding
    return [] if alike else [*network, *encoding] or ["the weights' sizes"]


def _different(found: Any, own: Any, option: str) -> list[str]:
    """Tell what differs between two networks or encodings: their classes, or options of these."""
    if type(found) is not type(own):
        return [f"{option} is {type(found).__name__} there, {type(own).__name__} here"]
    config: Mapping[str, Any] = own.config
    return [
        f"{option}.{name} is {value} there, {config.get(name)} here"
        for name, value in found.config.items()
        if value != config.get(name) and not isinstance(value, float)  # dropouts may differ
    ]
