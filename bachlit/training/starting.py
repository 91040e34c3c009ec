"""Starting: weights of another model, with which training begins."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from bachlit.errors import OptionError
from bachlit.models.averaging import differences
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
    if told := differences(found, model):
        raise OptionError(
            f"{start} can't start this model, which is built otherwise ({', '.join(told)}); expected the same sizes "
            "and encoding; give these options its values, or name another model."
        )
    weights: Mapping[str, Tensor] = found.network.state_dict()
    return weights
