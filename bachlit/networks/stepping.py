"""Steppers: a network with its present weights, prepared to go one token at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock

import torch
from torch import Tensor, nn

from bachlit.networks.base import Memory, Network, Stepper


class SequenceStepper(Stepper):
    """Step any network by sequences of one token.

    Args:
        network: Is called with (B, 1) tokens.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def begin(self, batch_size: int) -> Memory:
        """Make the network's initial memory."""
        return self.network.initial_memory(batch_size)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, V) of what follows each row's last token (B,), and the memory after."""
        with plain_kernels() if len(tokens) < _FEW_ROWS else nullcontext():
            logits, memory = self.network(tokens.unsqueeze(1), memory)
        return logits[:, 0], memory


_FEW_ROWS = 32
_SWITCHING = RLock()


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Switch oneDNN off for a while.

    Its LSTM is made for long sequences; one step on few rows takes three times as long. The switch is the process's, so
    threads that step take turns.
    """
    # Not `torch.backends.mkldnn.flags`: it also sets what some builds of PyTorch warn about.
    _SWITCHING.acquire()
    enabled, *_ = torch.backends.mkldnn.set_flags(_enabled=False)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=enabled)  # type: ignore[no-untyped-call]
        _SWITCHING.release()


class NormalisedStepper(Stepper):
    """Normalise another stepper's logits to log-probabilities.

    Args:
        stepper: Gives logits.
    """

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper

    def begin(self, batch_size: int) -> Memory:
        """Make the stepper's memory at the start."""
        return self.stepper.begin(batch_size)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give log-probabilities (B, V) in nats of what follows each row's last token (B,), and the memory after."""
        logits, memory = self.stepper.step(tokens, memory)
        return logits.log_softmax(-1), memory


class Product:
    """Apply a linear map to a few rows or to many.

    Args:
        weight: (out, in).
        bias: (out,).
    """

    _MANY_ROWS = 8  # from here on oneDNN's packed weights are the faster ones

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        weight, bias = weight.detach(), bias.detach().clone()
        self._weight, self._bias = weight.t().contiguous(), bias
        has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        packs = has_onednn and weight.device.type == "cpu" and weight.dtype == torch.float32
        self._packed = weight.contiguous().to_mkldnn() if packs else None
        self._packed_bias = bias.contiguous().to_mkldnn() if packs else None

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, in) to (B, out)."""
        if self._packed is None or len(x) < self._MANY_ROWS:
            return torch.addmm(self._bias, x, self._weight)
        return nn.functional.linear(x.to_mkldnn(), self._packed, self._packed_bias).to_dense()


class FoldedStepper(Stepper):
    """Step layers of [LSTM, affine map] with all constants folded into the weights.

    The embedding and the first layer's input weights become a table of tokens; batch normalisation, which in
    evaluation is an affine map, goes into the weights that read it; a layer's inputs and outputs are multiplied by one
    matrix. On one row this takes half of the time of `nn.LSTM`.

    Args:
        embedding: (V, E).
        layers: Each with one `nn.LSTM`.
        norms: A scale and a shift (H,) after each layer.
        head: From the last layer to the vocabulary.
    """

    def __init__(
        self, embedding: Tensor, layers: list[nn.LSTM], norms: list[tuple[Tensor, Tensor]], head: nn.Linear
    ) -> None:
        self.hidden = layers[0].hidden_size
        inputs, outputs, bias = gates_of(layers[0])
        self.table = embedding @ inputs.t() + bias  # (V, 4 H)
        self.first = Product(outputs, torch.zeros_like(bias))
        self.others = []
        for layer, (scale, shift) in zip(layers[1:], norms[:-1], strict=True):
            inputs, outputs, bias = gates_of(layer)
            self.others.append(Product(torch.cat([inputs * scale, outputs], 1), bias + inputs @ shift))
        scale, shift = norms[-1]
        self.head = Product(head.weight * scale, head.bias + head.weight @ shift)

    def begin(self, batch_size: int) -> Memory:
        """Make zeros: each layer's outputs, then each layer's cells, (B, H) each."""
        zeros = self.table.new_zeros(batch_size, self.hidden)
        return (zeros,) * (2 * (len(self.others) + 1))

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, V) of what follows each row's last token (B,), and the memory after."""
        num = len(memory) // 2
        outputs, cells = list(memory[:num]), list(memory[num:])
        gates = self.first(outputs[0]) + self.table[tokens]  # (B, 4 H)
        outputs[0], cells[0] = lstm_cell(gates, cells[0])
        for layer, product in enumerate(self.others, start=1):
            gates = product(torch.cat([outputs[layer - 1], outputs[layer]], 1))
            outputs[layer], cells[layer] = lstm_cell(gates, cells[layer])
        return self.head(outputs[-1]), (*outputs, *cells)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the next output and cell (B, H) from gates (B, 4 H), in the order of `gates_of`, and the last cell."""
    hidden = cell.shape[1]
    enter, keep, out = gates[:, : 3 * hidden].sigmoid().chunk(3, 1)
    cell = keep * cell + enter * gates[:, 3 * hidden :].tanh()
    return out * cell.tanh(), cell


def gates_of(layer: nn.LSTM) -> tuple[Tensor, Tensor, Tensor]:
    """Give a layer's input weights (4 H, I), output weights (4 H, H) and bias, ordered input, forget, output, new."""
    [[inputs, outputs, bias, other]] = layer.all_weights
    order = torch.arange(4 * layer.hidden_size, device=bias.device).view(4, -1)[[0, 1, 3, 2]].flatten()
    return inputs[order], outputs[order], (bias + other)[order]
