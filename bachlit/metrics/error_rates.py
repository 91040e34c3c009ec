"""Error rates: how often voices that were written anew aren't Bach's."""

from typing import NamedTuple

import numpy as np

from bachlit.errors import ComparisonError
from bachlit.music.chorale import REST, BoolArray, Chorale


class ErrorRates(NamedTuple):
    """What was to be written and how much of it is wrong; add it up over pieces with `total`.

    A cell (a voice in a frame) is wrong if its pitch, or whether a note begins there, isn't the original's. It moves if
    a note begins there in the original: most cells hold a note on, and those are easy to get right.

    Attributes:
        cells: Those that were to be written.
        wrong_cells: Of these.
        wrong_pitches: Cells whose pitch is wrong.
        frames: Those with a cell that was to be written.
        wrong_frames: Those in which such a cell is wrong.
        moving_cells: Cells that were to be written and move.
        wrong_moving_cells: Of these.
        wrong_moving_pitches: Moving cells whose pitch is wrong.
        moving_frames: Frames in which a cell that was to be written moves.
        wrong_moving_frames: Those in which a cell that was to be written is wrong, a moving one or not.
    """

    cells: int = 0
    wrong_cells: int = 0
    wrong_pitches: int = 0
    frames: int = 0
    wrong_frames: int = 0
    moving_cells: int = 0
    wrong_moving_cells: int = 0
    wrong_moving_pitches: int = 0
    moving_frames: int = 0
    wrong_moving_frames: int = 0

    @property
    def ter(self) -> float:
        """Token error rate, the share of cells that are wrong (Liang, *BachBot*, 2016)."""
        return self.wrong_cells / max(1, self.cells)

    @property
    def fer(self) -> float:
        """Frame error rate, the share of frames that are wrong (likewise)."""
        return self.wrong_frames / max(1, self.frames)

    @property
    def pitch_ter(self) -> float:
        """The share of cells whose pitch is wrong, whether a note begins there or not."""
        return self.wrong_pitches / max(1, self.cells)

    @property
    def moving_ter(self) -> float:
        """The share of moving cells that are wrong."""
        return self.wrong_moving_cells / max(1, self.moving_cells)

    @property
    def moving_fer(self) -> float:
        """The share of moving frames that are wrong."""
        return self.wrong_moving_frames / max(1, self.moving_frames)


def error_rates(written: Chorale, original: Chorale, free: BoolArray) -> ErrorRates:
    """Compare what was written with the original.

    Args:
        written: A piece of which some cells were written anew.
        original: Bach's.
        free: (T, 4) true where a cell was to be written; the others count for nothing.

    Raises:
        ComparisonError: If the pieces aren't equally long, or the mask doesn't fit them.

    >>> bach = Chorale.from_pitches([[67, 64, 60, 48]] * 2 + [[67, 64, 60, 53]] * 2)
    >>> late = Chorale.from_pitches([[67, 64, 60, 48]] * 3 + [[67, 64, 60, 53]])
    >>> tenor_and_bass = np.array([[False, False, True, True]] * 4)
    >>> rates = error_rates(late, bach, tenor_and_bass)
    >>> rates.ter, rates.pitch_ter, rates.fer, rates.moving_fer
    (0.25, 0.125, 0.5, 0.5)
    """
    if not written.pitches.shape == original.pitches.shape == free.shape:
        raise ComparisonError(
            f"{original.name or 'The original'} has {original.num_frames} frames, what was written "
            f"{written.num_frames}, and the mask the shape {free.shape}; expected equal lengths T and a mask (T, 4). "
            "Compare a piece with the original that its prompt was made of."
        )
    pitches = free & (written.pitches != original.pitches)
    wrong = pitches | (free & (written.onsets != original.onsets))
    moves = free & original.onsets & (original.pitches != REST)
    in_moving_frames = wrong & moves.any(axis=1, keepdims=True)
    return ErrorRates(
        cells=int(free.sum()),
        wrong_cells=int(wrong.sum()),
        wrong_pitches=int(pitches.sum()),
        frames=_frames_of(free),
        wrong_frames=_frames_of(wrong),
        moving_cells=int(moves.sum()),
        wrong_moving_cells=int((moves & wrong).sum()),
        wrong_moving_pitches=int((moves & pitches).sum()),
        moving_frames=_frames_of(moves),
        wrong_moving_frames=_frames_of(in_moving_frames),
    )


def _frames_of(cells: BoolArray) -> int:
    """How many frames hold some of the cells."""
    return int(np.any(cells, axis=1).sum())
