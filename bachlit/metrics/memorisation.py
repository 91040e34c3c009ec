"""Memorisation: the longest passage that a piece shares with those that a model was trained on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import REST, Chorale, IntArray

Longs = npt.NDArray[np.int64]

SILENT, BETWEEN_PIECES = 0, -1


class Copied(NamedTuple):
    """A passage that two pieces share, but for a transposition.

    Attributes:
        frames: Its length in sixteenths; 0 if nothing is shared.
        piece: The training piece's name.
        its_frame: Where it begins there.
        own_frame: Where it begins in the piece that was looked at.
        transposition: Semitones from the training piece up to this one; 0 if nothing sounds.
    """

    frames: int = 0
    piece: str = ""
    its_frame: int = 0
    own_frame: int = 0
    transposition: int = 0


class Passages:
    """All passages of some pieces, to find the longest that another piece repeats.

    Passages are equal if all four voices have the same pitches and rests in every frame, up to one transposition of
    the whole. Whether a note is held or begun again doesn't matter, nor the place in the bar.

    Args:
        chorales: The training pieces.

    >>> bach = Chorale.from_pitches([[67, 64, 60, 48]] * 2 + [[69, 65, 60, 53]] * 2, name="bwv1")
    >>> quoting = Chorale.from_pitches([[72, 60, 55, 52]] + [[69, 66, 62, 50]] * 2 + [[71, 67, 62, 55]])
    >>> Passages([bach]).longest(quoting)
    Copied(frames=3, piece='bwv1', its_frame=0, own_frame=1, transposition=2)
    """

    def __init__(self, chorales: Sequence[Chorale]) -> None:
        # A frame that equals no other stands before each piece and after the last: no passage goes beyond a piece.
        border = np.array([BETWEEN_PIECES])
        shapes, floors = [border], [border]
        for chorale in chorales:
            for parts, part in zip((shapes, floors), _shapes_and_floors(chorale.pitches), strict=True):
                parts += [part, border]
        self._shapes, self._floors = np.concatenate(shapes), np.concatenate(floors)  # (J,), (J,)
        self._names = [chorale.name for chorale in chorales]
        self._begins = np.cumsum([1, *(chorale.num_frames + 1 for chorale in chorales)])
        self._by_shape = np.argsort(self._shapes, kind="stable")

    def longest(self, chorale: Chorale) -> Copied:
        """The longest passage of a chorale that is in one of the pieces; the first to end if several are as long.

        Dynamic programming over all pairs of a frame of the chorale and an equal one of the pieces: with the pairs of
        the frame before at hand, the passage that ends in a pair is one frame longer than that which ends in the pair
        before.
        """
        shapes, floors = _shapes_and_floors(chorale.pitches)
        ordered = self._shapes[self._by_shape]
        bounds = np.stack([np.searchsorted(ordered, shapes, side) for side in ("left", "right")], axis=1)  # (T, 2)
        empty = np.zeros((3, len(self._shapes)), np.int64)
        best, end, its_end, move = 0, 0, 0, 0
        passages = empty
        for frame, (first, last) in enumerate(bounds):
            pairs = self._by_shape[first:last]  # (P,) the pieces' frames that this one equals
            # (P,) each: the length of the passage that ends in the pair before, its transposition, and with how many
            # silent frames it ends. Those may begin a passage in another transposition.
            length, transposition, silence = passages[:, pairs - 1]
            if shapes[frame] == SILENT:
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


def _shapes_and_floors(pitches: IntArray) -> tuple[Longs, Longs]:
    """What doesn't change in a frame if it is transposed, as a number, and the pitch above which it stands.

    Returns:
        (T,) shapes, four bytes of intervals and rests, and (T,) lowest pitches; 0 and 0 where nothing sounds.
    """
    sounding = pitches != REST
    floors = np.where(sounding, pitches, 128).min(axis=1) % 128  # (T,)
    above = np.where(sounding, 1 + pitches.astype(np.int64) - floors[:, None], 0)  # (T, 4)
    return above @ (256 ** np.arange(4)), floors.astype(np.int64)
