"""Steppers: a network with its present weights, prepared to go one token at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any

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

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, N, V) of what follows each of the tokens (B, N), and the memory after the last."""
        logits, memory = self.network(tokens, memory)
        return logits, memory


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

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give log-probabilities (B, N, V) in nats of what follows each of the tokens (B, N), and the memory after."""
        logits, memory = self.stepper.read(tokens, memory)
        return logits.log_softmax(-1), memory

    def select(self, memory: Memory, index: Tensor) -> Memory:
        """Select rows (B',) of the stepper's memory, in this order."""
        return self.stepper.select(memory, index)


class Product:
    """Apply an affine map to a few rows or to many, and GELU after it if wanted.

    Args:
        weight: (out, in).
        bias: (out,).
        gelu: Whether GELU follows.
    """

    _FEW_ROWS = 2  # below, a product reads each weight once, packed or not
    _SMALL = 2**17  # weights of a map that packing makes no faster

    def __init__(self, weight: Tensor, bias: Tensor, *, gelu: bool = False) -> None:
        weight, self._bias, self._gelu = weight.detach(), bias.detach().clone(), gelu
        self._weight = weight.t().contiguous()
        gains = gelu or weight.numel() >= self._SMALL
        self._packed = _packed(weight.contiguous()) if gains else None

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, in) to (B, out)."""
        if self._packed is not None and x.shape[0] >= self._FEW_ROWS:
            after, kind = ("gelu", "none") if self._gelu else ("none", "")
            made: Tensor = _PACKED_PRODUCT(x, self._packed, self._bias, after, [], kind)
            return made
        made = torch.addmm(self._bias, x, self._weight)
        return nn.functional.gelu(made) if self._gelu else made


# What PyTorch's compiler uses: a fifth faster than `linear` on many rows, more than twice as fast on few. It isn't
# public, and builds without oneDNN lack it; `tests/networks` compares it with the plain product.
_PACK: Any = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_PACKED_PRODUCT: Any = getattr(getattr(torch.ops.mkldnn, "_linear_pointwise", None), "default", None)


def _packed(weight: Tensor) -> Tensor | None:
    """Pack weights (out, in) for `_PACKED_PRODUCT`; None if it doesn't take them."""
    takes = weight.device.type == "cpu" and weight.dtype == torch.float32
    if _PACKED_PRODUCT is None or not takes or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    packed: Tensor = _PACK(weight, None)
    return packed


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
        self.recurrent = [Product(outputs, torch.zeros_like(bias))]
        self.inputs = []
        for layer, (scale, shift) in zip(layers[1:], norms[:-1], strict=True):
            inputs, outputs, bias = gates_of(layer)
            self.inputs.append(Product(inputs * scale, bias + inputs @ shift))
            self.recurrent.append(Product(outputs, torch.zeros_like(bias)))
        scale, shift = norms[-1]
        self.head = Product(head.weight * scale, head.bias + head.weight @ shift)

    def begin(self, batch_size: int) -> Memory:
        """Make zeros: each layer's outputs, then each layer's cells, (B, H) each."""
        zeros = self.table.new_zeros(batch_size, self.hidden)
        return (zeros,) * (2 * len(self.recurrent))

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, V) of what follows each row's last token (B,), and the memory after."""
        logits, memory = self.read(tokens.unsqueeze(1), memory)
        return logits[:, 0], memory

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, N, V) of what follows each of the tokens (B, N), and the memory after the last.

        A layer's inputs of all tokens are multiplied at once.
        """
        num, shape = len(self.recurrent), tokens.t().shape  # (N, B)
        outputs, cells = list(memory[:num]), list(memory[num:])
        gates = self.table[tokens.t()]  # (N, B, 4 H)
        for layer, recurrent in enumerate(self.recurrent):
            read = []
            for entering in gates.unbind(0):
                outputs[layer], cells[layer] = lstm_cell(recurrent(outputs[layer]).add_(entering), cells[layer])
                read.append(outputs[layer])
            heard = torch.cat(read)  # (N B, H)
            if layer < num - 1:
                gates = self.inputs[layer](heard).view(*shape, -1)
        return self.head(heard).view(*shape, -1).transpose(0, 1), (*outputs, *cells)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the next output and cell (B, H) from gates (B, 4 H), which it overwrites, and the last cell.

    Gates are those that `gates_of` makes: tanh x is 2 sigmoid 2x - 1, which processors compute in a fraction of the
    time.
    """
    enter, keep, out, new = gates.sigmoid_().chunk(4, 1)
    cell = torch.addcmul(keep * cell, enter, new.mul_(2).sub_(1))
    return (2 * cell).sigmoid_().mul_(2).sub_(1).mul_(out), cell


def gates_of(layer: nn.LSTM) -> tuple[Tensor, Tensor, Tensor]:
    """Give a layer's weights for `lstm_cell`: of inputs (4 H, I), of outputs (4 H, H), and a bias.

    Gates are ordered input, forget, output, new; the last is doubled.
    """
    [[inputs, outputs, bias, other]] = layer.all_weights
    order = torch.arange(4 * layer.hidden_size, device=bias.device).view(4, -1)[[0, 1, 3, 2]].flatten()
    scale = torch.ones_like(bias)
    scale[3 * layer.hidden_size :] = 2
    return inputs[order] * scale.unsqueeze(1), outputs[order] * scale.unsqueeze(1), (bias + other)[order] * scale
