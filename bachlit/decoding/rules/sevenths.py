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
    """The seventh of a chord stays or steps down; a given melody's note that doesn't is no seventh on a beat.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that leave a seventh otherwise, and those that make one of a melody's note."""
        assert position.voice is not None
        before = position.before[0]  # (B, K, 4)
        own = before[..., position.voice, None]
        bass = _lowest(before, 2)
        seventh = _seventh(_bits(before.unsqueeze(3), bass.unsqueeze(3)))  # (B, K, 1) above the bass; -1 for none
        falls = own - position.pitch
        leaves = (falls != 0) & (falls != 1) & (falls != 2)
        left = (seventh == (own - bass) % _OCTAVE) & (own > 0) & leaves
        made = self._makes_one(position)
        return (left.long() if made is None else left.long() + made.long()) * ~position.rests

    def _makes_one(self, position: Position) -> Tensor | None:
        """Mask (B, K, V) of the last voice's notes that make the melody's note an unresolved seventh."""
        grid = position.grid
        lead = position.at(grid.leads)
        bound = (position.at(grid.beats) == 0) & (lead != 0) & (lead != -1) & (lead != -2)
        last = [voice for voice in grid.voices if voice is not None][-1]
        if position.voice != last or position.voice == 0 or not bool(bound.any()):
            return None
        others = [voice for voice in range(4) if voice != position.voice]
        sung = position.now[..., others, None]  # (B, K, 3, 1)
        pitch = position.pitch.expand(*sung.shape[:2], 1, -1)
        chord = torch.cat([sung.expand(-1, -1, -1, pitch.shape[3]), pitch], 2)  # (B, K, 4, V)
        bass = _lowest(chord, 2)
        melody = (position.now[..., 0, None] - bass[:, :, 0]) % _OCTAVE
        return bound & (_seventh(_bits(chord, bass)) == melody) & (position.now[..., 0, None] > 0)


def _lowest(pitches: Tensor, dim: int) -> Tensor:
    """Lowest pitch that sounds, with the dimension kept."""
    return pitches.masked_fill(pitches <= 0, 127).amin(dim, keepdim=True)


def _bits(pitches: Tensor, bass: Tensor) -> Tensor:
    """Set of pitch classes above the bass, as bits (B, K, V), of pitches (B, K, 4, V)."""
    bits = torch.where(pitches > 0, 1 << ((pitches - bass) % _OCTAVE), 0)
    return bits[:, :, 0] | bits[:, :, 1] | bits[:, :, 2] | bits[:, :, 3]


def _seventh(bits: Tensor) -> Tensor:
    """Seventh of sets of pitch classes, in semitones above the bass; -1 where there is none."""
    return _sevenths().to(bits.device)[bits]


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
