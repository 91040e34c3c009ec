"""Losses: the targets that count, how far two predictions differ, and the likelihood of a fold."""

import torch
from torch import Tensor, nn

from bachlit.encoding import Encoding
from bachlit.metrics import Likelihood


def without_padding(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Select the logits (M, V) and targets (M,) of real steps from (B, N, V) and (B, N)."""
    targets = targets.flatten()
    real = (targets >= 0).nonzero().squeeze(1)  # selecting by index costs a quarter of selecting by mask
    return logits.flatten(0, 1).index_select(0, real), targets.index_select(0, real)


def soft_cross_entropy(logits: Tensor, ids: Tensor, shares: Tensor) -> Tensor:
    """Compute the mean cross-entropy of predictions with soft targets, in nats.

    That is the Kullback-Leibler divergence from them, plus their own entropy, which no training changes (Hinton et al.,
    *Distilling the knowledge in a neural network*, 2015).

    Args:
        logits: (M, V).
        ids: (M, C) tokens.
        shares: (M, C) their probabilities; other tokens have none.

    >>> soft_cross_entropy(torch.zeros(1, 4), torch.tensor([[0, 3]]), torch.tensor([[0.25, 0.75]])).exp().item()
    4.0
    """
    return -(logits.float().log_softmax(1).gather(1, ids) * shares).sum(1).mean()


def is_in_nats(loss: nn.Module) -> bool:
    """Tell whether a loss is in nats per token: plain cross-entropy.

    >>> [is_in_nats(loss) for loss in (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1), nn.MSELoss())]
    [True, False, False]
    """
    return type(loss) is nn.CrossEntropyLoss and not loss.label_smoothing and loss.weight is None


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
