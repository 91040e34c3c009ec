"""Predictions: the log-probabilities of every hypothesis' next token, with given runs read as sequences."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bachlit.decoding.contracts import Predictor

_MOST = 2**22  # log-probabilities read at once: 16 MB


class Predictions:
    """Predict the next token of K hypotheses per row, and carry the memory from step to step.

    As long as all tokens are given, a row's hypotheses are one. A run of given tokens is read at once, if the predictor
    can, and served token by token. Memory is gathered when it is next needed.

    Args:
        predictor: Of one decoding.
        given: (B, N) the given token of each step; where none is, anything.
        runs: For each step the number of given tokens that stand there and next, in all rows.
        width: K.
        size: V.
    """

    def __init__(self, predictor: Predictor, given: Tensor, runs: Sequence[int], *, width: int, size: int) -> None:
        self._predictor, self._given, self._runs, self._size = predictor, given, runs, size
        self._batch, self._width = len(given), width
        self._read = getattr(predictor, "read", None)
        self._memory = predictor.begin(self._batch)
        self._alike = width > 1  # all hypotheses of a row
        self._rows: Tensor | None = None  # of the memory, one per hypothesis; None if these are in order
        self._served: list[Tensor] = []  # what was read ahead, (R, V) each, the next one last

    def next(self, token: Tensor, t: int) -> Tensor:
        """Give the log-probabilities (B, K, V) of step t, after the tokens (B, K) before it."""
        if not self._served:
            # Dead hypotheses may have other tokens than those given.
            last = self._given[:, t - 1] if t else token[:, 0]
            self._predict(last if self._alike else token.flatten(), t)
        log_probs = self._served.pop()
        if self._alike:
            return log_probs.unsqueeze(1).expand(-1, self._width, -1)
        if self._rows is not None:
            log_probs = log_probs.index_select(0, self._rows)
        return log_probs.view(self._batch, self._width, -1)

    def take(self, index: Tensor, *, given: bool) -> None:
        """Go on from the chosen hypotheses.

        Args:
            index: (B K,) their numbers, counted through all rows.
            given: Whether all tokens chosen were given.
        """
        if self._width == 1 or (self._alike and given):
            return
        if self._alike:
            self._alike, self._rows = False, index // self._width
        else:
            self._rows = index if self._rows is None else self._rows.index_select(0, index)

    def ahead(self, tokens: Tensor, given: Tensor) -> Tensor:
        """Give the log-probabilities (B K M, n, V) of the given tokens (B, n) after candidates (B, K, M) for a step.

        Nothing may have been read ahead.
        """
        rows = torch.arange(self._batch * self._width, device=tokens.device)
        if self._alike:
            rows = rows // self._width
        memory = self._select(rows.repeat_interleave(tokens.shape[2]))
        following = given[:, None, None, :-1].expand(*tokens.shape, -1)
        return self._sequence(torch.cat([tokens.unsqueeze(3), following], 3).flatten(0, 2), memory)[0]

    def _predict(self, last: Tensor, t: int) -> None:
        """Read the last tokens (R,), and the run of given tokens after them."""
        if self._rows is not None:
            self._memory, self._rows = self._select(self._rows), None
        tokens = last.unsqueeze(1)
        if self._read is not None and self._runs[t]:
            most = max(1, _MOST // (len(last) * self._size))
            given = self._given[:, t : t + min(self._runs[t], most)]
            tokens = torch.cat([tokens, given.repeat_interleave(len(last) // self._batch, 0)], 1)
        log_probs, self._memory = self._sequence(tokens, self._memory)
        self._served = [*log_probs.unbind(1)][::-1]

    def _sequence(self, tokens: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Read tokens (R, n): log-probabilities (R, n, V), and the memory after."""
        if self._read is not None and tokens.shape[1] > 1:
            read: tuple[Tensor, tuple[Tensor, ...]] = self._read(tokens, memory)
            return read
        log_probs = []
        for last in tokens.unbind(1):
            following, memory = self._predictor.step(last, memory)
            log_probs.append(following)
        return torch.stack(log_probs, 1), memory

    def _select(self, rows: Tensor) -> tuple[Tensor, ...]:
        select = getattr(self._predictor, "select", None)
        if select is None:
            return tuple(part.index_select(0, rows) for part in self._memory)
        selected: tuple[Tensor, ...] = select(self._memory, rows)
        return selected
