"""Dropout of units, of whole steps and of recurrent weights."""

import torch
from torch import Tensor, nn


def _drop(x: Tensor, share: float) -> Tensor:
    """Zero a share of a tensor's elements at random, and scale the others up.

    `torch.nn.functional.dropout` takes five times as long on a processor: a fifth of a training step.
    """
    kept = torch.rand(x.shape, device=x.device) >= share
    return x * (kept.to(x.dtype) / (1 - share))


class Dropout(nn.Module):
    """Drop units in training.

    Args:
        share: Of the units.
        steady: Whether the same units of (B, N, H) are dropped at every step of a row (Gal and Ghahramani 2016).
        whole: Whether all units of a step are dropped together, or none.
    """

    def __init__(self, share: float, *, steady: bool = False, whole: bool = False) -> None:
        super().__init__()
        self.share, self.steady, self.whole = share, steady, whole

    def forward(self, x: Tensor) -> Tensor:
        """Drop units of (B, N, H)."""
        if not self.training or self.share == 0:
            return x
        units = x[:, :1] if self.steady else x
        units = units[:, :, :1] if self.whole else units
        return _drop(x, self.share) if units is x else x * _drop(torch.ones_like(units), self.share)


class DroppedLSTM(nn.LSTM):
    """LSTM layer with an open forget gate at first, and dropout of recurrent weights.

    A weight is dropped for all steps and rows of a call (Merity et al. 2018).

    Args:
        inputs: Size of the input.
        hidden: H.
        share: Of the recurrent weights that is dropped in training.
    """

    def __init__(self, inputs: int, hidden: int, share: float = 0.0) -> None:
        super().__init__(inputs, hidden, batch_first=True)
        self.share = share
        # PyTorch adds both biases (Jozefowicz et al. 2015 on the forget gate).
        [[*_, bias, other]] = self.all_weights
        nn.init.zeros_(other)
        nn.init.ones_(bias[hidden : 2 * hidden])

    def forward(  # type: ignore[override]  # no packed sequences, and never without a state
        self, x: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Read (B, N, I): outputs (B, N, H), and the last output and cell (1, B, H)."""
        if not self.training or self.share == 0:
            return super().forward(x, state)
        [[inputs, outputs, *biases]] = self.all_weights
        weights = [inputs, _drop(outputs, self.share), *biases]
        output, *after = torch.lstm(x, state, weights, True, 1, 0.0, True, False, True)
        return output, (after[0], after[1])
