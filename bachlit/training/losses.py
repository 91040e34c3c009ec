"""Losses: the targets that count, how far two predictions differ, and the likelihood of a fold."""

import torch
from torch import Tensor

from bachlit.encoding import Encoding
from bachlit.metrics import Likelihood


def without_padding(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Select the logits (M, V) and targets (M,) of real steps from (B, N, V) and (B, N)."""
    targets = targets.flatten()
    real = (targets >= 0).nonzero().squeeze(1)  # selecting by index costs a quarter of selecting by mask
    return logits.flatten(0, 1).index_select(0, real), targets.index_select(0, real)


def divergence(logits: Tensor) -> Tensor:
    """Measure how two readings of M steps differ: the mean of KL(p|q) and KL(q|p), in nats.

    Args:
        logits: (2 M, V), one reading after the other; tokens that both rule out cost nothing.

    >>> divergence(torch.tensor([[0.0, 0.0], [0.0, 0.0]])).item()
    0.0
    """
    log_p, log_q = logits.float().log_softmax(1).chunk(2)  # (M, V) each
    difference = torch.where(log_p == log_q, 0.0, log_p - log_q)
    return ((log_p.exp() - log_q.exp()) * difference).sum(1).mean() / 2


def likelihood_of(encoding: Encoding) -> Likelihood:
    """Make the metric that tallies a fold's nats and accuracies by an encoding's slots."""
    return Likelihood(encoding.slot_names, completes_frame=encoding.completes_frame(), kinds=encoding.kinds())
