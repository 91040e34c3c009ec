"""Sampling: draw tokens from the model's distribution."""

import torch
from torch import Tensor

from bachlit.decoding.base import RowGenerators, StepDecoder
from bachlit.decoding.contracts import Choice
from bachlit.errors import OptionError


class Sampling(StepDecoder):
    """Sample each token from the allowed part of the distribution: tempered, truncated, renormalised.

    Args:
        temperature: Below 1 sharpens the distribution, above 1 flattens it.
        top_k: Keep the k likeliest tokens; all if 0.
        top_p: Keep the likeliest tokens that together have this probability (Holtzman et al. 2020).
        min_p: Keep tokens with at least this share of the largest probability (Nguyen et al. 2024).

    Raises:
        OptionError: If an option is outside its range.
    """

    def __init__(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> None:
        if not 0 < temperature < float("inf"):
            raise OptionError(f"A temperature of {temperature} isn't possible; expected a number above 0, such as 0.9.")
        if top_k < 0 or not 0 < top_p <= 1 or not 0 <= min_p <= 1:
            raise OptionError(
                f"Sampling got top_k={top_k}, top_p={top_p}, min_p={min_p}; expected top_k of at least 0, "
                "top_p above 0 and up to 1, min_p from 0 to 1."
            )
        self.temperature, self.top_k, self.top_p, self.min_p = temperature, top_k, top_p, min_p

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Draw one token per hypothesis; its score is the log-probability after truncation."""
        legal = log_probs.to(score.dtype).masked_fill(~allowed, -float("inf"))
        # The maximum is subtracted first: near temperature 0 only the others overflow, to minus infinity.
        weights = self._cut((relative(legal) / self.temperature).exp())  # (B, K, V), the largest is 1
        token = draw(weights, generator)
        chosen = weights.gather(2, token.unsqueeze(2)).squeeze(2)
        same = torch.arange(token.shape[1], device=token.device).expand_as(token)
        return Choice(same, token, score + (chosen / weights.sum(2)).log())

    def _cut(self, weights: Tensor) -> Tensor:
        if 0 < self.top_k < weights.shape[2]:
            least = weights.topk(self.top_k).values[..., -1:]
            weights = weights.masked_fill(weights < least, 0.0)
        if self.top_p < 1:
            ordered, tokens = weights.sort(2, descending=True)
            share = ordered.cumsum(2) / ordered.sum(2, keepdim=True)
            outside = share - ordered / ordered.sum(2, keepdim=True) >= self.top_p  # the likeliest stays
            weights = weights.masked_fill(outside.gather(2, tokens.argsort(2)), 0.0)
        if self.min_p > 0:
            weights = weights.masked_fill(weights < self.min_p * weights.amax(2, keepdim=True), 0.0)
        return weights


def relative(log_weights: Tensor) -> Tensor:
    """Subtract the maximum over the last dimension; of nothing but minus infinities, nothing."""
    return log_weights - log_weights.amax(-1, keepdim=True).clamp(min=torch.finfo(log_weights.dtype).min)


def draw(weights: Tensor, generator: RowGenerators) -> Tensor:
    """Draw indices (B, K) from unnormalised weights (B, K, V)."""
    cumulative = weights.cumsum(2)
    threshold = generator.uniform(weights.shape[1]).to(cumulative).unsqueeze(2) * cumulative[..., -1:]
    # The threshold is above 0 and at most the sum, so the index found has a positive weight.
    return (cumulative < threshold).sum(2).clamp(max=weights.shape[2] - 1)
