"""Particles: sequential Monte Carlo samples from the model given the prompt."""

import math

import torch
from torch import Tensor

from bachlit.decoding.base import Decoder, RowGenerators
from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt
from bachlit.decoding.sampling import draw, relative
from bachlit.decoding.walk import Walk, stepping
from bachlit.errors import OptionError


class Particles(Decoder):
    """Sample from the model's distribution *conditioned* on the given notes and on the constraints.

    Masking token by token only avoids what is forbidden; here particles under which a given note is unlikely are
    dropped in proportion (Doucet, de Freitas and Gordon 2001; for language models Lew et al. 2023). Particles are
    resampled systematically when the effective sample size falls.

    The score is the log of an unbiased estimate of the evidence: the probability, under the (tempered) model, of the
    given notes with all constraints kept, soft ones weighed by their cost.

    Args:
        num: K, particles per row.
        threshold: Resample when the effective sample size falls below this share of `num`.
        lookahead: Candidates per particle to score on the given tokens that follow; 0 for none.
        horizon: Most given tokens that the look-ahead scores.
        temperature: Below 1 sharpens the model's distribution at every step, above 1 flattens it.

    Raises:
        OptionError: If an option is outside its range.
    """

    def __init__(
        self,
        num: int = 32,
        threshold: float = 0.5,
        lookahead: int = 0,
        horizon: int = 2,
        temperature: float = 1.0,
    ) -> None:
        if num < 1 or not 0 <= threshold <= 1 or lookahead < 0 or horizon < 1 or not 0 < temperature < math.inf:
            raise OptionError(
                f"Particles got num={num}, threshold={threshold}, lookahead={lookahead}, horizon={horizon}, "
                f"temperature={temperature}; expected at least 1, a share, at least 0, at least 1, and above 0."
            )
        self.num, self.threshold, self.temperature = num, threshold, temperature
        self.lookahead, self.horizon = lookahead, horizon

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Draw one piece per row from K weighted particles."""
        with stepping():
            walk = Walk(model, prompt, torch.zeros(self.num), reads=not self.lookahead)
            # Weight that the look-ahead has already given to coming tokens, and how many those are.
            advance = torch.zeros_like(walk.score)  # (B, K)
            left = torch.zeros(len(walk.score), 1, dtype=torch.long, device=walk.device)
            for log_probs, allowed in walk:
                legal = self._tempered(log_probs.to(walk.precision)).masked_fill(~allowed, -torch.inf)
                gained = legal.logsumexp(2)  # (B, K)
                lives = gained > -torch.inf
                rest = torch.where((left > 1) & lives, advance - gained, 0.0)
                weight = torch.where(lives, walk.score + gained + rest - advance, -torch.inf)
                advance, left = rest, (left - 1).clamp(min=0)
                twist = self._twist(walk, legal)
                if twist is not None:
                    ahead, run = twist
                    run = torch.where(left > 0, 0, run)  # given tokens are weighed once
                    looked = legal + ahead
                    weight = torch.where((run > 0) & lives, weight + looked.logsumexp(2) - gained, weight)
                    legal = torch.where((run > 0).unsqueeze(2), looked, legal)
                parent, weight = self._resample(weight, generator)
                legal = legal.gather(1, parent.unsqueeze(2).expand_as(legal))
                token = draw(relative(legal).exp(), generator)
                advance = advance.gather(1, parent)
                if twist is not None:
                    chosen = ahead.gather(1, parent.unsqueeze(2).expand_as(ahead)).gather(2, token.unsqueeze(2))
                    advance = torch.where(run > 0, chosen.squeeze(2), advance)
                    left = torch.where(run > 0, run, left)
                walk.take(Choice(parent, token, weight))
            evidence = walk.score.logsumexp(1, keepdim=True) - math.log(self.num)
            # A stream of its own: beside longer pieces, more of the other one was drawn.
            chosen = draw(relative(walk.score.unsqueeze(1)).exp(), generator.repeat(1, first=-1))
            return walk.finish(chosen, evidence)

    def _tempered(self, log_probs: Tensor) -> Tensor:
        if self.temperature == 1:
            return log_probs
        # Costs are already subtracted, so the total mass is restored after tempering.
        return (log_probs / self.temperature).log_softmax(2) + log_probs.logsumexp(2, keepdim=True)

    def _twist(self, walk: Walk, legal: Tensor) -> tuple[Tensor, Tensor] | None:
        """Score the coming given tokens after each candidate (B, K, V), and count them (B, 1).

        Candidates that weren't tried get the mean of those that were: any positive weight keeps the estimate
        unbiased, but a small one raises its variance.
        """
        if not self.lookahead:
            return None
        run = walk.run(self.horizon)  # (B,)
        if not bool((run > 0).any()):
            return None
        candidates = legal.topk(min(self.lookahead, legal.shape[2])).indices  # (B, K, M)
        tried = walk.ahead(candidates, self.horizon)
        lives = legal.gather(2, candidates) > -torch.inf
        mean = tried.masked_fill(~lives, -torch.inf).logsumexp(2, keepdim=True) - lives.sum(2, keepdim=True).log()
        mean = torch.where(lives.any(2, keepdim=True), mean, 0.0)  # a dead particle has no candidates
        ahead = mean.expand_as(legal).scatter(2, candidates, torch.where(lives, tried, mean))
        return ahead, run.unsqueeze(1)

    def _resample(self, weight: Tensor, generator: RowGenerators) -> tuple[Tensor, Tensor]:
        """Resample systematically the rows whose effective sample size is low: parents and weights (B, K)."""
        total = weight.logsumexp(1, keepdim=True)
        effective = (2 * total - (2 * weight).logsumexp(1, keepdim=True)).exp()
        low = effective < self.threshold * self.num  # (B, 1)
        same = torch.arange(self.num, device=weight.device).expand_as(weight)
        offset = generator.uniform(1).to(weight)  # always drawn: rows mustn't depend on each other
        if not bool(low.any()):
            return same, weight
        share = (weight - total).exp().cumsum(1)
        positions = (same + offset) / self.num * share[:, -1:]
        drawn = torch.searchsorted(share, positions).clamp(max=self.num - 1)
        even = (total - math.log(self.num)).expand_as(weight)
        return torch.where(low, drawn, same), torch.where(low, even, weight)
