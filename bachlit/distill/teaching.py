"""Teachers: models whose mean writes variants of the corpus, and says what it expects at each step."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from bachlit.distill.ensemble import Ensemble
from bachlit.encoding import SatbEncoding, Tokens
from bachlit.errors import OptionError
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.networks import Network
from bachlit.tokens import END

NUM_EXPECTED = 12
"""Likeliest tokens that a soft target keeps."""


def ensemble_of(models: Sequence[LanguageModel], views: int) -> LanguageModel:
    """Average models of one encoding, each over neighbouring keys.

    Args:
        models: The teachers. One that is given twice counts twice.
        views: Keys over which each averages its predictions.

    Raises:
        OptionError: If their encodings or keys differ, or there is one that has no views.
    """
    first = models[0]
    told = [(type(model.encoding), model.encoding.config, model.keys) for model in models]
    if any(one != told[0] for one in told):
        raise OptionError(
            "The teachers' encodings or keys differ, so their predictions can't be averaged; expected the same; name "
            "teachers that were trained on the same data."
        )
    seen = {model: _seen_in(model, views) for model in models}  # each once, since an ensemble computes it once
    return LanguageModel(Ensemble([seen[model] for model in models]).eval(), first.encoding, first.keys)


def _seen_in(model: LanguageModel, views: int) -> Network:
    """Rebuild a model's network with a number of views."""
    description = model.describe()
    if "views" not in description["network"]["init_args"]:
        if views == 1:
            return model.network
        raise OptionError(
            f"A {type(model.network).__name__} can't average {views} keys; expected a network with views; set "
            "--views 1."
        )
    description["network"]["init_args"]["views"] = views
    network = LanguageModel.build(description).network
    network.load_state_dict(model.network.state_dict())
    return network


@torch.no_grad()
def soft_targets(
    network: Network, pieces: Sequence[Tokens], *, together: int = 8
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Compute what a network expects at each step of whole pieces, teacher-forced.

    Args:
        network: In evaluation.
        pieces: P pieces, from their starts to END.
        together: Pieces at once.

    Returns:
        For each piece of M steps the likeliest tokens (M, C), and their probabilities, which add up to 1.
    """
    order = sorted(range(len(pieces)), key=lambda index: len(pieces[index]))
    made: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = {}
    for first in range(0, len(order), together):
        some = order[first : first + together]
        longest = max(len(pieces[index]) for index in some) - 1
        inputs = torch.full((len(some), longest), END)
        for row, index in enumerate(some):
            inputs[row, : len(pieces[index]) - 1] = torch.from_numpy(np.asarray(pieces[index][:-1], np.int64))
        logits, _ = network(inputs, network.initial_memory(len(some)))
        shares, ids = logits.softmax(-1).topk(NUM_EXPECTED)  # (B, N, C) each
        shares /= shares.sum(-1, keepdim=True)
        for row, index in enumerate(some):
            num = len(pieces[index]) - 1
            made[index] = ids[row, :num].numpy(), shares[row, :num].numpy()
    return [made[index] for index in range(len(pieces))]


def encoded(encoding: SatbEncoding, chorale: Chorale) -> list[Tokens]:
    """Encode a chorale as a student may meet it: as it stands, and without its fermatas if these may be unknown."""
    bare = replace(chorale, fermatas=np.zeros(chorale.num_frames, np.bool_))
    met = [chorale, bare] if encoding.unknown_fermatas and chorale.fermatas.any() else [chorale]
    return [encoding.encode(one) for one in met]
