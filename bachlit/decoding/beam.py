"""BeamSearch: the likeliest whole sequence, as far as the beam can see."""

from collections.abc import Iterable, Iterator
from functools import reduce

import torch
from torch import Tensor

from bachlit.decoding.base import RowGenerators, StepDecoder
from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt
from bachlit.decoding.walk import Walk, stepping
from bachlit.errors import OptionError

_TOGETHER = 512  # most hypotheses at once where there are many groups: some 250 MB


class BeamSearch(StepDecoder):
    """Beam search: keep the K likeliest hypotheses of each row.

    Given tokens count in the score like any other, so a harmony under which the next given note is likely survives:
    this is how a beam looks ahead.

    Args:
        width: K, hypotheses per row.
        groups: Groups that search separately, each penalised for the choices of earlier ones (diverse beam search,
            Vijayakumar et al. 2018).
        diversity: Nats that a token costs per earlier group that chose it at the same step, times the share of that
            group's hypotheses that did.

    Raises:
        OptionError: If the width is below 1, or no multiple of the groups.
    """

    seeks_likeliest = True
    passes_given = True
    shortsighted = True

    def __init__(self, width: int = 16, groups: int = 1, diversity: float = 2.0) -> None:
        if width < 1:
            raise OptionError(f"A beam width of {width} isn't possible; expected at least 1, such as 16.")
        if groups < 1 or width % groups:
            raise OptionError(f"A beam of {width} doesn't divide into {groups} equal groups; choose a multiple.")
        self.width = self.hypotheses = width
        self.groups, self.diversity = groups, diversity

    def initial_score(self) -> Tensor:
        """Initial scores (K,): one live hypothesis per group."""
        score = torch.full((self.width,), -torch.inf)
        score[:: self.width // self.groups] = 0.0
        return score

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Keep the K likeliest continuations of each row."""
        batch, _, size = log_probs.shape
        candidates = (score.unsqueeze(2) + log_probs).masked_fill(~allowed, -float("inf"))  # (B, K, V)
        if self.groups == 1:
            best, index = candidates.flatten(1).topk(self.width)  # (B, K)
            return Choice(index // size, index % size, best)
        return _joined(self._choices(candidates, candidates.new_zeros(batch, 1, size)))

    def _choices(self, candidates: Tensor, used: Tensor) -> Iterator[Choice]:
        """Choose group by group, from scores (B, K, V) and how many earlier groups used each token (B, 1, V)."""
        size, each = candidates.shape[2], self.width // self.groups
        choice: Choice | None = None
        for first in range(0, self.width, each):
            used = used if choice is None else _using(used, choice)
            scores = candidates[:, first : first + each]  # (B, K / G, V)
            index = (scores - self.diversity * used).flatten(1).topk(each).indices
            choice = Choice(first + index // size, index % size, scores.flatten(1).gather(1, index))
            yield choice

    def decode_batches(
        self, model: Model, prompt: TokenPrompt, generator: RowGenerators, num: int
    ) -> Iterator[Generation]:
        """Write the `num` best different pieces; of several groups, the best of each before the second of any.

        Groups are searched in batches; each batch sees the choices of those before it.

        Raises:
            OptionError: If the beam is narrower than `num`.
        """
        if num > self.width:
            raise OptionError(f"A beam of {self.width} can't give {num} pieces; widen it to {num}, or ask for fewer.")
        if num == 1:
            yield self.decode(model, prompt, generator)
            return
        each = self.width // self.groups
        most = max(1, _TOGETHER // (each * len(prompt.allowed)))
        used: dict[int, Tensor] = {}  # (B, 1, V) by step
        for first in range(0, self.groups, most):
            part = BeamSearch(each * min(most, self.groups - first), min(most, self.groups - first), self.diversity)
            wanted = num * (first + part.groups) // self.groups - num * first // self.groups
            walk = part._walk_on(model, prompt, used, last=first + part.groups == self.groups)
            if wanted:
                yield part._best(walk, wanted)

    def _walk_on(self, model: Model, prompt: TokenPrompt, used: dict[int, Tensor], *, last: bool) -> Walk:
        """Run the loop after other groups, and add these groups' choices to `used` unless they are the last."""
        with stepping():
            walk = Walk(model, prompt, self.initial_score(), passes=True)
            for log_probs, allowed in walk:
                candidates = (walk.score.unsqueeze(2) + log_probs).masked_fill(~allowed, -float("inf"))
                before = used.get(walk.t, candidates.new_zeros(len(candidates), 1, candidates.shape[2]))
                choices = list(self._choices(candidates, before))
                if not last:
                    used[walk.t] = reduce(_using, choices, before)
                walk.take(_joined(choices))
        return walk

    def _best(self, walk: Walk, num: int) -> Generation:
        """The `num` best different pieces of a walk."""
        # The best of each group before the second of any; duplicates count once.
        best_first = walk.score.view(len(walk.score), self.groups, -1).argsort(2, descending=True)
        rank = best_first.argsort(2).flatten(1)  # (B, K)
        order = torch.stack(
            [
                torch.tensor(sorted(range(self.width), key=lambda k: (ranks[k], -scores[k])), device=rank.device)
                for ranks, scores in zip(rank.tolist(), walk.score.tolist(), strict=True)
            ]
        )
        written = walk.written(order)
        chosen = [_distinct(row, tokens, num) for row, tokens in zip(order.tolist(), written.tolist(), strict=True)]
        return walk.finish(torch.tensor(chosen, device=order.device))


def _using(used: Tensor, choice: Choice) -> Tensor:
    """Count a group's tokens as used (B, 1, V), each by the share of its hypotheses."""
    alive = (choice.score > -float("inf")).to(used)
    share = alive / alive.sum(1, keepdim=True).clamp(min=1)
    return used.scatter_add(2, choice.token.unsqueeze(1), share.unsqueeze(1))


def _joined(choices: Iterable[Choice]) -> Choice:
    """Join the choices of groups (B, K / G) to one (B, K)."""
    return Choice(*(torch.cat(parts, 1) for parts in zip(*choices, strict=True)))


def _distinct(order: list[int], written: list[list[int]], num: int) -> list[int]:
    """The first `num` different hypotheses in an order; padded with the first."""
    first = {tuple(tokens): hypothesis for hypothesis, tokens in zip(reversed(order), reversed(written), strict=True)}
    distinct = sorted(first.values(), key=order.index)[:num]
    return distinct + distinct[:1] * (num - len(distinct))
