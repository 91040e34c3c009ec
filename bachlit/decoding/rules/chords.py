"""ChordTones: harmony given by chord symbols."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Rule
from bachlit.decoding.rules.grid import WrittenFrame
from bachlit.decoding.rules.position import Position
from bachlit.errors import OptionError

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "add9": (0, 2, 4, 7),
    "madd9": (0, 2, 3, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "mM7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug7": (0, 4, 8, 10),
    "augmaj7": (0, 4, 8, 11),
    "7#5": (0, 4, 8, 10),
    "7b5": (0, 4, 6, 10),
    "7b9": (0, 1, 4, 7, 10),
    "7#9": (0, 3, 4, 7, 10),
    "7sus4": (0, 5, 7, 10),
    "9": (0, 2, 4, 7, 10),
    "m9": (0, 2, 3, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "11": (0, 2, 4, 5, 7, 10),
    "m11": (0, 2, 3, 5, 7, 10),
    "13": (0, 2, 4, 7, 9, 10),
    "m13": (0, 2, 3, 7, 9, 10),
    "maj13": (0, 2, 4, 7, 9, 11),
}
_ANY = "."


@dataclass(frozen=True)
class ChordTones(Rule):
    """Every note belongs to the chord in force, and no voice rests.

    This includes notes held into a chord. `|` separates bars; the chords of a bar share it equally, those of one that
    ends early as in a full one if all fit. A pickup is the first bar, and the halves of a split bar are one. A dot
    leaves the harmony to the model, as do bars after the last.

    A chord is a root, a quality, and after a slash the bass. Qualities are nothing, m, dim, aug, 5, sus2, sus4, add9,
    madd9, 6, m6, 7, m7, maj7, mM7, dim7, m7b5, aug7, augmaj7, 7#5, 7b5, 7b9, 7#9, 7sus4, 9, m9, maj9, 11, m11, 13, m13
    and maj13. Four voices needn't sing all tones of a chord.

    Args:
        weight: Nats per breach; infinite forbids it.
        chords: Symbols such as "C | F G7/B | Am . | C", in the key of the given music.
        at: First frame and symbol of each chord, in order, instead of bars; each lasts until the next.

    Raises:
        OptionError: If a symbol is no chord, or both bars and frames are given; if frames aren't in order.

    >>> tones, bass = ChordTones(chords="C | G7/B").bars[1][0]
    >>> sorted(tones), bass
    ([2, 5, 7, 11], 11)
    """

    chords: str = field(default="", kw_only=True)
    at: tuple[tuple[int, str], ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Check the weight and the symbols."""
        super().__post_init__()
        starts = [start for start, _ in self.at]
        if (self.chords and self.at) or any(low >= high for low, high in pairwise([-1, *starts])):
            raise OptionError(
                f"Chords stand in bars ({self.chords!r}) and at the frames {starts}; expected one of the two, and "
                "frames in order."
            )
        _ = self.bars, self._placed

    @cached_property
    def bars(self) -> list[list[tuple[set[int], int | None] | None]]:
        """Chords of each bar: pitch classes, and the bass's if named."""
        return [[_chord(symbol) for symbol in bar.split() or [_ANY]] for bar in self.chords.split("|")]

    @cached_property
    def _placed(self) -> list[tuple[int, tuple[set[int], int | None] | None]]:
        """Chords with their first frames."""
        return [(start, _chord(symbol)) for start, symbol in self.at]

    @staticmethod
    def knows(symbol: str) -> bool:
        """Check whether a symbol is a chord.

        >>> ChordTones.knows("F#m7b5/E"), ChordTones.knows("N.C.")
        (True, False)
        """
        try:
            return _chord(symbol) is not None
        except OptionError:
            return False

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
            self._in_bar(index, 0, length, length)

    def breaches(self, position: Position) -> Tensor:
        """Mark notes foreign to the chord, and rests."""
        grid = position.grid
        rows = []
        for place, moved in zip(grid.written_at(position.frame), grid.moved.tolist(), strict=True):
            chord, begins = self._in_force(place)
            tones = torch.ones(12, dtype=torch.bool)
            if chord is not None:
                classes = {chord[1]} if position.voice == 3 and chord[1] is not None else chord[0]
                tones = torch.tensor([(tone - moved) % 12 in classes for tone in range(12)])
            held = grid.holds.cpu() & (not begins)
            rows.append(~tones[grid.pitch.cpu() % 12] & ~held)
        foreign = torch.stack(rows).unsqueeze(1).to(grid.pitch.device)
        return torch.where(position.rests, ~position.silent, foreign)

    def _in_force(self, place: WrittenFrame) -> tuple[tuple[set[int], int | None] | None, bool]:
        """Chord at a place, and whether it begins there."""
        if self.at:
            index = bisect_right(self.at, place.frame, key=lambda one: one[0]) - 1
            return (
                (self._placed[index][1], self.at[index][0] > place.frame - place.new) if index >= 0 else (None, False)
            )
        bar, at, length, full, _, new = place
        if not 0 <= bar < len(self.bars):
            return None, False
        index = self._in_bar(bar, at, length, full)
        begins = at < new or (new > 0 and self._in_bar(bar, at - new, length, full) != index)
        return self.bars[bar][index], begins

    def _in_bar(self, bar: int, place: int, length: int, full: int) -> int:
        """Index of the chord at a place in a bar."""
        num = len(self.bars[bar])
        if num > length:
            raise OptionError(f"Bar {bar + 1} has {num} chords; expected at most {length}.")
        shared = full if (num - 1) * full < num * length else length
        return place * num // shared


def _chord(symbol: str) -> tuple[set[int], int | None] | None:
    if symbol == _ANY:
        return None
    match = re.fullmatch(r"([A-G])([#b]?)([a-zM0-9#]*)(?:/([A-G])([#b]?))?", symbol)
    if not match or match[3] not in _QUALITIES:
        raise OptionError(
            f"There is no chord {symbol!r}; expected a root and one of {', '.join(filter(None, _QUALITIES))} or "
            "nothing, such as C, F#m, G7/B, or a dot."
        )
    root = _pitch_class(match[1], match[2])
    return {(root + step) % 12 for step in _QUALITIES[match[3]]}, _pitch_class(match[4], match[5]) if match[4] else None


def _pitch_class(letter: str, accidental: str) -> int:
    return (_STEPS[letter] + {"": 0, "#": 1, "b": -1}[accidental]) % 12
