"""Dropout of units, of whole steps and of recurrent weights."""

from functools import cache

import torch
from torch import Tensor, nn

from bachlit.networks.half_lstm import LEAST_HIDDEN, read_in_halves

_PLAIN_LSTM = (True, 1, 0.0, True, False, True)
"""Arguments of `torch.lstm`: with biases, one layer, no dropout, in training, one direction, batch first."""


def _kept(x: Tensor, share: float) -> Tensor:
    """Draw 1 for what is kept of a tensor and 0 for the rest, in its shape and type."""
    if x.device.type != "cpu":
        return (torch.rand(x.shape, device=x.device) >= share).to(x.dtype)
    # Four numbers of 16 bits at once take a third of `torch.rand`'s time, a tenth of `nn.functional.dropout`'s; so
    # the share is rounded to 65536ths. 16-bit integers become floats in an eighth of the time that booleans take.
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    least = min(round(share * 2**16), 2**16 - 1) - 2**15
    return words.view(torch.int16)[: x.numel()].ge_(least).to(x.dtype).view(x.shape)


def _drop(x: Tensor, share: float) -> Tensor:
    """Zero a share of a tensor's elements at random, and scale the others up."""
    return x * _kept(x, share).mul_(1 / (1 - share))


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
        if _in_halves(x) and not _processor_reads_halves():
            with torch.autocast("cpu", enabled=False):
                return self(x.float(), (state[0].float(), state[1].float()))  # type: ignore[no-any-return]
        halves = self.training and _in_halves(x) and self.hidden_size >= LEAST_HIDDEN
        if not halves and (not self.training or self.share == 0):
            return super().forward(x, state)
        [[inputs, recurrent, *biases]] = self.all_weights
        weights = [inputs, _drop(recurrent, self.share) if self.share else recurrent, *biases]
        read = read_in_halves(x, state, weights) if halves else torch.lstm(x, state, weights, *_PLAIN_LSTM)
        output, *after = read
        return output, (after[0], after[1])


def _in_halves(x: Tensor) -> bool:
    """Check whether products of a tensor are in bfloat16 on a processor."""
    kind = x.device.type
    return kind == "cpu" and torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.bfloat16


@cache
def _processor_reads_halves() -> bool:
    """Check whether PyTorch has LSTMs in bfloat16 on this processor: without AVX-512 it refuses them."""
    zeros = torch.zeros(1, 1, 1)
    weights = [torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4), torch.zeros(4)]
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            torch.lstm(zeros, (zeros, zeros), weights, *_PLAIN_LSTM)
    except RuntimeError:
        return False
    return True
