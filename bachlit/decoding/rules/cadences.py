"""Rules of cadences: the chords on which phrases and pieces end, and how they get there."""

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Rule
from bachlit.decoding.rules.grid import FREE, Grid
from bachlit.decoding.rules.harmony import in_scale
from bachlit.decoding.rules.position import Position

_OCTAVE = 12
_EIGHTH, _FOURTH, _FIFTH = 2, 5, 7
_OVER_ROOT = (0, 3, 4, 7)
_THIRDS = (3, 4)
_BASS = 3


@dataclass(frozen=True)
class FinalThird(Rule):
    """The last chord has its third, from where the last given note begins.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def judges(self, voice: int | None) -> bool:
        """Judge the upper voices."""
        return voice in (0, 1, 2)

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Apply to the last upper voice while the last given note sounds."""
        return grid.ends & _completes(grid, voice)

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that leave the chord without a third."""
        return ~_has(position, _THIRDS) & ~position.rests


@dataclass(frozen=True)
class FinalDominant(Rule):
    """The dominant stands before the last chord: its root in the bass, the leading tone above.

    Only where a given melody lets it: its last note belongs to the tonic triad and the one before to the dominant
    seventh chord, but not a fall of a fifth; an eighth that anticipates the last note doesn't count. Where the last
    note is sung more than once, the dominant stands before the first.

    Args:
        weight: Nats per breach; infinite forbids it.
        sixteenths: Length of the dominant, counted back from where the last note begins.
    """

    sixteenths: int = 2

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Just before the last note."""
        closing = grid.closing[:, None]
        return (grid.frames >= closing - self.sixteenths) & (grid.frames < closing)

    def breaches(self, position: Position) -> Tensor:
        """Mark basses other than the dominant, lowered sevenths, and chords without the leading tone."""
        grid = position.grid
        rows = torch.arange(len(grid.closing), device=grid.closing.device)
        triad = torch.where(grid.minor[:, None], _tensor(position, (0, 3, 7)), _tensor(position, (0, 4, 7)))
        last = grid.given[rows, grid.closing, 0]  # (B,)
        closes = ((last - grid.tonic) % _OCTAVE)[:, None] == triad
        now = position.now[..., 0] if position.voice else position.pitch  # (B, K) or (V,)
        dominant = _tensor(position, (2, 5, 7, 11))
        fits = torch.isin((now - grid.tonic[:, None]) % _OCTAVE, dominant) & (now > 0)
        # An anticipation of the last note leaves the dominant where it is.
        earlier = grid.given[rows, (grid.closing - _EIGHTH - 1).clamp(min=0), 0]
        led = torch.isin((earlier - grid.tonic) % _OCTAVE, dominant) & (earlier > 0)
        fits = fits | ((now == last[:, None]) & led[:, None])
        # From the fifth to the tonic, the outer voices would go in octaves.
        falls = ((now - last[:, None]) % _OCTAVE == _FIFTH) & closes[:, :1]
        fits = fits & ~falls
        if position.voice == 0:
            return ((last == FREE) | closes.any(1))[:, None, None] & ~fits[:, None] & ~position.rests
        applies = ((closes.any(1) | (last == FREE))[:, None] & fits)[..., None]
        sung = (position.pitch - grid.tonic[:, None, None]) % _OCTAVE
        if position.voice == 3:
            return applies & (sung != 7) & ~position.rests
        wrong = sung == 10
        if _completes(grid, position.voice):
            others = (position.now - grid.tonic[:, None, None]) % _OCTAVE == 11
            led = (others & (position.now > 0)).any(2, keepdim=True)
            wrong = wrong | (~led & (sung != 11))
        return applies & wrong & ~position.rests


@dataclass(frozen=True)
class PhraseTriad(Rule):
    """A phrase's last note begins over a whole triad in root position.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Apply where a phrase's last note begins."""
        return grid.arrivals == 0

    def breaches(self, position: Position) -> Tensor:
        """Mark notes foreign to a triad over the bass, and chords without a third."""
        if position.voice == 3:
            above = [
                position.against(position.sung[voice], _foreign, -1) for voice in range(3) if position.known[voice]
            ]
            return reduce(torch.bitwise_or, above) if above else position.nothing
        foreign = position.against(position.sung[3], _foreign, 1)
        if not _completes(position.grid, position.voice):
            return foreign
        thirds = [_has(position, (third,)) for third in _THIRDS]
        return foreign | (~(thirds[0] ^ thirds[1]) & ~position.rests)


