"""Sequences of chorales that are made on demand."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import Chorale


class Pieces(Sequence[Chorale]):
    """Base class: sequence of chorales that are made each time they are accessed."""

    @abstractmethod
    def at(self, index: int) -> Chorale:
        """Return the chorale at a non-negative index."""

    @overload
    def __getitem__(self, index: int) -> Chorale: ...

    @overload
    def __getitem__(self, index: slice) -> "Pieces": ...

    def __getitem__(self, index: int | slice) -> "Chorale | Pieces":
        if isinstance(index, slice):
            return Chosen(self, range(len(self))[index])
        return self.at(range(len(self))[index])

    def __eq__(self, other: object) -> bool:
        """Compare with any sequence of chorales."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # neither do lists

    def __repr__(self) -> str:
        return f"<{len(self)} chorales>"


class Chosen(Pieces):
    """Selection of a sequence of chorales.

    Args:
        chorales: The sequence.
        indices: Indices of the selection, in order.

    >>> numbered = [Chorale.from_pitches([[60, 0, 0, 0]], name=str(index)) for index in range(5)]
    >>> chosen = Chosen(numbered, [4, 0, 2])
    >>> [chorale.name for chorale in chosen], chosen[-1].name, chosen[1:] == [numbered[0], numbered[2]]
    (['4', '0', '2'], '2', True)
    """

    def __init__(self, chorales: Sequence[Chorale], indices: npt.ArrayLike) -> None:
        self._chorales, self._indices = chorales, np.array(indices, np.int64)

    def __len__(self) -> int:
        return len(self._indices)

    def at(self, index: int) -> Chorale:
        """Return the chorale at an index of the selection."""
        return self._chorales[int(self._indices[index])]
