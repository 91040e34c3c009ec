"""Sevenths: they step down."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Position, Rule

_OCTAVE = 12

# Semitones above the root, with the seventh last. A seventh chord may lack its fifth.
_CHORDS = (
    (0, 4, 7, 10),
    (0, 4, 10),
    (0, 3, 7, 10),
    (0, 3, 10),
    (0, 3, 6, 10),
    (0, 3, 6, 9),
    (0, 4, 7, 11),
    (0, 4, 11),
    (0, 3, 7, 11),
)


@dataclass(frozen=True)
class Sevenths(Rule):
    """The seventh of a chord is held or repeated, or steps down."""

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that leave a seventh otherwise."""
        assert position.voice is not None
        before = position.before[0]  # (B, K, 4)
        own = before[..., position.voice, None]
        bass = before.masked_fill(before == 0, 127).amin(2, keepdim=True)
        above = (before - bass) % _OCTAVE
        # Voices that rest or sing the same add no bit.
        bits = torch.where(before > 0, 1 << above, 0)
        present = bits[..., 0] | bits[..., 1] | bits[..., 2] | bits[..., 3]
        seventh = _sevenths().to(before.device)[present].unsqueeze(2)  # (B, K, 1) above the bass; -1 for none
        falls = own - position.pitch
        leaves = (falls != 0) & (falls != 1) & (falls != 2)
        return (seventh == (own - bass) % _OCTAVE) & (own > 0) & leaves & ~position.rests


@cache
def _sevenths() -> Tensor:
    """Seventh of each set of pitch classes above a bass (4096,), in semitones above it; -1 where there is none."""
    table = torch.full((1 << _OCTAVE,), -1)
    for chord in _CHORDS:
        for root in range(_OCTAVE):
            tones = [(root + tone) % _OCTAVE for tone in chord]
            if 0 in tones and len(set(tones)) == len(chord):
                table[sum(1 << tone for tone in tones)] = tones[-1]
    return table
