"""A model, a constraint and prompts that are small enough to enumerate."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bachlit.decoding import Constraint, State, TokenPrompt
from bachlit.tokens import END, START


class ToyModel:
    """Random model over few tokens, each of which depends on the last two.

    Args:
        vocabulary_size: V; the ids 0 and 1 are END and START.
        seed: Draws its probabilities.
        spread: Standard deviation of its logits; the larger, the surer of itself.
    """

    device = torch.device("cpu")

    def __init__(self, vocabulary_size: int, *, seed: int = 0, spread: float = 1.5) -> None:
        generator = torch.Generator().manual_seed(seed)
        shape = (vocabulary_size, vocabulary_size, vocabulary_size)
        self._log_probs = (spread * torch.randn(shape, generator=generator)).log_softmax(-1)

    def predictor(self) -> "ToyModel":
        """Give itself: it has no state."""
        return self

    def begin(self, batch_size: int) -> tuple[Tensor, ...]:
        """Give the token before the last, (B,)."""
        return (torch.full((batch_size,), START),)

    def step(self, tokens: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Give the log-probabilities (B, V) of what follows each row's last token (B,), and the memory after."""
        return self._log_probs[memory[0], tokens], (tokens,)


@dataclass(frozen=True)
class NoReturn(Constraint):
    """Constraint to test with: no token but END may come back after two steps.

    Args:
        vocabulary_size: V, the number of tokens.
    """

    vocabulary_size: int

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """The last two tokens, (B, K) each."""
        start = torch.full((batch_size, hypotheses), START, device=device)
        return {"last": start, "before": start}

    def allowed(self, state: State, t: int) -> Tensor:
        """All but the token before the last."""
        ids = torch.arange(self.vocabulary_size, device=state["last"].device)
        return ((ids != state["before"].unsqueeze(2)) | (ids == END)) & (ids != START)

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """Remember the token."""
        return {"last": token, "before": state["last"]}


def toy_prompt(*, num_rows: int, num_tokens: int, vocabulary_size: int, given: Sequence[int] = (1,)) -> TokenPrompt:
    """Make prompts for a `ToyModel`: N tokens and END per row, some of them given, others in each row.

    Args:
        num_rows: B.
        num_tokens: N.
        vocabulary_size: V.
        given: The steps whose tokens are given.
    """
    allowed = torch.ones(num_rows, num_tokens + 1, vocabulary_size, dtype=torch.bool)
    allowed[:, :, [END, START]] = False
    allowed[:, -1] = False
    allowed[:, -1, END] = True
    for index, step in enumerate(given):
        if step < num_tokens:
            tokens = 2 + (torch.arange(num_rows) + index) % (vocabulary_size - 2)
            allowed[:, step] = torch.nn.functional.one_hot(tokens, vocabulary_size).bool()
    return TokenPrompt(allowed, NoReturn(vocabulary_size))
