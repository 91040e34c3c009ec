"""Pieces as a model meets them: keys, and whether it knows their fermatas, drawn anew in each epoch."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bachlit.encoding import Encoding, Tokens
from bachlit.music.chorale import RANGES, REST, Chorale, home_move
from bachlit.music.keys import Keys


class TransposedPieces:
    """Encodes pieces in drawn keys, some without their fermatas.

    Args:
        chorales: P pieces.
        encoding: Makes the tokens.
        keys: "home": C major or A minor. "all": one of the keys in which the voices stay in range. "written": as it
            stands.
        drop_fermatas: Probability that a piece loses all its fermatas.
    """

    def __init__(
        self, chorales: Sequence[Chorale], encoding: Encoding, keys: Keys, *, drop_fermatas: float = 0.0
    ) -> None:
        self._chorales, self._encoding, self._drop_fermatas = chorales, encoding, drop_fermatas
        self._lowest = np.zeros(len(chorales), np.int8)  # (P,) the lowest move, in semitones
        self._num_moves = np.ones(len(chorales), np.int8)  # (P,)
        if keys == "home":
            self._lowest[:] = [home_move(chorale) for chorale in chorales]
        elif keys == "all":
            for index, chorale in enumerate(chorales):
                moves = singable_moves(chorale)
                self._lowest[index], self._num_moves[index] = moves[0], len(moves)

    def draw(self, random: np.random.Generator) -> "_Drawn":
        """Draw an epoch's keys and fermatas; each piece is encoded when it is asked for."""
        moves = self._lowest + random.integers(0, self._num_moves)
        dropped = random.random(len(moves)) < self._drop_fermatas if self._drop_fermatas else np.zeros(len(moves), bool)
        return _Drawn(self._chorales, self._encoding, moves, dropped)

    def num_steps(self) -> list[int]:
        """Count the tokens to predict in each piece, which are the same in all keys."""
        return [len(tokens) - 1 for tokens in self.draw(np.random.default_rng())]


class _Drawn(Sequence[Tokens]):
    """The tokens of chorales, each after a move (P,) in semitones, some (P,) without fermatas."""

    def __init__(self, chorales: Sequence[Chorale], encoding: Encoding, moves: Any, dropped: Any) -> None:
        self._chorales, self._encoding, self._moves, self._dropped = chorales, encoding, moves, dropped

    def __len__(self) -> int:
        return len(self._chorales)

    def __getitem__(self, index: Any) -> Any:
        chorale = self._chorales[index].transpose(int(self._moves[index]))
        if self._dropped[index]:
            chorale = dataclasses.replace(chorale, fermatas=np.zeros(chorale.num_frames, np.bool_))
        return self._encoding.encode(chorale)


def singable_moves(chorale: Chorale) -> list[int]:
    """List the moves from -6 to 6 semitones that leave every voice in its range; 0 is always one.

    >>> singable_moves(Chorale.from_pitches([[78, 60, 60, 50]]))
    [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3]
    """
    return moves_within_ranges(chorale.pitches)


def moves_within_ranges(pitches: npt.NDArray[np.integer]) -> list[int]:
    """List the moves for pitches (T, 4), as `singable_moves` does for a chorale's."""
    lowest, highest = -6, 6
    for (low, high), column in zip(RANGES.values(), pitches.T, strict=True):
        sounding = column[column != REST]
        if sounding.size:
            lowest, highest = max(lowest, low - int(sounding.min())), min(highest, high - int(sounding.max()))
    return list(range(min(lowest, 0), max(highest, 0) + 1))
