"""Train networks that find phrase ends: minutes of one core."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from bachlit.phrases.augmenting import varied
from bachlit.phrases.features import features_of
from bachlit.phrases.line import Line
from bachlit.phrases.network import PhraseNetwork

_LEARNING_RATE = 3e-3
_WARM_UP = 50  # steps at most


def train(
    lines: Sequence[Line], *, epochs: int, hidden: int = 32, batch: int = 16, varying: float = 0.8, seed: int = 0
) -> PhraseNetwork:
    """Train a network on tunes whose phrases are known.

    Args:
        lines: The tunes; those without any phrase end are left out.
        epochs: Passes over them.
        hidden: Units of the network in each direction.
        batch: Tunes per step.
        varying: Share of tunes that are varied (`augmenting`), anew in each epoch.
        seed: Of weights, order and variants.
    """
    lines = [line for line in lines if line.ends[:-1].any()]
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    network = PhraseNetwork(hidden)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    per_epoch = math.ceil(len(lines) / batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _Decay(per_epoch * epochs))
    network.train()
    for _ in tqdm(range(epochs), desc=f"seed {seed}", unit="epoch"):
        for features, lengths, ends in _batches(lines, batch, varying, generator):
            counted = torch.arange(features.shape[1]) < (lengths - 1)[:, None]  # (B, N): all but the last notes
            losses = binary_cross_entropy_with_logits(network(features, lengths), ends, reduction="none")
            optimizer.zero_grad()
            losses[counted].mean().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.eval()


class _Decay:
    """Warm up, and decay by a cosine."""

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps
        self.warm_up = min(_WARM_UP, num_steps // 10 + 1)

    def __call__(self, step: int) -> float:
        return min(1.0, (step + 1) / self.warm_up) * (1 + math.cos(math.pi * step / self.num_steps)) / 2


def _batches(
    lines: Sequence[Line], batch: int, varying: float, generator: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield features (B, N, F), lengths (B,) and ends (B, N) of all tunes, in random order."""
    order = generator.permutation(len(lines))
    block = 16 * batch  # sorted by length, for less padding
    sorted_blocks = [
        sorted(order[i : i + block], key=lambda index: lines[index].num_notes) for i in range(0, len(order), block)
    ]
    order = np.concatenate(sorted_blocks)
    for first in generator.permutation(range(0, len(order), batch)):
        chosen = [lines[index] for index in order[first : first + batch]]
        chosen = [varied(line, generator) if generator.random() < varying else line for line in chosen]
        features = pad_sequence([torch.from_numpy(features_of(line)) for line in chosen], batch_first=True)
        ends = pad_sequence([torch.from_numpy(line.ends).float() for line in chosen], batch_first=True)
        yield features, torch.tensor([line.num_notes for line in chosen]), ends
