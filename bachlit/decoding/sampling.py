"""Sampling: tokens drawn from the model's distribution."""

import torch
from torch import Tensor

from bachlit.decoding.base import RowGenerators, StepDecoder
from bachlit.decoding.contracts import Choice
from bachlit.errors import OptionError


class Sampling(StepDecoder):
    """Draws each token from the allowed part of the model's distribution: tempered, cut, renormalised.

    Args:
        temperature: Below 1 favours the likely, above 1 the unlikely.
        top_k: Only so many of the likeliest are drawn from; all if 0.
        top_p: Only the likeliest that together make up this share (Holtzman et al. 2020).
        min_p: Only those at least this share as likely as the likeliest (Nguyen et al. 2024).

    Raises:
        OptionError: If an option is outside its range.
    """

    def __init__(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> None:
        if not 0 < temperature < float("inf"):
            raise OptionError(f"A temperature of {temperature} can't be sampled at; expected one above 0, such as 0.9.")
        if top_k < 0 or not 0 < top_p <= 1 or not 0 <= min_p <= 1:
            raise OptionError(
                f"The cuts top_k {top_k}, top_p {top_p} and min_p {min_p} leave nothing to draw from; expected top_k "
                "from 0 (all), top_p above 0 and up to 1, min_p from 0 to 1."
            )
        self.temperature, self.top_k, self.top_p, self.min_p = temperature, top_k, top_p, min_p

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """See `StepDecoder.step`. The score is the log-probability under the distribution that was drawn from."""
        legal = log_probs.to(score.dtype).masked_fill(~allowed, -float("inf"))
        # The likeliest is taken off first: at the coldest temperature only the others overflow, to minus infinity.
        likeliest = legal.amax(2, keepdim=True).clamp(min=torch.finfo(legal.dtype).min)
        weights = self._cut(((legal - likeliest) / self.temperature).exp())  # (B, K, V), the likeliest is 1
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
            outside = share - ordered / ordered.sum(2, keepdim=True) >= self.top_p  # the likeliest always stays
            weights = weights.masked_fill(outside.gather(2, tokens.argsort(2)), 0.0)
        if self.min_p > 0:
            weights = weights.masked_fill(weights < self.min_p * weights.amax(2, keepdim=True), 0.0)
        return weights


def draw(weights: Tensor, generator: RowGenerators) -> Tensor:
    """Draw from weights (B, K, V) that needn't add up to 1: (B, K)."""
    cumulative = weights.cumsum(2)
    threshold = generator.uniform(weights.shape[1]).to(cumulative).unsqueeze(2) * cumulative[..., -1:]
    # The threshold is above 0 and at most the whole sum, so what is found has a weight above 0.
    return (cumulative < threshold).sum(2).clamp(max=weights.shape[2] - 1)
