"""Likelihood against plain arithmetic."""

import math

import pytest
import torch

from bachlit.chorale import Chorale
from bachlit.encoding import BachBotEncoding, Encoding, SatbEncoding
from bachlit.metrics import Likelihood


@pytest.mark.parametrize("encoding", [SatbEncoding(), BachBotEncoding()], ids=lambda encoding: type(encoding).__name__)
def test_figures_are_sums_over_the_fold_and_not_means_of_means(encoding: Encoding, bach: list[Chorale]) -> None:
    metric = Likelihood(encoding.slot_names, torch.from_numpy(encoding.completes_frame()))
    generator = torch.Generator().manual_seed(0)
    nats, right, frames, targets = 0.0, 0, 0, 0
    for piece in bach[:3]:
        stream = torch.from_numpy(encoding.encode(piece))[None, 1:]
        slots = torch.from_numpy(encoding.slots(stream[0].numpy()))[None]
        logits = torch.randn(1, stream.shape[1], encoding.vocabulary_size, generator=generator)
        metric.update(logits, stream, slots)
        for row, target in zip(logits[0].double(), stream[0], strict=True):
            nats -= float(row[target] - row.logsumexp(0))
            right += int(row.argmax() == target)
        frames += piece.num_frames
        targets += stream.shape[1]
    figures = {name: value.item() for name, value in metric.compute().items()}
    assert figures["nats_per_frame"] == pytest.approx(nats / frames)
    assert figures["nats_per_pitch_token"] == pytest.approx(nats / frames / 4)
    assert figures["nats_per_token"] == pytest.approx(nats / targets)
    assert figures["accuracy"] == pytest.approx(right / targets)
    by_slot = [figures[f"nats_per_frame/{name}"] for name in encoding.slot_names]
    assert sum(by_slot) == pytest.approx(figures["nats_per_frame"])


def test_padding_counts_for_nothing() -> None:
    metric = Likelihood(("only",), torch.tensor([False, True]))
    metric.update(torch.zeros(1, 3, 2), torch.tensor([[1, -100, -100]]), torch.zeros(1, 3, dtype=torch.long))
    assert metric.compute()["nats_per_token"].item() == pytest.approx(math.log(2))
    assert metric.frames.item() == 1
