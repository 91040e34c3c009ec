"""Decoding as one writes it first: PyTorch's modules called token by token for one hypothesis, and a loop around them.

It is a decoder, so that `bachlit.generation.harmonizing.write` gives it the same prompts and rules as ours; of the
engine it uses nothing else. The rules are asked for all hypotheses at once, since they take them so: one by one they
would only make the baseline slower.
"""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from bachlit.decoding import Decoder, Generation, Model, RowGenerators, State, TokenPrompt
from bachlit.networks import TokenLSTM
from bachlit.networks.stepping import plain_kernels

_Memory = tuple[tuple[Tensor, Tensor] | None, ...]


class _Hypothesis(NamedTuple):
    tokens: tuple[int, ...]
    memory: _Memory
    score: float = 0.0


class PlainLoop(Decoder):
    """A beam, one piece after another, its hypotheses stepped one by one; of one hypothesis it is greedy, or samples.

    Args:
        network: Called module by module.
        width: K, hypotheses.
        draws: Draw each token, by PyTorch's global stream of random numbers, instead of taking the likeliest.
        onednn: Whether PyTorch runs as it comes; else without oneDNN, as our decoders run.
    """

    def __init__(self, network: TokenLSTM, width: int = 1, *, draws: bool = False, onednn: bool = True) -> None:
        self.network, self.width, self.draws, self.onednn = network, width, draws, onednn
        self.seeks_likeliest = not draws

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write row after row. Only the score is counted: it stands for the log-probability, and the cost is 0."""
        with torch.inference_mode(), nullcontext() if self.onednn else plain_kernels():
            written = [self._piece(prompt.rows(torch.tensor([row]))) for row in range(len(prompt.allowed))]
        tokens, score = torch.tensor([one for one, _ in written]), torch.tensor([one for _, one in written])
        return Generation(
            tokens=tokens, log_prob=score, score=score, cost=torch.zeros_like(score), forced=prompt.forced
        )

    def _piece(self, prompt: TokenPrompt) -> tuple[tuple[int, ...], float]:
        """Write one piece: its tokens and their score."""
        assert prompt.start is not None
        state = prompt.constraint.begin(1, 1, torch.device("cpu"))
        beam = [_Hypothesis((int(prompt.start),), (None,) * len(self.network.lstms))]
        for t in range(prompt.allowed.shape[1]):
            cost = _cost(prompt, state, t)  # (K, V)
            legal = []
            for index, one in enumerate(beam):
                log_probs, memory = self._log_probs(one.tokens[-1], one.memory)
                beam[index] = one._replace(memory=memory)
                legal.append(one.score + (log_probs - cost[index]).double())
            candidates = torch.stack(legal)  # (K, V)
            indices = self._choose(candidates.flatten())
            parents, tokens = indices // candidates.shape[1], indices % candidates.shape[1]
            scores = candidates.flatten()[indices]
            beam = [
                _Hypothesis((*beam[parent].tokens, token), beam[parent].memory, score)
                for parent, token, score in zip(parents.tolist(), tokens.tolist(), scores.tolist(), strict=True)
            ]
            if self.width > 1:
                state = {name: part[:, parents] for name, part in state.items()}
            state = prompt.constraint.advance(state, tokens.unsqueeze(0), t)
        winner = max(beam, key=lambda one: one.score)
        return winner.tokens[1:], winner.score

    def _choose(self, candidates: Tensor) -> Tensor:
        """Choose among (K V,) scores that don't add up to 1."""
        if self.draws:
            return torch.multinomial(candidates.softmax(-1), 1)
        if self.width == 1:
            return candidates.argmax().unsqueeze(0)
        return candidates.topk(min(self.width, int((candidates > -torch.inf).sum()))).indices

    def _log_probs(self, token: int, memory: _Memory) -> tuple[Tensor, _Memory]:
        """(V,) what follows a token, and the memory after it."""
        x, after = self.network.embedding(torch.tensor([[token]])), []
        for lstm, norm, state in zip(self.network.lstms, self.network.norms, memory, strict=True):
            x, state = lstm(x, state)  # noqa: PLW2901
            after.append(state)
            x = self.network.dropout(norm(x[:, 0]).unsqueeze(1))
        return self.network.head(x)[0, 0].log_softmax(-1), tuple(after)


def _cost(prompt: TokenPrompt, state: State, t: int) -> Tensor:
    """(K, V) what each token costs, infinite where it isn't allowed. Where nothing is, all rules give way at once."""
    fixed = prompt.allowed[:, t].unsqueeze(1)
    cost = prompt.constraint.cost(state, t).masked_fill(~fixed, torch.inf)
    if not bool((cost < torch.inf).any()):
        terms = prompt.constraint.terms(state, t)
        softened = torch.stack([term.cost if term.yielding is None else term.yielding for term in terms]).sum(0)
        cost = softened.masked_fill(~fixed, torch.inf)
    return cost[0]
