"""Confidence against plain arithmetic, and on predictions that are known to be right about themselves."""

import pytest
import torch

from bachlit.metrics import CalibrationError

_SLOTS = torch.zeros(4, 500, dtype=torch.long)


def test_the_calibration_error_is_what_bins_by_hand_give() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 500, 10, generator=generator)
    # Drawn from the predictions: some bins are too sure and others not enough, so that it matters which there are.
    targets = torch.multinomial(logits.flatten(0, 1).softmax(-1), 1, generator=generator).view(4, 500)
    targets[torch.rand(4, 500, generator=generator) < 0.1] = -100
    metric = CalibrationError(num_bins=5)
    for lanes in (slice(0, 1), slice(1, 4)):
        metric.update(logits[lanes], targets[lanes], _SLOTS[lanes])
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(5)]
    for row, target in zip(logits.flatten(0, 1).softmax(-1), targets.flatten(), strict=True):
        if target >= 0:
            sure = row.max().item()
            bins[int(5 * sure)].append((sure, bool(row.argmax() == target)))
    apart = [abs(sum(sure for sure, _ in one) - sum(right for _, right in one)) for one in bins]
    assert metric.compute().item() == pytest.approx(sum(apart) / sum(map(len, bins)), rel=1e-4)


@pytest.mark.parametrize(("sharpening", "least", "most"), [(1, 0.0, 0.03), (2, 0.1, 0.5), (0.5, 0.1, 0.5)])
def test_who_draws_from_its_own_predictions_is_calibrated(sharpening: float, least: float, most: float) -> None:
    """And one that is surer than it ought to be isn't, nor one that is less sure."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(4, 500, 10, generator=generator)
    drawn = torch.multinomial(logits.flatten(0, 1).softmax(-1), 1, generator=generator).view(4, 500)
    metric = CalibrationError()
    metric.update(sharpening * logits, drawn, _SLOTS)
    assert least <= metric.compute().item() < most


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_nothing_has_no_error_nor_has_padding_alone() -> None:
    metric = CalibrationError()
    assert metric.compute() == 0
    metric.reset()
    metric.update(torch.zeros(1, 2, 3), torch.full((1, 2), -100), _SLOTS[:1, :2])
    assert metric.compute() == 0


def test_a_model_that_diverged_has_no_number() -> None:
    logits = torch.zeros(4, 500, 10)
    logits[2, 3] = torch.nan
    metric = CalibrationError()
    metric.update(logits, torch.zeros(4, 500, dtype=torch.long), _SLOTS)
    assert metric.compute().isnan()
    metric.reset()
    metric.update(logits[:2], torch.zeros(2, 500, dtype=torch.long), _SLOTS[:2])
    assert not metric.compute().isnan()
