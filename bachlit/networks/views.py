"""Views: a network's predictions averaged over neighbouring keys."""

import torch
from torch import Tensor, nn

from bachlit.encoding import SatbEncoding
from bachlit.networks.base import Memory


class Views(nn.Module):
    """Transpose a stream to neighbouring keys, and average the predictions.

    A network that was trained in all keys isn't quite the same in each, so that the mean of its probabilities is nearer
    to the truth than those of one: an ensemble without more training.

    Args:
        encoding: Of the tokens.
        num: K, how many keys: 1 for the piece's own, 3 for those a semitone off too, and so on.
    """

    def __init__(self, encoding: SatbEncoding, num: int) -> None:
        super().__init__()
        self.num = num
        moves = sorted(range(-(num // 2), num - num // 2), key=abs)
        shift = torch.stack([torch.from_numpy(encoding.transposition(move)) for move in moves])
        self.shift = nn.Buffer(shift, persistent=False)

    def spread(self, tokens: Tensor) -> Tensor:
        """Transpose tokens (B, ...) to (B K, ...), each row's views one after another."""
        return tokens if self.num == 1 else self.shift[:, tokens].transpose(0, 1).flatten(0, 1)

    def fold(self, memory: Memory) -> Memory:
        """Make a memory of B K rows one of B."""
        return tuple(part.view(len(part) // self.num, self.num, *part.shape[1:]) for part in memory)

    def unfold(self, memory: Memory) -> Memory:
        """Undo `fold`."""
        return tuple(part.flatten(0, 1) for part in memory)

    def mean(self, logits: Tensor) -> Tensor:
        """Average logits (B K, ..., V) of all keys to log-probabilities (B, ..., V)."""
        log_probs = logits.view(-1, self.num, *logits.shape[1:]).log_softmax(-1)  # (B, K, ..., V)
        own = [view[..., shift] for view, shift in zip(log_probs.unbind(1), self.shift, strict=True)]
        return torch.stack(own, 1).logsumexp(1).log_softmax(-1)
