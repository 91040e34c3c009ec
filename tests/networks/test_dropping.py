"""Dropout drops its share, keeps the mean, and nothing in evaluation."""

import pytest
import torch

from bachlit.networks.dropping import Dropout, DroppedLSTM


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("steady", [False, True])
def test_a_share_is_dropped_and_the_mean_kept(share: float, steady: bool) -> None:
    torch.manual_seed(0)
    dropout = Dropout(share, steady=steady)
    x = torch.ones(40, 10, 100)
    dropped = dropout(x)
    assert float((dropped == 0).float().mean()) == pytest.approx(share, abs=0.03)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.1 / (1 - share))
    same = bool((dropped == dropped[:, :1]).all())
    assert same == steady
    assert not bool((dropped[0] == dropped[1]).all()), "each row has its own mask"
    assert torch.equal(dropout.eval()(x), x)


@pytest.mark.parametrize("steady", [False, True])
def test_all_units_of_a_step_are_dropped_together_or_none(steady: bool) -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.3, steady=steady, whole=True)(torch.ones(300, 10, 8))
    assert bool((dropped == dropped[:, :, :1]).all())
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.08)
    assert bool((dropped == dropped[:, :1]).all()) == steady


def test_recurrent_weights_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    lstm = DroppedLSTM(4, 8, 0.5)
    plain = torch.nn.LSTM(4, 8, batch_first=True)
    plain.load_state_dict(lstm.state_dict())
    x, state = torch.randn(3, 6, 4), (torch.randn(1, 3, 8), torch.randn(1, 3, 8))
    assert not torch.equal(lstm(x, state)[0], lstm(x, state)[0])
    assert torch.equal(lstm.eval()(x, state)[0], plain(x, state)[0])
    lstm.train()(x, state)[0].sum().backward()
    gradient = lstm.get_parameter("weight_hh_l0").grad
    assert gradient is not None
    assert 0.3 < float((gradient == 0).float().mean()) < 0.7, "what was dropped gets no gradient"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_units_are_dropped_independently(dtype: torch.dtype) -> None:
    """Also where their number isn't a multiple of the four that are drawn at once."""
    torch.manual_seed(0)
    dropped = Dropout(0.3)(torch.ones(4001, 1, 5, dtype=dtype)).float()[:, 0] == 0
    shares = dropped.float().t() @ dropped.float() / len(dropped)  # (5, 5) of each pair
    expected = torch.full((5, 5), 0.09).fill_diagonal_(0.3)
    assert torch.allclose(shares, expected, atol=0.04)  # over 5 standard deviations


def test_the_same_seed_drops_the_same_units() -> None:
    masks = []
    for _ in range(2):
        torch.manual_seed(3)
        masks.append(Dropout(0.5)(torch.ones(2, 3, 5)))
    assert torch.equal(*masks)
