"""LSTM layer in bfloat16 on processors, its backward a few large products.

oneDNN's backward of a wide layer takes as long in bfloat16 as in float32: half of a training step. Here only what
depends on a neighbouring step goes step by step; the gradients of weights and inputs are one product each.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

LEAST_HIDDEN = 384
"""Units from which it pays: 1.1 times as fast as oneDNN there, 1.5 times with 512; with 256 half as fast."""


def read_in_halves(x: Tensor, state: tuple[Tensor, Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Read (B, N, I) with an LSTM layer whose outputs are bfloat16, and whose gates and cells float32.

    Args:
        x: The inputs.
        state: The output and the cell (1, B, H) before.
        weights: (4 H, I) of the inputs, (4 H, H) of the outputs, and two biases (4 H,), as in `torch.nn.LSTM`.

    Returns:
        The outputs (B, N, H), and the last output and cell (1, B, H).
    """
    inputs, recurrent, bias, other = weights
    half = (part.to(torch.bfloat16) for part in (inputs, recurrent, bias + other))
    output, cell = state[0][0].to(torch.bfloat16), state[1][0].float()
    outputs, cell = _Layer.apply(  # type: ignore[no-untyped-call]
        x.to(torch.bfloat16).transpose(0, 1).contiguous(), output, cell, *half
    )
    return outputs.transpose(0, 1), outputs[-1:], cell.unsqueeze(0)


class _Layer(Function):
    """Read (N, B, I) after an output and a cell (B, H): outputs (N, B, H), and the last cell (B, H)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, output: Tensor, cell: Tensor, inputs: Tensor, recurrent: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Go from step to step."""
        ctx.set_materialize_grads(False)
        steps, batch, hidden = len(x), *output.shape
        read = torch.addmm(bias, x.flatten(0, 1), inputs.t()).view(steps, batch, -1)  # (N, B, 4 H)
        gates = cell.new_empty(read.shape)  # in PyTorch's order: input, forget, new, output
        cells, squashed = cell.new_empty(steps + 1, batch, hidden), cell.new_empty(steps, batch, hidden)
        outputs = output.new_empty(cells.shape)
        cells[0], outputs[0] = cell, output
        heard, before = outputs.unbind(0), cells.unbind(0)
        each = zip(gates.unbind(0), *(gate.unbind(0) for gate in gates.chunk(4, 2)), strict=True)
        for step, (every, entering, keeping, new, showing) in enumerate(each):
            every.copy_(torch.addmm(read[step], heard[step], recurrent.t()))
            new.mul_(2)  # tanh(x) = 2 sigmoid(2 x) - 1, which is faster
            every.sigmoid_()
            new.mul_(2).sub_(1)
            torch.mul(keeping, before[step], out=before[step + 1]).addcmul_(entering, new)
            torch.mul(showing, torch.tanh(before[step + 1], out=squashed[step]), out=heard[step + 1])
        ctx.save_for_backward(x, inputs, recurrent, gates, cells, squashed, outputs)
        return outputs[1:], cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, wanted: Tensor | None, wanted_cell: Tensor | None) -> tuple[Tensor, ...]:
        """Go back from step to step, with the gradients of the outputs and of the last cell."""
        x, inputs, recurrent, gates, cells, squashed, outputs = ctx.saved_tensors
        steps, batch, hidden = squashed.shape
        entering, keeping, new, showing = gates.chunk(4, 2)  # (N, B, H) each
        # By how much what enters a gate changes the cell; the last gate changes the output.
        slopes = gates.new_empty(steps, batch, 4, hidden)
        torch.addcmul(entering, entering, entering, value=-1, out=slopes[:, :, 0]).mul_(new)
        torch.addcmul(keeping, keeping, keeping, value=-1, out=slopes[:, :, 1]).mul_(cells[:-1])
        torch.addcmul(entering, entering * new, new, value=-1, out=slopes[:, :, 2])
        torch.addcmul(showing, showing, showing, value=-1, out=slopes[:, :, 3]).mul_(squashed)
        through = torch.addcmul(showing, showing * squashed, squashed, value=-1)
        of_cell, of_output = slopes[:, :, :3].unbind(0), slopes[:, :, 3].unbind(0)
        change = gates.new_empty(batch, 4, hidden)
        changes = torch.empty_like(gates, dtype=x.dtype)  # (N, B, 4 H) gradients of what enters the gates
        asked = torch.zeros_like(squashed) if wanted is None else wanted.float()
        cell = torch.zeros_like(cells[0]) if wanted_cell is None else wanted_cell.clone()
        output = torch.zeros_like(outputs[0])
        for step in range(steps - 1, -1, -1):
            heard = asked[step] + output
            cell.addcmul_(heard, through[step])
            torch.mul(of_cell[step], cell.unsqueeze(1), out=change[:, :3])
            torch.mul(of_output[step], heard, out=change[:, 3])
            output = changes[step].copy_(change.view(batch, -1)) @ recurrent
            cell.mul_(keeping[step])
        every = changes.flatten(0, 1)  # (N B, 4 H)
        return (
            (every @ inputs).view_as(x),
            output,
            cell,
            every.t() @ x.flatten(0, 1),
            every.t() @ outputs[:-1].flatten(0, 1),
            every.sum(0),
        )
