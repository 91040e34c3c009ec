"""The contract of a decoder, and the one loop that steps a model from left to right."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from tqdm import tqdm

from bachlit.decoding.constraints import Constraint
from bachlit.errors import DeadEndError
from bachlit.tokens import END, START

Memory = tuple[Tensor, ...]


class Model(Protocol):
    """What a decoder needs of a model; `bachlit.language_model.LanguageModel` is one."""

    @property
    def device(self) -> torch.device:
        """Where tokens must be."""

    def begin(self, batch_size: int) -> Memory:
        """The memory at the start of so many pieces; every part has the batch first."""

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """From each row's last token (B,) and the memory: normalised log-probabilities (B, V), the memory after."""


@dataclass(frozen=True)
class TokenPrompt:
    """What may be written, in tokens: a fixed part, known beforehand, and a part that depends on what was chosen.

    Attributes:
        allowed: (B, N, V) bool; a row ends with the first END, and after it anything is END.
        constraint: What depends on the tokens before.
        start: (B,) the token that precedes each row; START if None.
    """

    allowed: Tensor
    constraint: Constraint
    start: Tensor | None = None

    @property
    def forced(self) -> Tensor:
        """(B, N) true where the fixed part leaves one token."""
        return self.allowed.sum(2) == 1


@dataclass(frozen=True)
class Generation:
    """What a decoder wrote.

    Attributes:
        tokens: (B, N) without START; END after a row's first END.
        log_prob: (B,) the model's own log-probability of the tokens, in nats, given ones among them.
        score: (B,) what the decoder maximised or weighed, in nats.
        forced: (B, N) true where the prompt left one token.
    """

    tokens: Tensor
    log_prob: Tensor
    score: Tensor
    forced: Tensor


class Choice(NamedTuple):
    """One step's choice: for each of K hypotheses its parent, its token and its score, (B, K) each."""

    parent: Tensor
    token: Tensor
    score: Tensor


class RowGenerators:
    """A random stream for each row, so that a row's result doesn't depend on its neighbours.

    Args:
        seeds: One a row.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]

    def exponential(self, *shape: int) -> Tensor:
        """(B, *shape) draws from the exponential distribution of mean 1, none of them 0."""
        return torch.stack([torch.empty(shape).exponential_(generator=generator) for generator in self._generators])


class Decoder(ABC):
    """Writes tokens under a prompt."""

    @abstractmethod
    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write one piece a row of the prompt.

        Raises:
            DeadEndError: If the constraints leave a row nothing to choose.
        """


class StepDecoder(Decoder):
    """Writes from left to right. A subclass says how many hypotheses it keeps and how it chooses; the loop is here.

    The loop gathers tokens, memory and constraint state by the parents that `step` returns.
    """

    hypotheses: int = 1
    """K."""

    @abstractmethod
    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Choose the next token of every hypothesis.

        Args:
            score: (B, K) of the hypotheses so far; minus infinity for one that isn't alive.
            log_probs: (B, K, V) normalised, in nats; not to be changed.
            allowed: (B, K, V) bool.
            generator: The only source of randomness.

        Returns:
            (B, K) each: the hypothesis that is continued, the token, the new score.
        """

    @torch.inference_mode()
    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """See `Decoder.decode`."""
        with _plain_kernels():
            return self._decode(model, prompt, generator)

    def _decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        batch, steps, _ = prompt.allowed.shape
        width = self.hypotheses
        device = model.device
        fixed = prompt.allowed.to(device)
        rows = torch.arange(batch, device=device).unsqueeze(1)  # (B, 1)
        token = torch.full((batch, width), START, device=device)
        if prompt.start is not None:
            token = prompt.start.to(device).unsqueeze(1).expand(batch, width)
        # Sums over thousands of tokens want double precision, which Apple's GPUs don't have.
        precision = torch.float32 if device.type == "mps" else torch.float64
        score = torch.full((batch, width), -torch.inf, device=device, dtype=precision)
        score[:, 0] = 0.0
        log_prob = torch.zeros_like(score)
        state = prompt.constraint.begin(batch, width, device)
        memory = model.begin(batch * width)
        only_end = torch.zeros(fixed.shape[2], dtype=torch.bool, device=device)
        only_end[END] = True
        tokens, parents = [], []
        for t in tqdm(range(steps), desc="Decoding", unit="token", delay=1, leave=False, disable=None):
            log_probs, memory = model.step(token.flatten(), memory)
            log_probs = log_probs.view(batch, width, -1)
            ended = (token == END).unsqueeze(2)
            allowed = torch.where(ended, only_end, fixed[:, t].unsqueeze(1) & prompt.constraint.allowed(state, t))
            log_probs = torch.where(ended, 0.0, log_probs)
            _refuse_dead_ends(allowed, score, t, prompt.constraint)
            choice = self.step(score, log_probs, allowed, generator)
            gained = log_probs[rows, choice.parent, choice.token].to(precision)
            log_prob = log_prob.gather(1, choice.parent) + torch.where(choice.score > -torch.inf, gained, 0.0)
            token, score = choice.token, choice.score
            tokens.append(token)
            parents.append(choice.parent)
            if width > 1:
                flat = (rows * width + choice.parent).flatten()
                memory = tuple(part[flat] for part in memory)
                state = {name: part[rows, choice.parent] for name, part in state.items()}
            state = prompt.constraint.advance(state, token, t)
            if t % 64 == 63 and bool((token == END).all()):
                break
        best = score.argmax(1, keepdim=True)  # (B, 1)
        written = _trace(tokens, parents, best)
        padded = torch.full((batch, steps), END, device=device)
        padded[:, : written.shape[1]] = written
        return Generation(padded, log_prob.gather(1, best)[:, 0], score.gather(1, best)[:, 0], prompt.forced.to(device))


_SWITCHING = RLock()


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Without oneDNN, whose LSTM is made for whole sequences: one step of it takes three to eight times as long.

    The switch is the process's, so threads that decode take turns.
    """
    # Not `torch.backends.mkldnn.flags`: it also sets what some builds of PyTorch warn about.
    _SWITCHING.acquire()
    enabled, *_ = torch.backends.mkldnn.set_flags(_enabled=False)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=enabled)  # type: ignore[no-untyped-call]
        _SWITCHING.release()


def _trace(tokens: Sequence[Tensor], parents: Sequence[Tensor], last: Tensor) -> Tensor:
    """Follow the parents back from the last step's hypotheses (B, 1): the tokens (B, N)."""
    written = []
    for token, parent in zip(reversed(tokens), reversed(parents), strict=True):
        written.append(token.gather(1, last))
        last = parent.gather(1, last)
    return torch.cat(written[::-1], 1)


def _refuse_dead_ends(allowed: Tensor, score: Tensor, t: int, constraint: Constraint) -> None:
    open_to = (allowed.any(2) & (score > -torch.inf)).any(1)  # (B,)
    if not bool(open_to.all()):
        row = int((~open_to).nonzero()[0, 0])
        raise DeadEndError(
            f"Row {row} came to step {t} with no token that {constraint} and the prompt both allow; "
            "relax a constraint, give fewer cells, or use a decoder that keeps more hypotheses."
        )
