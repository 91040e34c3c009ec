"""Dropout that stays the same at all steps of a sequence, on units and on recurrent weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout


class VariationalDropout(nn.Module):
    """Drops units of (B, N, H), the same at every step of a row (Gal and Ghahramani 2016).

    Args:
        share: Of the units that is dropped in training.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, H), the units that are kept scaled up."""
        if not self.training or self.share == 0:
            return x
        return x * dropout(torch.ones_like(x[:, :1]), self.share)


class DroppedLSTM(nn.LSTM):
    """One layer of an LSTM, batch first, with a forget gate that begins open and recurrent weights that are dropped.

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
        *_, bias, other = self._weights()
        nn.init.zeros_(other)
        nn.init.ones_(bias[hidden : 2 * hidden])

    def _weights(self) -> list[nn.Parameter]:
        return [self.get_parameter(f"{kind}_l0") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def forward(  # type: ignore[override]  # no packed sequences, and never without a state
        self, x: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs (B, N, H), and the last output and cell (1, B, H)."""
        if not self.training or self.share == 0:
            return super().forward(x, state)
        inputs, outputs, *biases = self._weights()
        weights = [inputs, dropout(outputs, self.share), *biases]
        output, *after = torch.lstm(x, state, weights, True, 1, 0.0, True, False, True)
        return output, (after[0], after[1])
