"""Walk: the decoding loop, from prompt to generation."""

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
    """Decoding loop over K hypotheses per row, left to right.

    Iterating yields what a decoder chooses from at each step; `take` applies the choice, gathering tokens, memory and
    constraint state by the chosen parents.

    Args:
        model: Predicts the tokens.
        prompt: B rows.
        score: (B, K) or (K,) initial scores; minus infinity for a dead hypothesis.

    Attributes:
        score: (B, K) of the hypotheses so far.
    """

    def __init__(self, model: Model, prompt: TokenPrompt, score: Tensor) -> None:
        self.device = device = model.device
        self._predictor, self.prompt = model.predictor(), prompt.to(device)
        batch, self._steps, _ = prompt.allowed.shape
        width = score.shape[-1]
        # Sums over thousands of tokens need double precision, which Apple's GPUs lack.
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
        self._memory = self._predictor.begin(batch * width)
        self._only_end = torch.zeros(self._allowed.shape[2], dtype=torch.bool, device=device)
        self._only_end[END] = True
        self._tokens: list[Tensor] = []
        self._parents: list[Tensor] = []
        self._yielded: list[Yielded] = []

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield log-probabilities minus rule cost and the mask of allowed tokens, (B, K, V) each."""
        for t in tqdm(range(self._steps), desc="Decoding", unit="token", delay=1, leave=False, disable=None):
            if t % 64 == 0 and t and bool((self._token == END).all()):
                break
            self._t = t
            flat, self._memory = self._predictor.step(self._token.flatten(), self._memory)
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
        """Apply the chosen tokens."""
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
        """Count the given tokens (B,) that follow this step, at most `most`."""
        following = self._forced[:, self._t + 1 : self._t + 1 + most]
        return following.long().cumprod(1).sum(1)

    def ahead(self, tokens: Tensor, most: int) -> Tensor:
        """Log-likelihood of the given tokens that follow this step, per candidate for it.

        Args:
            tokens: (B, K, M) candidates for this step.
            most: Most given tokens to score.

        Returns:
            (B, K, M) nats, 0 where no given token follows.
        """
        runs = self.run(most)
        total = torch.zeros(tokens.shape, device=self.device, dtype=self.precision)
        memory = tuple(part.repeat_interleave(tokens.shape[2], 0) for part in self._memory)
        last = tokens
        for step in range(int(runs.max())):
            log_probs, memory = self._predictor.step(last.flatten(), memory)
            given = self._allowed[:, self._t + 1 + step].long().argmax(1)[:, None, None].expand_as(tokens)
            gained = log_probs.gather(1, given.reshape(-1, 1)).view(tokens.shape)
            total += torch.where((step < runs)[:, None, None] & (last != END), gained, 0.0)
            last = given
        return total

    def written(self, chosen: Tensor) -> Tensor:
        """Tokens (B, R, N) so far of the hypotheses `chosen` (B, R)."""
        return _trace(self._tokens, self._parents, chosen)

    def finish(self, chosen: Tensor, score: Tensor | None = None) -> Generation:
        """Make a generation of the hypotheses `chosen` (B, R): B R rows, grouped by prompt.

        Args:
            chosen: Indices of hypotheses.
            score: (B, R) to report instead of theirs.
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
        """Relax as few terms as open the rows (B,) that have no token left."""
        t, constraint = self._t, self.prompt.constraint
        terms = list(constraint.terms(self._state, t))
        allowed, cost = allowed.clone(), cost.clone()
        alive = (self.score > -torch.inf).unsqueeze(2)
        for row in dead.nonzero().flatten().tolist():
            broken = [] if self.prompt.strict else _least(terms, row, fixed[row] & alive[row])
            if not broken:
                raise DeadEndError(
                    f"At step {t} of row {row} {constraint} and the prompt together allow no token; relax a "
                    "constraint, give fewer cells, or keep more hypotheses.",
                    row,
                    t,
                )
            cost[row] = _cost(terms, broken, row)
            allowed[row] = fixed[row] & (cost[row] < torch.inf)
            self._yielded += [Yielded(row, t, terms[index].name) for index in broken]
        return allowed, cost


def _cost(terms: Sequence[Term], broken: Sequence[int], row: int) -> Tensor:
    """Cost (K, V) of a row where some terms, by index, give way."""
    total = torch.zeros((), device=terms[0].cost.device)
    for index, term in enumerate(terms):
        total = total + (term.cost if term.yielding is None or index not in broken else term.yielding)[row]
    return total


def _least(terms: Sequence[Term], row: int, fixed: Tensor) -> list[int]:
    """Indices of the fewest terms, from the last on, that must give way to open the row; empty if none do."""

    def opens(broken: Sequence[int]) -> bool:
        return bool((fixed & (_cost(terms, broken, row) < torch.inf)).any())

    forbids = [term.yielding is not None and bool((term.cost[row] == torch.inf).any()) for term in terms]
    hard = [index for index, does in enumerate(forbids) if does]
    broken = next((hard[first:] for first in reversed(range(len(hard))) if opens(hard[first:])), [])
    for index in list(broken):  # keep what needn't give way, the most important first
        if len(broken) > 1 and opens(rest := [one for one in broken if one != index]):
            broken = rest
    return broken


def _trace(tokens: Sequence[Tensor], parents: Sequence[Tensor], last: Tensor) -> Tensor:
    """Trace the parents back from the last step's hypotheses (B, R) to their tokens (B, R, N)."""
    written = []
    for token, parent in zip(reversed(tokens), reversed(parents), strict=True):
        written.append(token.gather(1, last))
        last = parent.gather(1, last)
    return torch.stack(written[::-1], 2)


@contextmanager
def stepping() -> Iterator[None]:
    """Run without gradients, on one CPU thread.

    A step is many small operations: several threads that wait for each other take three times as long, and a hundred
    times on busy cores.
    """
    threads = torch.get_num_threads()  # of the thread that calls; others have their own
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
