"""ChordTones: harmony given by chord symbols."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Position, Rule
from bachlit.errors import OptionError

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
}
_ANY = "."


@dataclass(frozen=True)
class ChordTones(Rule):
    """Every note belongs to the chord in force, and no voice rests.

    This includes notes held into a chord. `|` separates bars; the chords of a bar share it equally, those of one that
    ends early as in a full one if all fit. A pickup is the first bar, and the halves of a split bar are one. A chord is
    a root plus m, dim, aug, sus4, 7, m7, maj7, dim7, m7b5 or nothing, and after a slash the bass; a dot leaves the
    harmony to the model, as do bars after the last.

    Args:
        weight: Nats per breach; infinite forbids it.
        chords: Symbols such as "C | F G7/B | Am . | C", in the key of the given music.

    Raises:
        OptionError: If a symbol is no chord, or a bar has more chords than sixteenths.

    >>> tones, bass = ChordTones(chords="C | G7/B").bars[1][0]
    >>> sorted(tones), bass
    ([2, 5, 7, 11], 11)
    """

    chords: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        """Check the weight and the symbols."""
        super().__post_init__()
        _ = self.bars

    @cached_property
    def bars(self) -> list[list[tuple[set[int], int | None] | None]]:
        """Chords of each bar: pitch classes, and the bass's if named."""
        return [[_chord(symbol) for symbol in bar.split() or [_ANY]] for bar in self.chords.split("|")]

    def refuse_misfit(self, lengths: Sequence[int]) -> None:
        """Check that the piece has room for the chords.

        Args:
            lengths: Sixteenths of each bar.

        Raises:
            OptionError: If there are more bars than the piece has, or more chords than a bar has sixteenths.

        >>> ChordTones(chords="C | F | C").refuse_misfit([16, 16])
        Traceback (most recent call last):
        ...
        bachlit.errors.OptionError: The chords fill 3 bars, but the piece has 2; give fewer.
        """
        filled = max((number for number, bar in enumerate(self.bars, start=1) if any(bar)), default=0)
        if filled > len(lengths):
            raise OptionError(f"The chords fill {filled} bars, but the piece has {len(lengths)}; give fewer.")
        for index, length in enumerate(lengths[:filled]):
            self._at(index, 0, length, length)

    def breaches(self, position: Position) -> Tensor:
        """Mark notes foreign to the chord, and rests."""
        grid = position.grid
        rows = []
        for bar, moved in zip(grid.bars[:, position.frame].tolist(), grid.moved.tolist(), strict=True):
            chord, begins = self._at(*bar)
            tones = torch.ones(12, dtype=torch.bool)
            if chord is not None:
                classes = {chord[1]} if position.voice == 3 and chord[1] is not None else chord[0]
                tones = torch.tensor([(tone - moved) % 12 in classes for tone in range(12)])
            held = grid.holds.cpu() & (not begins)
            rows.append(~tones[grid.pitch.cpu() % 12] & ~held)
        foreign = torch.stack(rows).unsqueeze(1).to(grid.pitch.device)
        return torch.where(position.rests, ~position.silent, foreign)

    def _at(self, bar: int, place: int, length: int, full: int) -> tuple[tuple[set[int], int | None] | None, bool]:
        """Chord at a place in a bar, and whether it begins there."""
        if not 0 <= bar < len(self.bars):
            return None, False
        chords = self.bars[bar]
        num = len(chords)
        if num > length:
            raise OptionError(f"Bar {bar + 1} has {num} chords; expected at most {length}.")
        shared = full if (num - 1) * full < num * length else length
        index = place * num // shared
        begins = place == 0 or (place - 1) * num // shared != index
        return chords[index], begins


def _chord(symbol: str) -> tuple[set[int], int | None] | None:
    if symbol == _ANY:
        return None
    match = re.fullmatch(r"([A-G])([#b]?)([a-z0-9]*)(?:/([A-G])([#b]?))?", symbol)
    if not match or match[3] not in _QUALITIES:
        raise OptionError(
            f"There is no chord {symbol!r}; expected a root and one of {', '.join(filter(None, _QUALITIES))} or "
            "nothing, such as C, F#m, G7/B, or a dot."
        )
    root = _pitch_class(match[1], match[2])
    return {(root + step) % 12 for step in _QUALITIES[match[3]]}, _pitch_class(match[4], match[5]) if match[4] else None


def _pitch_class(letter: str, accidental: str) -> int:
    return (_STEPS[letter] + {"": 0, "#": 1, "b": -1}[accidental]) % 12
