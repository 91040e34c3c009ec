"""BeamSearch: the likeliest whole sequence, as far as a beam can see."""

from torch import Tensor

from bachlit.decoding.base import Choice, RowGenerators, StepDecoder
from bachlit.errors import OptionError


class BeamSearch(StepDecoder):
    """Keeps the likeliest hypotheses of each row.

    Given tokens count in a hypothesis's score as any other: a harmony under which the melody's next note is likely
    survives, and that is how a beam looks ahead.

    Args:
        width: K, hypotheses a row.

    Raises:
        OptionError: If the width isn't at least 1.
    """

    def __init__(self, width: int = 8) -> None:
        if width < 1:
            raise OptionError(f"A beam of {width} holds nothing; expected a width of at least 1, such as 8.")
        self.width = self.hypotheses = width

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """See `StepDecoder.step`."""
        candidates = (score.unsqueeze(2) + log_probs).masked_fill(~allowed, -float("inf"))  # (B, K, V)
        best, index = candidates.flatten(1).topk(self.width)  # (B, K)
        return Choice(index // log_probs.shape[2], index % log_probs.shape[2], best)
