"""Decoding as one writes it first: PyTorch's modules called token by token for one hypothesis, and a loop around them.

They are decoders, so that `bachlit.generation.harmonizing.write` gives them the same prompts and rules as ours; of the
engine they use nothing else. The rules are asked for all hypotheses at once, since they take them so: one by one they
would only make the baseline slower.
"""

from abc import abstractmethod
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from bachlit.decoding import Decoder, Generation, Model, RowGenerators, State, TokenPrompt
from bachlit.networks import TokenLSTM
from bachlit.networks.stepping import plain_kernels

Memory = tuple[tuple[Tensor, Tensor] | None, ...]


class PlainLoop(Decoder):
    """One piece after another, one token after another.

    Args:
        network: Called module by module.
        onednn: Whether PyTorch runs as it comes; else without oneDNN, as our decoders run.
    """

    def __init__(self, network: TokenLSTM, *, onednn: bool = True) -> None:
        self.network, self.onednn = network, onednn

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write row after row. Only the score is counted: it stands for the log-probability, and the cost is 0."""
        with torch.inference_mode(), nullcontext() if self.onednn else plain_kernels():
            written = [self.piece(prompt.rows(torch.tensor([row]))) for row in range(len(prompt.allowed))]
        tokens, score = torch.tensor([one for one, _ in written]), torch.tensor([one for _, one in written])
        return Generation(
            tokens=tokens, log_prob=score, score=score, cost=torch.zeros_like(score), forced=prompt.forced
        )

    @abstractmethod
    def piece(self, prompt: TokenPrompt) -> tuple[list[int], float]:
        """Write one piece: its tokens and their score."""

    def log_probs(self, token: int, memory: Memory) -> tuple[Tensor, Memory]:
        """(V,) what follows a token, and the memory after it."""
        x, after = self.network.embedding(torch.tensor([[token]])), []
        for lstm, norm, state in zip(self.network.lstms, self.network.norms, memory, strict=True):
            x, state = lstm(x, state)  # noqa: PLW2901
            after.append(state)
            x = self.network.dropout(norm(x[:, 0]).unsqueeze(1))
        return self.network.head(x)[0, 0].log_softmax(-1), tuple(after)

    def start(self, prompt: TokenPrompt) -> tuple[int, Memory, State]:
        """The first token, and the memories of the network and of the rules."""
        assert prompt.start is not None
        return int(prompt.start), (None,) * len(self.network.lstms), prompt.constraint.begin(1, 1, torch.device("cpu"))


class PlainGreedy(PlainLoop):
    """Take the likeliest token at every step."""

    seeks_likeliest = True

    def piece(self, prompt: TokenPrompt) -> tuple[list[int], float]:
        """Write one piece, token by token."""
        token, memory, state = self.start(prompt)
        tokens, score = [], 0.0
        for t in range(prompt.allowed.shape[1]):
            log_probs, memory = self.log_probs(token, memory)
            legal = log_probs - _cost(prompt, state, t)[0]
            token = self.choose(legal)
            score += float(legal[token])
            tokens.append(token)
            state = prompt.constraint.advance(state, torch.tensor([[token]]), t)
        return tokens, score

    def choose(self, legal: Tensor) -> int:
        """A token, by (V,) log-probabilities that don't add up to 1."""
        return int(legal.argmax())


class PlainSampling(PlainGreedy):
    """Draw each token from what is legal, by PyTorch's global stream of random numbers."""

    seeks_likeliest = False

    def choose(self, legal: Tensor) -> int:
        """Draw a token."""
        return int(torch.multinomial(legal.softmax(-1), 1))


class _Hypothesis(NamedTuple):
    tokens: tuple[int, ...]
    memory: Memory
    score: float = 0.0


class PlainBeam(PlainLoop):
    """The search of `BeamSearch`, its hypotheses stepped one by one.

    Args:
        network: Called module by module.
        width: K, hypotheses.
        onednn: Whether PyTorch runs as it comes; else without oneDNN.
    """

    seeks_likeliest = True

    def __init__(self, network: TokenLSTM, width: int, *, onednn: bool = True) -> None:
        super().__init__(network, onednn=onednn)
        self.width = width

    def piece(self, prompt: TokenPrompt) -> tuple[list[int], float]:
        """Write one piece: the winner of the beam."""
        token, memory, state = self.start(prompt)
        beam = [_Hypothesis((token,), memory)]
        for t in range(prompt.allowed.shape[1]):
            cost = _cost(prompt, state, t)  # (K, V)
            legal = []
            for index, one in enumerate(beam):
                log_probs, memory = self.log_probs(one.tokens[-1], one.memory)
                beam[index] = one._replace(memory=memory)
                legal.append(one.score + (log_probs - cost[index]).double())
            candidates = torch.stack(legal)  # (K, V)
            best, indices = candidates.flatten().topk(min(self.width, int((candidates > -torch.inf).sum())))
            parents, tokens = indices // candidates.shape[1], indices % candidates.shape[1]
            beam = [
                _Hypothesis((*beam[parent].tokens, token), beam[parent].memory, score)
                for parent, token, score in zip(parents.tolist(), tokens.tolist(), best.tolist(), strict=True)
            ]
            state = {name: part[:, parents] for name, part in state.items()}
            state = prompt.constraint.advance(state, tokens.unsqueeze(0), t)
        winner = max(beam, key=lambda one: one.score)
        return list(winner.tokens[1:]), winner.score


def _cost(prompt: TokenPrompt, state: State, t: int) -> Tensor:
    """(K, V) what each token costs, infinite where it isn't allowed. Where nothing is, all rules give way at once."""
    fixed = prompt.allowed[:, t].unsqueeze(1)
    cost = prompt.constraint.cost(state, t).masked_fill(~fixed, torch.inf)
    if not bool((cost < torch.inf).any()):
        terms = prompt.constraint.terms(state, t)
        softened = torch.stack([term.cost if term.yielding is None else term.yielding for term in terms]).sum(0)
        cost = softened.masked_fill(~fixed, torch.inf)
    return cost[0]
