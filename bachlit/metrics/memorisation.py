"""Memorisation: the longest passage that a piece shares with the training pieces."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import REST, Chorale, IntArray

_Longs = npt.NDArray[np.int64]
_SILENT, _BETWEEN_PIECES = 0, -1


class Copied(NamedTuple):
    """Passage that two pieces share, up to transposition.

    Attributes:
        frames: Length in sixteenths; 0 if nothing is shared.
        piece: Name of the training piece.
        its_frame: First frame there.
        own_frame: First frame in the piece examined.
        transposition: Semitones up from the training piece; 0 if nothing sounds.
    """

    frames: int = 0
    piece: str = ""
    its_frame: int = 0
    own_frame: int = 0
    transposition: int = 0


class Passages:
    """Index of training pieces, to find the longest passage that another piece repeats.

    Passages are equal if all four voices have the same pitches and rests in every frame, up to one transposition.
    Onsets and the position in the bar are ignored.

    Args:
        chorales: The training pieces.

    >>> bach = Chorale.from_pitches([[67, 64, 60, 48]] * 2 + [[69, 65, 60, 53]] * 2, name="bwv1")
    >>> quoting = Chorale.from_pitches([[72, 60, 55, 52]] + [[69, 66, 62, 50]] * 2 + [[71, 67, 62, 55]])
    >>> Passages([bach]).longest(quoting)
    Copied(frames=3, piece='bwv1', its_frame=0, own_frame=1, transposition=2)
    """

    def __init__(self, chorales: Sequence[Chorale]) -> None:
        # A frame unlike any other separates pieces, so that no passage crosses them.
        border = np.array([_BETWEEN_PIECES])
        shapes, floors = [border], [border]
        for chorale in chorales:
            for parts, part in zip((shapes, floors), _shapes_and_floors(chorale.pitches), strict=True):
                parts += [part, border]
        self._shapes, self._floors = np.concatenate(shapes), np.concatenate(floors)  # (J,), (J,)
        self._names = [chorale.name for chorale in chorales]
        self._begins = np.cumsum([1, *(chorale.num_frames + 1 for chorale in chorales)])
        self._by_shape = np.argsort(self._shapes, kind="stable")

    def longest(self, chorale: Chorale) -> Copied:
        """Find the longest passage of a chorale in the pieces; the first to end if tied.

        Dynamic programming over pairs of equal frames: the passage that ends in a pair is one frame longer than the one
        that ends in the pair before.
        """
        shapes, floors = _shapes_and_floors(chorale.pitches)
        ordered = self._shapes[self._by_shape]
        bounds = np.stack([np.searchsorted(ordered, shapes, side) for side in ("left", "right")], axis=1)  # (T, 2)
        empty = np.zeros((3, len(self._shapes)), np.int64)
        best, end, its_end, move = 0, 0, 0, 0
        passages = empty
        for frame, (first, last) in enumerate(bounds):
            pairs = self._by_shape[first:last]  # (P,) equal frames of the pieces
            # (P,) each: length and transposition of the passage that ends in the previous pair, and its final silent
            # frames, which may begin a passage in another transposition.
            length, transposition, silence = passages[:, pairs - 1]
            if shapes[frame] == _SILENT:
                silence = silence + 1
            else:
                wanted = floors[frame] - self._floors[pairs]
                length = np.where(transposition == wanted, length, silence)
                transposition, silence = wanted, 0
            passages = empty.copy()
            passages[0, pairs], passages[1, pairs], passages[2, pairs] = length + 1, transposition, silence
            if len(pairs) and length.max() >= best:
                longest = int(length.argmax())
                best, end, its_end = int(length[longest]) + 1, frame, int(pairs[longest])
                move = int(transposition[longest])
        if not best:
            return Copied()
        piece = int(np.searchsorted(self._begins, its_end, side="right")) - 1
        its_frame = its_end - best + 1 - int(self._begins[piece])
        return Copied(best, self._names[piece], its_frame, end - best + 1, move)


def _shapes_and_floors(pitches: IntArray) -> tuple[_Longs, _Longs]:
    """Split frames into a transposition-invariant shape and a lowest pitch.

    Returns:
        (T,) shapes (four bytes of intervals and rests) and (T,) lowest pitches; both 0 where nothing sounds.
    """
    sounding = pitches != REST
    floors = np.where(sounding, pitches, 128).min(axis=1) % 128  # (T,)
    above = np.where(sounding, 1 + pitches.astype(np.int64) - floors[:, None], 0)  # (T, 4)
    return above @ (256 ** np.arange(4)), floors.astype(np.int64)
