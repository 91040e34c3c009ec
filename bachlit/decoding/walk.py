"""Walk: hypotheses led through a prompt token by token; the one loop that steps a model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from tqdm import tqdm

from bachlit.decoding.constraints import Term
from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt, Yielded
from bachlit.errors import DeadEndError
from bachlit.tokens import END, START


class Walk:
    """K hypotheses of each row, led through a prompt from left to right.

    Iterating gives, step by step, what a decoder chooses by; `take` tells it the choice, and gathers tokens, memory
    and constraint state by the chosen parents.

    Args:
        model: Predicts the tokens.
        prompt: Of B rows.
        score: (B, K) or (K,) the hypotheses' scores at the start; minus infinity for one that isn't alive.

    Attributes:
        score: (B, K) of the hypotheses so far.
    """

    def __init__(self, model: Model, prompt: TokenPrompt, score: Tensor) -> None:
        self.device = device = model.device
        self._stepper, self.prompt = model.stepper(), prompt.to(device)
        batch, self._steps, _ = prompt.allowed.shape
        width = score.shape[-1]
        # Sums over thousands of tokens want double precision, which Apple's GPUs don't have.
        self.precision = torch.float32 if device.type == "mps" else torch.float64
        self.score = score.to(device, self.precision).expand(batch, width).clone()
        self._allowed, self._forced = self.prompt.allowed, self.prompt.forced
        self._rows = torch.arange(batch, device=device).unsqueeze(1)  # (B, 1)
        self._token = torch.full((batch, width), START, device=device)
        if self.prompt.start is not None:
            self._token = self.prompt.start.unsqueeze(1).expand(batch, width)
        self._log_prob = torch.zeros_like(self.score)
        self._charged = torch.zeros_like(self.score)
        self._state = self.prompt.constraint.begin(batch, width, device)
        self._memory = self._stepper.begin(batch * width)
        self._only_end = torch.zeros(self._allowed.shape[2], dtype=torch.bool, device=device)
        self._only_end[END] = True
        self._tokens: list[Tensor] = []
        self._parents: list[Tensor] = []
        self._yielded: list[Yielded] = []

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(B, K, V) log-probabilities, less what soft constraints cost, and (B, K, V) bool, what is allowed."""
        for t in tqdm(range(self._steps), desc="Decoding", unit="token", delay=1, leave=False, disable=None):
            if t % 64 == 0 and t and bool((self._token == END).all()):
                break
            self._t = t
            flat, self._memory = self._stepper.step(self._token.flatten(), self._memory)
            log_probs = flat.view(*self._token.shape, -1)
            ended = (self._token == END).unsqueeze(2)
            self._log_probs = log_probs = torch.where(ended, 0.0, log_probs)
            cost = self.prompt.constraint.cost(self._state, t)
            fixed = torch.where(ended, self._only_end, self._allowed[:, t].unsqueeze(1))
            cost = torch.where(ended, 0.0, cost)
            allowed = fixed & (cost < torch.inf)
            alive = self.score > -torch.inf
            open_to = (allowed.any(2) & alive).any(1)  # (B,)
            if not bool(open_to.all()):
                allowed, cost = self._give_way(~open_to, fixed, allowed, cost)
            self._cost = torch.where(allowed, cost, 0.0)
            yield log_probs - self._cost, allowed

    def take(self, choice: Choice) -> None:
        """Go on with the chosen tokens."""
        parent, token = choice.parent, choice.token
        at = (self._rows, parent, token)
        alive = choice.score > -torch.inf
        gained, cost = (torch.where(alive, part[at].to(self.precision), 0.0) for part in (self._log_probs, self._cost))
        self._log_prob = self._log_prob.gather(1, parent) + gained
        self._charged = self._charged.gather(1, parent) + cost
        self._token, self.score = token, choice.score
        self._tokens.append(token)
        self._parents.append(parent)
        width = token.shape[1]
        if width > 1:
            index = (self._rows * width + parent).flatten()
            self._memory = tuple(part.index_select(0, index) for part in self._memory)
            self._state = {name: part[self._rows, parent] for name, part in self._state.items()}
        self._state = self.prompt.constraint.advance(self._state, token, self._t)

    def run(self, most: int) -> Tensor:
        """(B,) how many given tokens follow this step at once, at most so many."""
        following = self._forced[:, self._t + 1 : self._t + 1 + most]
        return following.long().cumprod(1).sum(1)

    def ahead(self, tokens: Tensor, most: int) -> Tensor:
        """How likely the given tokens are that follow this step, if this step's is one of these.

        Args:
            tokens: (B, K, M) candidates for this step.
            most: How many given tokens to look at.

        Returns:
            (B, K, M) the log-probability of the run of given tokens that begins at the next step; 0 without one.
        """
        runs = self.run(most)
        total = torch.zeros(tokens.shape, device=self.device, dtype=self.precision)
        memory = tuple(part.repeat_interleave(tokens.shape[2], 0) for part in self._memory)
        last = tokens
        for step in range(int(runs.max())):
            log_probs, memory = self._stepper.step(last.flatten(), memory)
            given = self._allowed[:, self._t + 1 + step].long().argmax(1)[:, None, None].expand_as(tokens)
            gained = log_probs.gather(1, given.reshape(-1, 1)).view(tokens.shape)
            # After END nothing more is said.
            total += torch.where((step < runs)[:, None, None] & (last != END), gained, 0.0)
            last = given
        return total

    def written(self, chosen: Tensor) -> Tensor:
        """The tokens (B, R, N) of the hypotheses `chosen` (B, R), as far as they were written."""
        return _trace(self._tokens, self._parents, chosen)

    def finish(self, chosen: Tensor, score: Tensor | None = None) -> Generation:
        """What was written, of the hypotheses `chosen` (B, R): B R rows, each row's R after one another.

        Args:
            chosen: Indices of hypotheses.
            score: (B, R) to be reported instead of theirs.
        """
        num = chosen.shape[1]
        written = self.written(chosen).flatten(0, 1)  # (B R, N)
        padded = torch.full((len(written), self._steps), END, device=self.device)
        padded[:, : written.shape[1]] = written
        score = self.score.gather(1, chosen) if score is None else score
        log_prob, cost = (part.gather(1, chosen).flatten() for part in (self._log_prob, self._charged))
        forced = self._forced.repeat_interleave(num, 0)
        yielded = [one._replace(row=one.row * num + index) for one in self._yielded for index in range(num)]
        return Generation(padded, log_prob, score.flatten(), cost, forced, tuple(yielded))

    def _give_way(self, dead: Tensor, fixed: Tensor, allowed: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
        """Open the rows (B,) in which nothing is left, by as little of the constraint as it takes."""
        t, constraint = self._t, self.prompt.constraint
        parts = list(constraint.terms(self._state, t))
        allowed, cost = allowed.clone(), cost.clone()
        alive = (self.score > -torch.inf).unsqueeze(2)
        for row in dead.nonzero().flatten().tolist():
            broken: list[Term] = [] if self.prompt.strict else _least(parts, row, fixed[row] & alive[row])
            if not broken:
                raise DeadEndError(
                    f"Row {row} came to step {t} with no token that {constraint} and the prompt both allow; "
                    "relax a constraint, give fewer cells, or use a decoder that keeps more hypotheses.",
                    row,
                    t,
                )
            cost[row] = _cost(parts, broken, row)
            allowed[row] = fixed[row] & (cost[row] < torch.inf)
            self._yielded += [Yielded(row, t, part.name) for part in broken]
        return allowed, cost


def _cost(parts: Sequence[Term], yielding: Sequence[Term], row: int) -> Tensor:
    """(K, V) a row's cost where some parts give way."""
    gives = {id(part) for part in yielding}
    total = torch.zeros((), device=parts[0].cost.device)
    for part in parts:
        softened = part.yielding if id(part) in gives else None
        total = total + (part.cost if softened is None else softened)[row]
    return total


def _least(parts: Sequence[Term], row: int, fixed: Tensor) -> list[Term]:
    """As few parts, from the last on, as must give way to open the row; none if nothing opens it."""

    def opens(broken: Sequence[Term]) -> bool:
        return bool((fixed & (_cost(parts, broken, row) < torch.inf)).any())

    hard = [part for part in parts if part.yielding is not None and bool((part.cost[row] == torch.inf).any())]
    broken = next((hard[first:] for first in reversed(range(len(hard))) if opens(hard[first:])), [])
    for part in list(broken):  # what isn't needed, the most important first, is kept after all
        if len(broken) > 1 and opens(rest := [one for one in broken if one is not part]):
            broken = rest
    return broken


def _trace(tokens: Sequence[Tensor], parents: Sequence[Tensor], last: Tensor) -> Tensor:
    """Follow the parents back from the last step's hypotheses (B, R): the tokens (B, R, N)."""
    written = []
    for token, parent in zip(reversed(tokens), reversed(parents), strict=True):
        written.append(token.gather(1, last))
        last = parent.gather(1, last)
    return torch.stack(written[::-1], 2)


@contextmanager
def stepping() -> Iterator[None]:
    """Run without gradients and on one thread of the processor.

    A step is many small operations: several threads that wait for each other at each of them take three times as long,
    and a hundred times on cores that have other work.
    """
    threads = torch.get_num_threads()  # of the thread that calls; others have their own
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
