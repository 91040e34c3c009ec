"""Written: pieces under a prompt, with what is known of them."""

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bachlit.decoding import Generation
from bachlit.errors import RuleWarning
from bachlit.music.chorale import Chorale


class Written:
    """A piece that a model wrote, with its figures from a row of a generation.

    Attributes:
        chorale: The piece, given cells and metadata as they were.
        log_prob: The model's log-probability of the whole piece, given cells among it, in nats.
        score: The decoder's own.
        cost: What its rules charged, in nats; rewards are negative.
        yielded: How many tokens a rule had to give way to.
        merit: By which pieces under one prompt are ranked: that of the model's calibration, or the log-probability
            minus the cost, in nats.
        figures: Those that the former weighs, by name; empty if it doesn't apply.
    """

    # No dataclass: Lightning takes those apart, and refuses frozen ones like a chorale.
    def __init__(self, chorale: Chorale, generation: Generation, row: int) -> None:
        self.chorale, self.log_prob = chorale, float(generation.log_prob[row])
        self.score, self.cost = float(generation.score[row]), float(generation.cost[row])
        self.yielded = len({one.t for one in generation.yielded if one.row == row})
        self.merit = self.log_prob - self.cost
        self.figures: Mapping[str, float] = {}

    def _values(self) -> dict[str, str]:
        """Format its figures, by their names."""
        values = {name: f"{getattr(self, name):.2f}" for name in ("log_prob", "score", "cost", "merit")}
        return {**values, "yielded": str(self.yielded)}

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self._values().items())
        return f"<Written {values}; {self.chorale!r}>"

    def _repr_html_(self) -> str:
        """Show the figures and the score in a notebook."""
        values = self._values()
        heads = "".join(f"<th>{name}</th>" for name in values)
        cells = "".join(f"<td>{value}</td>" for value in values.values())
        return f"<table><tr>{heads}</tr><tr>{cells}</tr></table>{self.chorale._repr_html_()}"


class Filled(NamedTuple):
    """Pieces under a prompt, those of greater merit first, and sentences on rules that gave way."""

    pieces: list[Written]
    yielded: Sequence[str]

    def warn(self) -> None:
        """Warn where rules gave way."""
        for sentence in self.yielded:
            warnings.warn(sentence, RuleWarning, stacklevel=3)
