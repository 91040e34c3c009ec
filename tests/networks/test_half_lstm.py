"""The LSTM layer in bfloat16 on processors gives what PyTorch's gives, and its gradients."""

import pytest
import torch
from torch import Tensor

from bachlit.networks import dropping
from bachlit.networks.dropping import DroppedLSTM
from bachlit.networks.half_lstm import LEAST_HIDDEN, read_in_halves


def error(found: Tensor, exact: Tensor) -> float:
    """How far a tensor is from another, as a share of its size."""
    return float((found - exact).detach().norm() / exact.detach().norm())


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("last", [False, True])
def test_outputs_and_gradients_are_those_of_pytorch(steps: int, last: bool) -> None:
    """To bfloat16's accuracy, whether the loss sees the outputs or the last cell."""
    torch.manual_seed(0)
    plain = torch.nn.LSTM(6, 16, batch_first=True)
    inputs = [torch.randn(3, steps, 6), torch.randn(1, 3, 16), torch.randn(1, 3, 16)]
    wanted = torch.randn(3, steps, 16)

    results = []
    for halves in (False, True):
        x, output, cell = (part.clone().requires_grad_() for part in inputs)
        plain.zero_grad()
        if halves:
            y, _, after = read_in_halves(x, (output, cell), plain.all_weights[0])
        else:
            y, (_, after) = plain(x, (output, cell))
        torch.autograd.backward((after * wanted[:, 0]).sum() if last else (y * wanted).sum())
        gradients = [part.grad for part in (x, output, cell, *plain.parameters())]
        results.append([y.detach().float(), after.detach(), *(part for part in gradients if part is not None)])
    exact, found = results
    assert len(exact) == len(found) == 9
    assert max(map(error, found, exact)) < 0.02


@pytest.mark.skipif(not dropping._processor_reads_halves(), reason="the processor has no bfloat16 LSTMs")
def test_a_wide_layer_reads_in_halves_in_training_alone() -> None:
    torch.manual_seed(0)
    x, state = torch.randn(2, 3, 4), (torch.zeros(1, 2, LEAST_HIDDEN), torch.zeros(1, 2, LEAST_HIDDEN))
    lstm = DroppedLSTM(4, LEAST_HIDDEN)
    exact, _ = lstm(x, state)
    with torch.autocast("cpu", torch.bfloat16):
        halved, (_, cell) = lstm(x, state)
        evaluated, (_, other) = lstm.eval()(x, state)
    assert halved.dtype == evaluated.dtype == torch.bfloat16
    assert cell.dtype == torch.float32
    assert other.dtype == torch.bfloat16
    assert max(error(halved.float(), exact), error(evaluated.float(), exact)) < 0.02


@pytest.mark.parametrize("hidden", [8, LEAST_HIDDEN])
@pytest.mark.parametrize("training", [False, True])
def test_where_the_processor_has_no_such_layers_they_read_in_float32(
    hidden: int, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropping, "_processor_reads_halves", lambda: False)
    lstm = DroppedLSTM(4, hidden).train(training)
    x, state = torch.randn(2, 3, 4), (torch.randn(1, 2, hidden), torch.randn(1, 2, hidden))
    exact = lstm(x, state)
    with torch.autocast("cpu", torch.bfloat16):
        found = lstm(x, state)
        found[0].sum().backward()
    assert torch.equal(found[0], exact[0])
    assert all(torch.equal(one, other) for one, other in zip(found[1], exact[1], strict=True))
    assert lstm.weight_hh_l0.grad is not None


def test_asking_the_processor_draws_no_numbers() -> None:
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    dropping._processor_reads_halves.__wrapped__()
    assert torch.equal(torch.rand(1), first)
