"""Totals over pieces and processes are the counters' own sums."""

import numpy as np
import pytest
import torch

from bachlit.metrics import (
    Cadences,
    ErrorRates,
    RuleCounts,
    TextureCounts,
    Totals,
    cadences,
    error_rates,
    rule_counts,
    texture_counts,
    total,
)
from bachlit.music.chorale import Chorale


@pytest.mark.parametrize(
    ("kind", "count"), [(RuleCounts, rule_counts), (TextureCounts, texture_counts), (Cadences, cadences)]
)
def test_totals_are_the_sums_of_the_counts(kind: type, count: object, bach: list[Chorale]) -> None:
    totals = Totals(kind, count)  # type: ignore[type-var, arg-type]
    for piece in bach[:6]:
        totals.update(piece)
    assert totals.compute() == total([count(piece) for piece in bach[:6]])  # type: ignore[operator]
    totals.reset()
    assert sum(totals.compute()) == 0


def test_arguments_are_the_counters_own(bach: list[Chorale]) -> None:
    free = np.ones(bach[0].pitches.shape, np.bool_)
    totals = Totals(ErrorRates, error_rates)
    totals.update(bach[0].transpose(1), bach[0], free)
    assert totals.compute().ter == error_rates(bach[0].transpose(1), bach[0], free).ter > 0.9


def test_processes_add_up(bach: list[Chorale]) -> None:
    """As torchmetrics reduces them: each process's state beside the other's, then the named reduction."""
    parts = [Totals(RuleCounts, rule_counts) for _ in range(2)]
    for index, piece in enumerate(bach[:6]):
        parts[index % 2].update(piece)
    whole = Totals(RuleCounts, rule_counts)
    reduction = whole._reductions["sums"]
    assert reduction is not None
    whole.sums = reduction(torch.stack([part.sums for part in parts]))  # type: ignore[operator]
    assert whole.kind(*whole.sums.tolist()) == total([rule_counts(piece) for piece in bach[:6]])
