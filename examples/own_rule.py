"""A rule of one's own: no voice leaps by a tritone, which is hard to sing.

Run it:            python examples/own_rule.py examples/twinkle.musicxml singable.musicxml
From the command:  bachlit harmonize TUNE --rules.own_rule.NoTritone inf   (in this folder; a number for a soft one)
"""

import sys
from dataclasses import dataclass

from torch import Tensor

import bachlit
from bachlit.decoding import Position, Rule
from bachlit.scores import write_musicxml


@dataclass(frozen=True)
class NoTritone(Rule):
    """No voice leaps by an augmented fourth or a diminished fifth."""

    def breaches(self, position: Position) -> Tensor:
        """How often each candidate for the next note would break it: (B, K, V)."""
        return position.melody(lambda before, after: (after - before).abs() == 6)


if __name__ == "__main__":
    tune, output = sys.argv[1:]
    write_musicxml(bachlit.harmonize(tune, rules=bachlit.usual_rules() & NoTritone()), output)
