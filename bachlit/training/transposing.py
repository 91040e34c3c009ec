"""Transposing: the keys in which a model meets pieces, drawn anew in each epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bachlit.encoding import Encoding, Tokens
from bachlit.music.chorale import RANGES, REST, Chorale, home_move
from bachlit.music.keys import Keys


class TransposedPieces:
    """Encodes pieces in drawn keys.

    Args:
        chorales: P pieces.
        encoding: Makes the tokens.
        keys: "home": C major or A minor. "all": one of the keys in which the voices stay in range. "written": as it
            stands.
    """

    def __init__(self, chorales: Sequence[Chorale], encoding: Encoding, keys: Keys) -> None:
        self._chorales, self._encoding = chorales, encoding
        self._lowest = np.zeros(len(chorales), np.int8)  # (P,) the lowest move, in semitones
        self._num_moves = np.ones(len(chorales), np.int8)  # (P,)
        if keys == "home":
            self._lowest[:] = [home_move(chorale) for chorale in chorales]
        elif keys == "all":
            for index, chorale in enumerate(chorales):
                moves = singable_moves(chorale)
                self._lowest[index], self._num_moves[index] = moves[0], len(moves)

    def draw(self, random: np.random.Generator) -> "_Drawn":
        """Draw an epoch's keys; each piece is encoded when it is asked for."""
        return _Drawn(self._chorales, self._encoding, self._lowest + random.integers(0, self._num_moves))

    def num_steps(self) -> list[int]:
        """Count the tokens to predict in each piece, which are the same in all keys."""
        return [len(tokens) - 1 for tokens in self.draw(np.random.default_rng())]


class _Drawn(Sequence[Tokens]):
    """The tokens of chorales, each after a move (P,) in semitones."""

    def __init__(self, chorales: Sequence[Chorale], encoding: Encoding, moves: Any) -> None:
        self._chorales, self._encoding, self._moves = chorales, encoding, moves

    def __len__(self) -> int:
        return len(self._chorales)

    def __getitem__(self, index: Any) -> Any:
        return self._encoding.encode(self._chorales[index].transpose(int(self._moves[index])))


def singable_moves(chorale: Chorale) -> list[int]:
    """List the moves from -6 to 6 semitones that leave every voice in its range; 0 is always one.

    >>> singable_moves(Chorale.from_pitches([[78, 60, 60, 50]]))
    [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3]
    """
    lowest, highest = -6, 6
    for (low, high), pitches in zip(RANGES.values(), chorale.pitches.T, strict=True):
        sounding = pitches[pitches != REST]
        if sounding.size:
            lowest, highest = max(lowest, low - int(sounding.min())), min(highest, high - int(sounding.max()))
    return list(range(min(lowest, 0), max(highest, 0) + 1))
