"""Entropy: how sure a model's predictions are, teacher-forced."""

import torch
from torch import Tensor
from torchmetrics import Metric


class Entropy(Metric):
    """Mean entropy of the predictions of tokens, in nats per token.

    A calibrated model is as unsure as it is wrong: its entropy equals its loss. Less is overconfidence, as after too
    many epochs.

    >>> metric = Entropy()
    >>> even, sure = [0.0, 0.0], [0.0, -torch.inf]
    >>> metric.update(torch.tensor([[even, sure, even]]), torch.tensor([[0, 0, -100]]), torch.zeros(1, 3).long())
    >>> round(metric.compute().item(), 4)  # half of a bit
    0.3466
    """

    full_state_update = False
    nats: Tensor
    tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("nats", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("tokens", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor, slots: Tensor) -> None:
        """Add the real steps of a window.

        Args:
            logits: (B, N, V).
            targets: (B, N), below 0 for padding.
            slots: (B, N), unused.
        """
        log_probs = logits[targets >= 0].float().log_softmax(-1)  # (M, V)
        nats = torch.where(log_probs.isneginf(), 0.0, -log_probs * log_probs.exp()).sum()
        self.nats = self.nats + nats.to(self.nats)
        self.tokens = self.tokens + len(log_probs)

    def compute(self) -> Tensor:
        """Nats per token; 0 if empty."""
        return (self.nats / self.tokens.clamp(min=1)).float()
