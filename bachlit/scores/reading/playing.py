"""The order in which measures are played: repeats, endings and jumps."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_MOST_PASSES = 16  # a score may ask for more, which nobody plays

JUMP = re.compile(
    r"\b(?:d\. ?[cs]\.|d\.? ?[cs]\.? al\b|da ?capo\b|dal ?segno\b|(?:da)?coda\b|segno\b|fine\b)", re.IGNORECASE
)
"""Words for a jump (da capo, dal segno, coda), in any spelling."""


class Signs(NamedTuple):
    """Repeat signs and jumps of a measure.

    Attributes:
        opens: A repeated passage begins here.
        closes: How often a passage that ends here is played; 0 if none ends.
        ending: Passes on which the ending that begins here is played; empty if none begins.
        ends: An ending ends here.
        segno: A jump may lead here.
        coda: The coda begins here.
        to_coda: After a jump, the coda follows this measure.
        da_capo: The beginning follows this measure, once.
        dal_segno: The segno follows this measure, once.
        fine: After a jump, the piece ends with this measure.
    """

    opens: bool = False
    closes: int = 0
    ending: tuple[int, ...] = ()
    ends: bool = False
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    da_capo: bool = False
    dal_segno: bool = False
    fine: bool = False

    def merged(self, other: "Signs") -> "Signs":
        """Combine the signs of one measure in two parts."""
        return Signs(*(mine or theirs for mine, theirs in zip(self, other, strict=True)))  # type: ignore[arg-type]


def play_order(signs: Sequence[Signs]) -> list[int]:
    """Order measures as they are played.

    A repeated passage is played twice, or as often as it says, each time with its ending. After a jump nothing is
    repeated, and of several endings the last is played.

    Args:
        signs: Of each measure.

    Returns:
        Indices of measures.

    >>> first, second = Signs(ending=(1,), closes=2, ends=True), Signs(ending=(2,), ends=True)
    >>> play_order([Signs(), first, second])
    [0, 1, 0, 2]
    >>> play_order([Signs(), Signs(fine=True), Signs(da_capo=True)])
    [0, 1, 2, 0, 1]
    """
    if not any(signs):
        return list(range(len(signs)))
    player = _Player(signs)
    while player.index < len(signs) and len(player.played) < _MOST_PASSES * len(signs):
        player.go_on()
    return player.played


class _Player:
    """Player of a score, who turns pages."""

    def __init__(self, signs: Sequence[Signs]) -> None:
        self.signs = signs
        self.index = self.first = 0  # the current measure, and the first of the passage
        self.passes = 1
        self.jumped = False
        self.played: list[int] = []
        self.ending: tuple[int, ...] = ()  # passes of the current ending

    def go_on(self) -> None:
        """Play a measure, or leave out an ending."""
        signs = self.signs[self.index]
        if signs.ending:
            after = self._end_of_ending() + 1
            other = after < len(self.signs) and bool(self.signs[after].ending)
            if other if self.jumped else self.passes not in signs.ending and (other or self.passes > 1):
                self.index = after
                return
            self.ending = signs.ending
        if signs.opens and self.first != self.index and not self.jumped:
            self.first, self.passes = self.index, 1
        self.played.append(self.index)
        if self.jumped and signs.fine:
            self.index = len(self.signs)
        elif not self._turned_back(signs):
            self.index += 1
            if signs.ends and self.ending:
                self.ending = ()
                self.first, self.passes = (self.first, self.passes) if self._ending_follows() else (self.index, 1)

    def _ending_follows(self) -> bool:
        return self.index < len(self.signs) and bool(self.signs[self.index].ending)

    def _turned_back(self, signs: Signs) -> bool:
        """Follow a repeat sign or a jump."""
        passes = max(signs.closes, max(self.ending, default=0) + self._more_endings()) if signs.closes else 0
        if passes > self.passes and not self.jumped:
            self.index, self.ending = self.first, ()
            self.passes += 1
            return True
        if signs.closes:
            self.first, self.passes = self.index + 1, 1
        if self.jumped and signs.to_coda:
            codas = [place for place, sign in enumerate(self.signs) if sign.coda]
            self.index = codas[-1] if codas else self.index + 1
            return bool(codas)
        if (signs.da_capo or signs.dal_segno) and not self.jumped:
            segnos = [place for place, sign in enumerate(self.signs[: self.index + 1]) if sign.segno]
            self.index = segnos[-1] if signs.dal_segno and segnos else 0
            self.jumped, self.ending = True, ()
            return True
        return False

    def _more_endings(self) -> int:
        """Count 1 if another ending follows the current measure."""
        follows = self.index + 1 < len(self.signs) and bool(self.signs[self.index + 1].ending)
        return int(bool(self.ending) and follows)

    def _end_of_ending(self) -> int:
        """Last measure of the ending that begins here; a repeat sign ends it too, whatever its bracket says."""
        for place in range(self.index, len(self.signs)):
            signs = self.signs[place]
            if signs.ends or signs.closes or (place + 1 < len(self.signs) and self.signs[place + 1].ending):
                return place
        return len(self.signs) - 1
