"""A decoder of one's own: samples, but among the likeliest tokens that make up a share of the probability.

Run it:            python examples/own_decoder.py examples/twinkle.musicxml nucleus.musicxml
From the command:  bachlit harmonize TUNE --decoder own_decoder.Nucleus --decoder.share 0.8   (in this folder)
"""

import sys

from torch import Tensor

import bachlit
from bachlit.decoding import Choice, RowGenerators, Sampling, StepDecoder
from bachlit.scores import write_musicxml


class Nucleus(StepDecoder):
    """Nucleus sampling (Holtzman et al. 2020): drops the unlikely tail before drawing.

    Args:
        share: Of the probability that the kept tokens make up.
    """

    def __init__(self, share: float = 0.9) -> None:
        self.share = share

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        """Draw each hypothesis's next token from its nucleus."""
        legal = log_probs.masked_fill(~allowed, -float("inf")).softmax(-1)  # (B, K, V)
        likeliest, tokens = legal.sort(-1, descending=True)
        kept = likeliest.cumsum(-1) - likeliest < self.share  # the likeliest token always stays
        nucleus = allowed & kept.gather(-1, tokens.argsort(-1))
        return Sampling().step(score, log_probs, nucleus, generator)


if __name__ == "__main__":
    tune, output = sys.argv[1:]
    write_musicxml(bachlit.harmonize(tune, decoder=Nucleus(0.8)), output)
