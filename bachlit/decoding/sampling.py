"""Sampling: tokens drawn from the model's distribution."""

import torch
from torch import Tensor

from bachlit.decoding.base import Choice, RowGenerators, StepDecoder
from bachlit.errors import OptionError


class Sampling(StepDecoder):
    """Draws each token from the allowed part of the model's distribution, renormalised.

    Args:
        temperature: Below 1 favours the likely, above 1 the unlikely.

    Raises:
        OptionError: If the temperature isn't above 0.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        if not 0 < temperature < float("inf"):
            raise OptionError(f"A temperature of {temperature} can't be sampled at; expected one above 0, such as 0.9.")
        self.temperature = temperature

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """See `StepDecoder.step`. The score is the tempered distribution's own log-probability."""
        legal = log_probs.to(score.dtype).masked_fill(~allowed, -float("inf"))
        # The likeliest is taken off first: at the coldest temperature only the others overflow, to minus infinity.
        likeliest = legal.amax(2, keepdim=True).clamp(min=torch.finfo(legal.dtype).min)
        tempered = ((legal - likeliest) / self.temperature).log_softmax(2)
        # The largest ratio of probability to an exponential draw is a sample; what isn't allowed has the ratio 0.
        draws = generator.exponential(*log_probs.shape[1:]).to(tempered)
        token = (tempered.exp() / draws).argmax(2)
        return Choice(token.new_zeros(token.shape), token, score + tempered.gather(2, token.unsqueeze(2)).squeeze(2))