@dataclass(frozen=True)
class PhraseCadence(Rule):
    """A phrase's last note is reached from the dominant: a major chord whose root falls a fifth in the bass.

    The chord reached is one of the signature's scale, on the home dominant a major one, and on the tonic either.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def judges(self, voice: int | None) -> bool:
        """Judge the bass, and the upper voices for the third."""
        return voice is not None

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """Apply to the bass and the last upper voice where a phrase's last note begins."""
        return (grid.arrivals == 0) & (voice == _BASS or _completes(grid, voice))

    def breaches(self, position: Position) -> Tensor:
        """Mark basses that don't fall so or lead out of the scale, and thirds that do."""
        upper = position.voice != _BASS
        before = position.before[0]
        last = before[..., 3, None]
        led = (((before[..., :3] - last) % _OCTAVE == 4) & (before[..., :3] > 0)).any(2, keepdim=True) & (last > 0)
        tonic, _, sharps = (part[:, None, None] for part in position.grid.key_at(position.frame).unbind(1))
        bass = position.now[..., 3, None] if upper else position.pitch
        degree, falls = (bass - tonic) % _OCTAVE, (bass - last) % _OCTAVE == _FOURTH
        if not upper:
            inside = in_scale(bass, sharps) | (degree == _FIFTH)
            return ~(falls & led & inside) & (last > 0) & ~position.rests
        own = [in_scale(bass + third, sharps) for third in _THIRDS]
        fits = [own[0] & (degree != _FIFTH), own[1] | (degree == _FIFTH)]
        wrong = [_has(position, (third,)) & ~fit for third, fit in zip(_THIRDS, fits, strict=True)]
        return falls & led & (degree != 0) & (wrong[0] | wrong[1]) & ~position.rests


@dataclass(frozen=True)
class PhraseRest(Rule):
    """Nothing moves while a phrase's last note sounds.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def judges(self, voice: int | None) -> bool:
        """Judge the voices below the soprano."""
        return voice in (1, 2, 3)

    steady = True

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """After the phrase's last note began."""
        return grid.arrivals > 0

    def breaches(self, position: Position) -> Tensor:
        """Mark notes that begin."""
        return position.begins


@dataclass(frozen=True)
class OpeningTonic(Rule):
    """The piece begins over the tonic, or its first full bar if the first note isn't in the tonic triad.

    Attributes:
        weight: Nats per breach; infinite forbids it, 0 ignores the rule.
    """

    def judges(self, voice: int | None) -> bool:
        """Judge the bass."""
        return voice == 3

    steady = True

    def applies(self, grid: Grid, voice: int | None) -> Tensor:
        """In the frame that asks for the tonic."""
        return grid.frames == grid.opening[:, None]

    def breaches(self, position: Position) -> Tensor:
        """Mark other notes of the bass."""
        tonic = position.grid.key_at(position.frame)[:, 0]
        sung = (position.pitch - tonic[:, None, None]) % _OCTAVE
        return (sung != 0) & ~position.rests


def _completes(grid: Grid, voice: int | None) -> bool:
    """Check whether a voice is the last of the upper ones."""
    return voice == [one for one in grid.voices if one in (0, 1, 2)][-1]


def _foreign(own: Tensor, other: Tensor, side: int) -> Tensor:
    """Check whether two pitches don't fit in a triad over the lower one; the own one lies above (side 1) or below."""
    above = (own - other) * side % _OCTAVE
    return ~torch.isin(above, torch.tensor(_OVER_ROOT, device=above.device))


def _has(position: Position, above: tuple[int, ...]) -> Tensor:
    """Mask (B, K, V) of candidates with which the chord has a tone so many semitones above the bass."""
    bass = position.now[..., 3, None]
    wanted = _tensor(position, above)
    others = torch.isin((position.now[..., :3] - bass) % _OCTAVE, wanted) & (position.now[..., :3] > 0)
    return others.any(2, keepdim=True) | torch.isin((position.pitch - bass) % _OCTAVE, wanted)


def _tensor(position: Position, values: tuple[int, ...]) -> Tensor:
    return torch.tensor(values, device=position.pitch.device)
