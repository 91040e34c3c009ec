"""Confidence: how sure a model's predictions are, teacher-forced, and how rightly so."""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_calibration_error
from torchmetrics.utilities import dim_zero_cat


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


class CalibrationError(Metric):
    """Expected calibration error of the predictions of tokens.

    Predictions are sorted into bins by the probability of their likeliest token; each bin's mean probability is
    compared with the share of tokens that were the likeliest, and the differences are averaged over all predictions
    (Guo et al., *On calibration of modern neural networks*, 2017).

    Args:
        num_bins: Of equal widths.

    >>> metric = CalibrationError()
    >>> sure = [50.0, 0.0]
    >>> metric.update(torch.tensor([[sure, sure, sure]]), torch.tensor([[0, 1, -100]]), torch.zeros(1, 3).long())
    >>> metric.compute().item()  # sure both times, right once
    0.5
    """

    full_state_update = False
    confidence: list[Tensor]
    right: list[Tensor]

    def __init__(self, num_bins: int = 15) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.add_state("confidence", [], dist_reduce_fx="cat")
        self.add_state("right", [], dist_reduce_fx="cat")

    def update(self, logits: Tensor, targets: Tensor, slots: Tensor) -> None:
        """Add the real steps of a window.

        Args:
            logits: (B, N, V).
            targets: (B, N), below 0 for padding.
            slots: (B, N), unused.
        """
        real = targets >= 0
        confidence, likeliest = logits[real].float().softmax(-1).max(-1)  # (M,) each
        self.confidence.append(confidence)
        self.right.append((likeliest == targets[real]).long())

    def compute(self) -> Tensor:
        """Give the mean difference of probabilities, 0 to 1; 0 if empty, NaN of a model that diverged."""
        if not len(self.confidence):
            return torch.zeros((), device=self.device)
        confidence, right = dim_zero_cat(self.confidence), dim_zero_cat(self.right)
        if not len(confidence) or confidence.isnan().any():
            return confidence.sum()
        return binary_calibration_error(confidence, right, self.num_bins)
