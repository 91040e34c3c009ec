"""Likelihood: nats per token, frame and pitch token, by part and voice, and accuracies."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import Metric

_TOP_K = 3  # `accuracy_top3` counts targets than which fewer tokens are likelier

PARTS = ("mark", "onset", "pitch")
"""Parts of the nats: marks, rhythm, pitch; see `tally`."""


class Tally(NamedTuple):
    """Sums over targets by slot, from which all figures follow.

    Attributes:
        nats: (S,) negative log-likelihood, natural log.
        parts: (3,) the same nats by `PARTS`.
        correct: (S,) targets that were the likeliest token.
        near: (S,) targets among the 3 likeliest tokens.
        targets: (S,) number of targets.
        frames: () frames completed.
    """

    nats: Tensor
    parts: Tensor
    correct: Tensor
    near: Tensor
    targets: Tensor
    frames: Tensor


def tally(
    logits: Tensor, targets: Tensor, slots: Tensor, *, completes_frame: Tensor, kinds: Tensor, num_slots: int
) -> Tally:
    """Sum up a batch of predictions.

    By the chain rule, -log p(token) = -log p(kind) - log p(token | kind): a voice first chooses onset, hold or rest
    (`onset`), then the pitch (`pitch`). Marks aren't split (`mark`).

    Args:
        logits: (B, N, V).
        targets: (B, N) token ids; negative for padding.
        slots: (B, N) slot of each target.
        completes_frame: (V,) true for the tokens that occur once per frame.
        kinds: (V,) kind of each token; 0 is a mark.
        num_slots: S.

    >>> mark, hold, *onsets = range(4)
    >>> sums = tally(torch.zeros(1, 3, 4), torch.tensor([[mark, onsets[0], -100]]), torch.tensor([[0, 1, 0]]),
    ...              completes_frame=torch.tensor([True, False, False, False]), kinds=torch.tensor([0, 2, 1, 1]),
    ...              num_slots=2)
    >>> sums.parts.exp().round().tolist()  # 1 of 4 tokens; 2 of 4 are onsets, 1 of 2 this one
    [4.0, 2.0, 2.0]
    >>> sums.targets.tolist(), sums.frames.item()
    ([1.0, 1.0], 1.0)
    """
    real = targets >= 0
    logits, targets, slots = logits[real].float(), targets[real], slots[real]  # (M, V), (M,), (M,)
    onset, pitch = _onset_and_pitch(logits, targets, kinds)  # (M,), (M,)
    nats = onset + pitch
    # Seven times faster than topk. With `>`, NaN logits of a diverged model would make all targets near.
    num_likelier = (~(logits <= logits.gather(-1, targets.unsqueeze(-1)))).sum(-1)  # (M,)
    near = num_likelier < _TOP_K
    is_mark = kinds[targets] == 0
    zeros = nats.new_zeros(num_slots)
    return Tally(
        nats=zeros.index_add(0, slots, nats),
        parts=torch.stack([nats[is_mark].sum(), onset[~is_mark].sum(), pitch[~is_mark].sum()]),
        correct=zeros.index_add(0, slots, ((logits.argmax(-1) == targets) & near).float()),
        near=zeros.index_add(0, slots, near.float()),
        targets=zeros.index_add(0, slots, torch.ones_like(nats)),
        frames=completes_frame[targets].sum().float(),
    )


def _onset_and_pitch(logits: Tensor, targets: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
    """Split the cost of targets into -log p(kind) and -log p(token | kind), in nats, (M,) each.

    A logit of -inf rules a token out. If the target is ruled out but not all of its kind, the pitch costs infinity; if
    all of its kind are, the onset does and the pitch costs 0.

    >>> hold, *onsets = range(3)
    >>> kinds, target = torch.tensor([2, 1, 1]), torch.tensor(onsets[:1])
    >>> _onset_and_pitch(torch.tensor([[0, -torch.inf, 0]]), target, kinds)
    (tensor([0.6931]), tensor([inf]))
    >>> _onset_and_pitch(torch.tensor([[0, -torch.inf, -torch.inf]]), target, kinds)
    (tensor([inf]), tensor([0.]))
    """
    own_kind = logits.masked_fill(kinds != kinds[targets].unsqueeze(-1), -torch.inf)  # (M, V)
    nats = cross_entropy(logits, targets, reduction="none")
    pitch = cross_entropy(own_kind, targets, reduction="none")
    onset = nats - pitch
    # Only where both are infinite: logsumexp takes twice as long as cross_entropy.
    ruled_out = nats == torch.inf
    its_kind = own_kind[ruled_out].logsumexp(-1)
    onset[ruled_out] = logits[ruled_out].logsumexp(-1) - its_kind
    pitch[ruled_out] = torch.where(its_kind == -torch.inf, 0.0, torch.inf).to(pitch.dtype)
    return onset, pitch


def figures(sums: Tally, slot_names: Sequence[str]) -> dict[str, Tensor]:
    """Compute the figures of a tally.

    Args:
        sums: Sums over tokens, from `tally`.
        slot_names: Names of the slots of a frame, in order.

    Returns:
        `nats_per_token`; `nats_per_frame`; `nats_per_pitch_token` (a quarter of it: a frame has four voices);
        `nats_per_frame/mark`, `/onset` and `/pitch`, which add up to `nats_per_frame`; `accuracy` and `accuracy_top3`;
        per slot `nats_per_frame/NAME` (adding up to it as well), `accuracy/NAME` and `accuracy_top3/NAME`.
    """
    frames, num_targets = sums.frames.clamp(min=1), sums.targets.sum().clamp(min=1)
    named = {
        "nats_per_token": sums.nats.sum() / num_targets,
        "nats_per_frame": sums.nats.sum() / frames,
        "nats_per_pitch_token": sums.nats.sum() / (4 * frames),
        "accuracy": sums.correct.sum() / num_targets,
        f"accuracy_top{_TOP_K}": sums.near.sum() / num_targets,
    }
    # The slot `mark` holds exactly the marks, so the name has one meaning.
    for part, nats in zip(PARTS, sums.parts, strict=True):
        named[f"nats_per_frame/{part}"] = nats / frames
    for slot, name in enumerate(slot_names):
        num_targets = sums.targets[slot].clamp(min=1)
        named[f"nats_per_frame/{name}"] = sums.nats[slot] / frames
        named[f"accuracy/{name}"] = sums.correct[slot] / num_targets
        named[f"accuracy_top{_TOP_K}/{name}"] = sums.near[slot] / num_targets
    return named


class Likelihood(Metric):
    """Metric of `figures`, over batches and processes.

    Args:
        slot_names: Slot names of the encoding.
        completes_frame: (V,) of the encoding.
        kinds: (V,) of the encoding.
    """

    full_state_update = False
    completes_frame: Tensor
    kinds: Tensor

    def __init__(
        self, slot_names: Sequence[str], *, completes_frame: npt.ArrayLike | Tensor, kinds: npt.ArrayLike | Tensor
    ) -> None:
        super().__init__()
        self.slot_names = tuple(slot_names)
        self.register_buffer("completes_frame", torch.as_tensor(completes_frame), persistent=False)
        self.register_buffer("kinds", torch.as_tensor(kinds), persistent=False)
        shapes: dict[str, tuple[int, ...]] = {"parts": (len(PARTS),), "frames": ()}
        for name in Tally._fields:
            zeros = torch.zeros(shapes.get(name, (len(self.slot_names),)))
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor, slots: Tensor) -> None:
        """Add a batch of logits (B, N, V), targets (B, N) and slots (B, N)."""
        sums = tally(
            logits.detach(),
            targets,
            slots,
            completes_frame=self.completes_frame,
            kinds=self.kinds,
            num_slots=len(self.slot_names),
        )
        for name, added in sums._asdict().items():
            setattr(self, name, getattr(self, name) + added)

    def compute(self) -> dict[str, Tensor]:
        """Figures over all batches."""
        return figures(Tally(*(getattr(self, name) for name in Tally._fields)), self.slot_names)
