"""Walk: the decoding loop, from prompt to generation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from tqdm import tqdm

from bachlit.decoding.constraints import Term
from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt, Yielded
from bachlit.decoding.predicting import Predictions
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
        passes: Take given tokens without yielding them, where no constraint objects: each hypothesis goes on, and its
            score gains the token's log-probability minus its cost.
        reads: Read runs of given tokens as sequences; without it, `ahead` can be asked.

    Attributes:
        score: (B, K) of the hypotheses so far.
        t: The step.
        passed: How many tokens were taken without being yielded since the last one that was.
    """

    def __init__(
        self, model: Model, prompt: TokenPrompt, score: Tensor, *, passes: bool = False, reads: bool = True
    ) -> None:
        self.device = device = model.device
        self.prompt = prompt.to(device)
        batch, self._steps, self._size = prompt.allowed.shape
        width = score.shape[-1]
        # Sums over thousands of tokens need double precision, which Apple's GPUs lack.
        self.precision = torch.float32 if device.type == "mps" else torch.float64
        self.score = score.to(device, self.precision).expand(batch, width).clone()
        self._allowed, self._forced = self.prompt.allowed, self.prompt.forced
        self._given = self._allowed.byte().argmax(2)  # (B, N), where one is
        self._rows = torch.arange(batch, device=device).unsqueeze(1)  # (B, 1)
        self._token = torch.full((batch, width), START, device=device)
        if self.prompt.start is not None:
            self._token = self.prompt.start.unsqueeze(1).expand(batch, width)
        self._same = torch.arange(width, device=device).expand(batch, width)
        self._log_prob = torch.zeros_like(self.score)
        self._charged = torch.zeros_like(self.score)
        self._state = self.prompt.constraint.begin(batch, width, device)
        ends = self._allowed[:, :, END]
        self._may_have_ended = _before(ends)
        # Where some hypotheses may have ended, and others not, nothing is given in common.
        split = _before(ends & ~self._forced)
        common = [given and not maybe for given, maybe in zip(self._forced.all(0).tolist(), split, strict=True)]
        self._runs = _runs(common)
        self._passes, self.passed = passes, 0
        self._reads = reads
        runs = self._runs if reads else [0] * self._steps
        self._predictions = Predictions(model.predictor(), self._given, runs, width=width, size=self._size)
        self._only_end = torch.zeros(self._size, dtype=torch.bool, device=device)
        self._only_end[END] = True
        self._tokens: list[Tensor] = []
        self._parents: list[Tensor] = []
        self._yielded: list[Yielded] = []

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield log-probabilities minus rule cost and the mask of allowed tokens, (B, K, V) each."""
        for t in tqdm(range(self._steps), desc="Decoding", unit="token", delay=1, leave=False, disable=None):
            if t % 64 == 0 and self._may_have_ended[t] and bool((self._token == END).all()):
                break
            self.t = t
            self._log_probs = log_probs = self._predictions.next(self._token, t)
            fixed = self._allowed[:, t].unsqueeze(1)
            if self._may_have_ended[t]:
                ended = (self._token == END).unsqueeze(2)
                self._log_probs = log_probs = torch.where(ended, 0.0, log_probs)
                fixed = torch.where(ended, self._only_end, fixed)
            self._cost: Tensor | None = None
            if self.prompt.constraint.idle(t):
                if self._passes and self._runs[t]:
                    self._pass(None)
                    continue
                allowed = fixed.expand(*self._token.shape, -1)
            else:
                cost = self.prompt.constraint.cost(self._state, t)
                if self._may_have_ended[t]:
                    cost = torch.where(ended, 0.0, cost)
                if self._passes and self._runs[t]:
                    charged = cost.expand(log_probs.shape).gather(2, self._given_at(t))
                    if bool((charged < torch.inf).all()):
                        self._pass(charged.squeeze(2))
                        continue
                allowed, cost = self._opened(fixed, cost)
                self._cost = torch.where(allowed, cost, 0.0)
                log_probs = log_probs - self._cost
            yield log_probs, allowed
            self.passed = 0

    def _opened(self, fixed: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
        """Mask what is allowed, and relax constraints where nothing is."""
        allowed = fixed & (cost < torch.inf)
        alive = self.score > -torch.inf
        open_to = (allowed.any(2) & alive).any(1)  # (B,)
        if bool(open_to.all()):
            return allowed, cost
        return self._give_way(~open_to, fixed, allowed, cost)

    def _given_at(self, t: int) -> Tensor:
        """The given token (B, K, 1) of a step."""
        return self._given[:, t].view(-1, 1, 1).expand(*self._token.shape, 1)

    def _pass(self, charged: Tensor | None) -> None:
        """Take the given token at a cost (B, K), if any."""
        token = self._given_at(self.t)
        gained = self._log_probs.gather(2, token).squeeze(2).to(self.precision)
        if self._may_have_ended[self.t]:
            gained = torch.where(self._token == END, 0.0, gained)
        self._log_prob = self._log_prob + gained
        if charged is not None:
            gained = gained - charged
            self._charged = self._charged + charged
        self.score = self.score + gained
        self._append(token.squeeze(2), self._same)
        self.passed += 1

    def take(self, choice: Choice) -> None:
        """Apply the chosen tokens."""
        parent, token = choice.parent, choice.token
        alive = choice.score > -torch.inf
        at = parent * self._size + token  # (B, K)
        gained = self._log_probs.flatten(1).gather(1, at).to(self.precision)
        self._log_prob = self._log_prob.gather(1, parent) + torch.where(alive, gained, 0.0)
        self._charged = self._charged.gather(1, parent)
        if self._cost is not None:
            cost = self._cost.expand(self._log_probs.shape).flatten(1).gather(1, at).to(self.precision)
            self._charged = self._charged + torch.where(alive, cost, 0.0)
        self.score = choice.score
        width = token.shape[1]
        if width > 1:
            index = (self._rows * width + parent).flatten()
            self._predictions.take(index, given=self._runs[self.t] > 0)
            self._state = {
                name: part.flatten(0, 1).index_select(0, index).view(part.shape) for name, part in self._state.items()
            }
        self._append(token, parent)

    def _append(self, token: Tensor, parent: Tensor) -> None:
        """Go on with tokens and their parents, by which all else is gathered."""
        self._token = token
        self._tokens.append(token)
        self._parents.append(parent)
        self._state = self.prompt.constraint.advance(self._state, token, self.t)

    def run(self, most: int) -> Tensor:
        """Count the given tokens (B,) that follow this step, at most `most`."""
        following = self._forced[:, self.t + 1 : self.t + 1 + most]
        return following.long().cumprod(1).sum(1)

    def ahead(self, tokens: Tensor, most: int) -> Tensor:
        """Log-likelihood of the given tokens that follow this step, per candidate for it.

        Args:
            tokens: (B, K, M) candidates for this step.
            most: Most given tokens to score.

        Returns:
            (B, K, M) nats, 0 where no given token follows.
        """
        assert not self._reads, "what is ahead can be asked of a walk with reads=False alone"
        runs = self.run(most)
        longest = int(runs.max())
        total = torch.zeros(tokens.shape, device=self.device, dtype=self.precision)
        if not longest:
            return total
        given = self._given[:, self.t + 1 : self.t + 1 + longest]  # (B, n)
        log_probs = self._predictions.ahead(tokens, given)
        last = tokens
        for step, token in enumerate(given.unbind(1)):
            now = token[:, None, None].expand_as(tokens)
            gained = log_probs[:, step].gather(1, now.reshape(-1, 1)).view(tokens.shape)
            total += torch.where((step < runs)[:, None, None] & (last != END), gained, 0.0)
            last = now
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
        t, constraint = self.t, self.prompt.constraint
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


def _before(found: Tensor) -> list[bool]:
    """Check for each step whether something was found before it, in any row (B, N)."""
    so_far: list[bool] = found.any(0).cummax(0).values.tolist()
    return [False, *so_far[:-1]]


def _runs(common: Sequence[bool]) -> list[int]:
    """Count for each step how many hold there and next without a gap.

    >>> _runs([True, True, False, True])
    [2, 1, 0, 1]
    """
    runs, run = [], 0
    for holds in reversed(common):
        run = run + 1 if holds else 0
        runs.append(run)
    return runs[::-1]


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
