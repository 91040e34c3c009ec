"""How well a model predicts: nats a token, a frame and a pitch token, and accuracy by voice."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric


class Tally(NamedTuple):
    """Sums over targets by slot, from which every figure follows.

    Attributes:
        nats: (S,) negative log-likelihood, natural log.
        correct: (S,) targets that were the likeliest token.
        targets: (S,) how many targets there were.
        frames: () frames that the targets complete.
    """

    nats: Tensor
    correct: Tensor
    targets: Tensor
    frames: Tensor


def tally(logits: Tensor, targets: Tensor, slots: Tensor, completes_frame: Tensor, num_slots: int) -> Tally:
    """Count a batch of predictions.

    Args:
        logits: (B, N, V).
        targets: (B, N) token ids; negative where there is none.
        slots: (B, N) each target's slot.
        completes_frame: (V,) true for the tokens of which there is one a frame.
        num_slots: S.

    >>> sums = tally(torch.zeros(1, 2, 4), torch.tensor([[3, -100]]), torch.zeros(1, 2, dtype=torch.long),
    ...              torch.tensor([False, False, False, True]), 1)
    >>> round(sums.nats.item(), 3), sums.targets.item(), sums.frames.item()  # log 4
    (1.386, 1.0, 1.0)
    """
    real = targets >= 0
    logits, targets, slots = logits[real].float(), targets[real], slots[real]  # (M, V), (M,), (M,)
    nats = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    correct = (logits.argmax(-1) == targets).float()
    zeros = nats.new_zeros(num_slots)
    return Tally(
        zeros.index_add(0, slots, nats),
        zeros.index_add(0, slots, correct),
        zeros.index_add(0, slots, torch.ones_like(nats)),
        completes_frame[targets].sum().float(),
    )


def figures(sums: Tally, slot_names: Sequence[str]) -> dict[str, Tensor]:
    """What is reported of a tally.

    Returns:
        `nats_per_token`; `nats_per_frame`; `nats_per_pitch_token`, which is a quarter of it (a frame has four voices);
        `accuracy`; and for each slot `nats_per_frame/NAME` and `accuracy/NAME`.
    """
    frames = sums.frames.clamp(min=1)
    named = {
        "nats_per_token": sums.nats.sum() / sums.targets.sum().clamp(min=1),
        "nats_per_frame": sums.nats.sum() / frames,
        "nats_per_pitch_token": sums.nats.sum() / (4 * frames),
        "accuracy": sums.correct.sum() / sums.targets.sum().clamp(min=1),
    }
    for slot, name in enumerate(slot_names):
        named[f"nats_per_frame/{name}"] = sums.nats[slot] / frames
        named[f"accuracy/{name}"] = sums.correct[slot] / sums.targets[slot].clamp(min=1)
    return named


class Likelihood(Metric):
    """Gathers tallies over batches and processes; `compute` gives `figures`.

    Args:
        slot_names: The encoding's.
        completes_frame: (V,) the encoding's.
    """

    full_state_update = False
    nats: Tensor
    correct: Tensor
    targets: Tensor
    frames: Tensor

    def __init__(self, slot_names: Sequence[str], completes_frame: Tensor) -> None:
        super().__init__()
        self.slot_names = tuple(slot_names)
        self.register_buffer("completes_frame", completes_frame, persistent=False)
        for name in ("nats", "correct", "targets"):
            self.add_state(name, torch.zeros(len(self.slot_names)), dist_reduce_fx="sum")
        self.add_state("frames", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor, slots: Tensor) -> None:
        """Add a batch: (B, N, V), (B, N), (B, N)."""
        sums = tally(logits.detach(), targets, slots, self.completes_frame, len(self.slot_names))  # type: ignore[arg-type]
        self.nats += sums.nats
        self.correct += sums.correct
        self.targets += sums.targets
        self.frames += sums.frames

    def compute(self) -> dict[str, Tensor]:
        """The figures over all that was added."""
        return figures(Tally(self.nats, self.correct, self.targets, self.frames), self.slot_names)
