"""ChordTones: harmony given by chord symbols."""

import re
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

    This includes notes held into a chord. `|` separates bars; the chords of a bar share it equally; a pickup is the
    first bar. A chord is a root plus m, dim, aug, sus4, 7, m7, maj7, dim7, m7b5 or nothing, and after a slash the bass;
    a dot leaves the harmony to the model, as do bars after the last.

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

    def refuse_misfit(self, num_frames: int, measure: int, pickup: int) -> None:
        """Check that the piece has room for the chords.

        Args:
            num_frames: T, length of the piece in sixteenths.
            measure: Sixteenths per bar.
            pickup: Sixteenths before the first bar line.

        Raises:
            OptionError: If there are more bars than the piece has, or more chords than a bar has sixteenths.

        >>> ChordTones(chords="C | F | C").refuse_misfit(32, measure=16, pickup=0)
        Traceback (most recent call last):
        ...
        bachlit.errors.OptionError: The chords fill 3 bars, but the piece has 2; give fewer.
        """
        num_bars = -(-(num_frames - pickup) // measure) + bool(pickup)
        filled = max((number for number, bar in enumerate(self.bars, start=1) if any(bar)), default=0)
        if filled > num_bars:
            raise OptionError(f"The chords fill {filled} bars, but the piece has {num_bars}; give fewer.")
        for number in range(filled):
            self._at(max(0, number * measure - (measure - pickup if pickup else 0)), measure, pickup)

    def breaches(self, position: Position) -> Tensor:
        """Mark notes foreign to the chord, and rests."""
        grid = position.grid
        rows = []
        for measure, pickup, moved in zip(
            grid.measure.tolist(), grid.pickup.tolist(), grid.moved.tolist(), strict=True
        ):
            chord, begins = self._at(position.frame, measure, pickup)
            tones = torch.ones(12, dtype=torch.bool)
            if chord is not None:
                classes = {chord[1]} if position.voice == 3 and chord[1] is not None else chord[0]
                tones = torch.tensor([(tone - moved) % 12 in classes for tone in range(12)])
            held = grid.holds.cpu() & (not begins)
            rows.append(~tones[grid.pitch.cpu() % 12] & ~held)
        foreign = torch.stack(rows).unsqueeze(1).to(grid.pitch.device)
        return torch.where(position.rests, ~position.silent, foreign)

    def _at(self, frame: int, measure: int, pickup: int) -> tuple[tuple[set[int], int | None] | None, bool]:
        """Chord at a frame, and whether it begins there."""
        bar, place = divmod(frame + (measure - pickup if pickup else 0), measure)
        if bar >= len(self.bars):
            return None, False
        first, length = (measure - pickup, pickup) if pickup and bar == 0 else (0, measure)
        chords = self.bars[bar]
        if len(chords) > length:
            raise OptionError(f"Bar {bar + 1} has {len(chords)} chords; expected at most {length}.")
        index = (place - first) * len(chords) // length
        begins = place == first or (place - first - 1) * len(chords) // length != index
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
