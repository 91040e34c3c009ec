"""Cut excerpts of whole phrases, comparable in length and place."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bachlit.music.chorale import RANGES, REST, VOICES, Chorale, cut
from bachlit.music.keys import Key, Mode, estimate_key
from bachlit.rendering.organ import FERMATA_STRETCH

TEMPO = 80.0
"""Quarters per minute of all clips."""

SHORTEST, LONGEST = 15.0, 25.0
"""Seconds of an excerpt."""

FARTHEST = 4
"""Most semitones between the keys of two pieces that are compared."""

# Frames of a phrase: shorter ones sound broken off.
_LEAST_PHRASE = 16

# Frames before a cut in which no note may begin: a note that leads on betrays the cut.
_AT_REST = 2


class Excerpt(NamedTuple):
    """Excerpt of a piece: whole phrases.

    Attributes:
        chorale: The piece.
        key: Its major or minor key.
        first: First frame.
        last: Frame after the last.
    """

    chorale: Chorale
    key: Key
    first: int
    last: int

    @property
    def place(self) -> str:
        """Name of the piece, and its frames."""
        return f"{self.chorale.name}:{self.first}-{self.last}"

    def of(self, other: Chorale) -> "Excerpt":
        """Take the same frames of another piece."""
        return self._replace(chorale=other)

    def music(self) -> Chorale:
        """Cut the piece."""
        return cut(self.chorale, self.first, self.last)

    def whole(self) -> bool:
        """Check that all voices sound throughout, begin with it, and come to rest at its end."""
        pitches, onsets = self.chorale.pitches[self.first : self.last], self.chorale.onsets
        begun = bool(onsets[self.first].all())
        ended = not onsets[self.last - _AT_REST : self.last].any()
        return begun and ended and bool((pitches != REST).all())

    def outline(self) -> "Outline":
        """Describe the length, place and mode, which two compared pieces share."""
        chorale = self.chorale
        measure = next(one for one in chorale.measures if self.first < one.end)
        fermatas = chorale.fermatas[self.first : self.last].astype(np.int8)
        edges = np.flatnonzero(np.diff(fermatas, prepend=0, append=0))
        return Outline(
            frames=self.last - self.first,
            fermatas=tuple(edges.tolist()),
            metre=measure.time_signature,
            position=(measure.position + self.first - measure.start) % measure.full,
            mode=self.key.mode,
            opens=self.first == 0,
            closes=self.last == chorale.num_frames,
        )


class Outline(NamedTuple):
    """Properties that two excerpts of different pieces share, so that their lengths and places tell nothing.

    Attributes:
        frames: Length in sixteenths.
        fermatas: Frames in which fermatas begin and end, in turn.
        metre: Time signature.
        position: Frame of the bar in which it begins.
        mode: Major or minor.
        opens: Whether it is a piece's beginning.
        closes: Whether it is a piece's end.
    """

    frames: int
    fermatas: tuple[int, ...]
    metre: tuple[int, int]
    position: int
    mode: Mode
    opens: bool
    closes: bool


def excerpts(chorale: Chorale) -> Iterator[Excerpt]:
    """Cut a piece into excerpts of whole phrases of 15 to 25 seconds.

    >>> rows = [[67, 64, 60, 48]] * 32 + [[69, 65, 62, 53]] * 32
    >>> piece = Chorale.from_pitches(rows * 2)
    >>> held = np.arange(128) % 32 >= 28
    >>> from dataclasses import replace
    >>> [one.place for one in excerpts(replace(piece, fermatas=held, name="toy"))]
    ['toy:0-96', 'toy:32-128']
    """
    ends = (np.flatnonzero(np.diff(chorale.fermatas.astype(np.int8), append=0) == -1) + 1).tolist()
    edges = [0, *ends]
    key = estimate_key(chorale.pitches, chorale.key)
    for index, first in enumerate(edges):
        for place in range(index + 1, len(edges)):
            last = edges[place]
            phrases = np.diff(edges[index : place + 1])
            one = Excerpt(chorale, key, first, last)
            if SHORTEST <= seconds(one) <= LONGEST and phrases.min() >= _LEAST_PHRASE and one.whole():
                yield one


def seconds(excerpt: Excerpt) -> float:
    """Measure an excerpt as played, in seconds."""
    held = int(excerpt.chorale.fermatas[excerpt.first : excerpt.last].sum())
    return (excerpt.last - excerpt.first + (FERMATA_STRETCH - 1) * held) * 15 / TEMPO


def in_one_key(first: Excerpt, second: Excerpt) -> tuple[Chorale, Chorale] | None:
    """Transpose two excerpts into a key between theirs; None if these are far apart, or a voice leaves its range.

    Both are moved, since the range of one that alone is moved might tell it.
    """
    between = (first.key.tonic - second.key.tonic + 5) % 12 - 5
    if abs(between) > FARTHEST:
        return None
    moved = first.music().transpose(between // 2 - between), second.music().transpose(between // 2)
    return moved if all(map(_in_range, moved)) else None


def _in_range(chorale: Chorale) -> bool:
    return all(
        RANGES[voice][0] <= chorale.pitches[:, column].min() <= chorale.pitches[:, column].max() <= RANGES[voice][1]
        for column, voice in enumerate(VOICES)
    )
