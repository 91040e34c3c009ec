"""Greedy: the likeliest token at every step."""

from torch import Tensor

from bachlit.decoding.base import RowGenerators, StepDecoder
from bachlit.decoding.contracts import Choice


class Greedy(StepDecoder):
    """Take the likeliest allowed token; BachBot's decoder."""

    seeks_likeliest = True
    passes_given = True

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Take the likeliest allowed token."""
        gained, token = log_probs.masked_fill(~allowed, -float("inf")).max(2)
        return Choice(token.new_zeros(token.shape), token, score + gained)
