"""Laws that every corpus, encoding, network, loss, decoder, rule, figure and callback keeps; run them on your own.

Each `check_*` raises `AssertionError` with the law's name where a part breaks it. `ToyModel` is small enough to
enumerate, so that what a decoder finds or samples can be compared with the truth.

>>> from bachlit.decoding import Greedy
>>> prompt = toy_prompt(num_rows=3, num_tokens=3, vocabulary_size=4)
>>> check_decoder(Greedy(), ToyModel(4, seed=1), prompt).tokens.shape
torch.Size([3, 4])
"""

from bachlit.testing.corpora import check_corpus
from bachlit.testing.decoding import (
    charges,
    check_constraint,
    check_decoder,
    check_rule,
    enumerate_legal,
    grid_of,
    stepped_score,
)
from bachlit.testing.figures import check_figure
from bachlit.testing.models import check_encoding, check_network
from bachlit.testing.toys import NoReturn, ToyModel, toy_prompt
from bachlit.testing.training import check_callback, check_loss

__all__ = [
    "NoReturn",
    "ToyModel",
    "charges",
    "check_callback",
    "check_constraint",
    "check_corpus",
    "check_decoder",
    "check_encoding",
    "check_figure",
    "check_loss",
    "check_network",
    "check_rule",
    "enumerate_legal",
    "grid_of",
    "stepped_score",
    "toy_prompt",
]
