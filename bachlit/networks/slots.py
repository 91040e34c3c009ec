"""Slot: the last map of a head, from a thought to log-probabilities of the tokens that may stand there."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bachlit.networks.frames import IMPOSSIBLE
from bachlit.networks.stepping import Product
from bachlit.networks.views import Views


class Echoed(NamedTuple):
    """What a voice's slot must know of its frame.

    Attributes:
        before: (B,) the voice's token in the frame before.
        columns: (B, E) outputs of the echoes' tokens; one beyond the tokens for none.
        trust: (B, E) their gains by length.
    """

    before: Tensor
    columns: Tensor
    trust: Tensor


class Slot:
    """Turn a head's thoughts into log-probabilities: of a slot's own tokens, and then of all.

    Args:
        say: The head's last map, to M tokens and E echoes.
        tokens: (M,) that may stand in the slot.
        stranded: (V, V) the holds that can't follow a token; None for a mark.
        views: The keys that are averaged.
    """

    def __init__(self, say: nn.Linear, tokens: Tensor, stranded: Tensor | None, views: Views) -> None:
        self._say, self._tokens, self._views = Product(say.weight, say.bias), tokens, views.num
        self._size = views.shift.shape[1]
        first, last = int(tokens[0]), int(tokens[-1])
        one_run = last - first + 1 == len(tokens)
        self._around = (first, self._size - last - 1) if one_run else None  # tokens before and after them
        self.columns = torch.full((self._size,), len(tokens), device=tokens.device).index_copy(
            0, tokens, torch.arange(len(tokens), device=tokens.device)
        )
        self._barred: Tensor | None = None
        if stranded is not None:
            self._barred = torch.where(stranded[:, tokens], IMPOSSIBLE, 0.0).to(say.weight.dtype)  # (V, M)
        self._moved = self.columns[views.shift[:, tokens]]  # (views, M)

    def log_probs(self, thought: Tensor, echoed: Echoed | None) -> Tensor:
        """Give log-probabilities (B / views, V), the mean over views, of thoughts (B, ...)."""
        output = self._say(thought)  # (B, M + E)
        num = len(self._tokens)
        logits = output[:, :num]
        if echoed is not None and self._barred is not None:
            # What no echo adds goes to the column after the tokens.
            output.scatter_add_(1, echoed.columns, output[:, num:] + echoed.trust)
            logits.add_(self._barred.index_select(0, echoed.before))
        log_probs = logits.log_softmax(1)
        if self._views > 1:
            log_probs = self._mean(log_probs)
        if self._around is not None:
            return nn.functional.pad(log_probs, self._around, value=IMPOSSIBLE)
        whole = log_probs.new_full((len(log_probs), self._size), IMPOSSIBLE)
        return whole.index_copy_(1, self._tokens, log_probs)

    def _mean(self, log_probs: Tensor) -> Tensor:
        """Average log-probabilities (B, M) of all views, in the first one's key."""
        log_probs = log_probs.view(-1, self._views, log_probs.shape[1])
        own = log_probs.gather(2, self._moved.expand(len(log_probs), -1, -1))  # (B / views, views, M)
        most = own.amax(1, keepdim=True)  # `logsumexp` takes twice as long
        return (own.sub_(most).exp_().sum(1).log_() + most.squeeze(1)).log_softmax(1)
