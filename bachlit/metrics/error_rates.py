"""Error rates: how often composed voices differ from Bach's."""

from typing import NamedTuple

import numpy as np

from bachlit.errors import ComparisonError
from bachlit.music.chorale import REST, BoolArray, Chorale


class ErrorRates(NamedTuple):
    """Counts of composed cells and of wrong ones; add them over pieces with `total`.

    A cell (a voice in a frame) is wrong if its pitch or onset differs from the original. It is moving if a note begins
    there in the original: most cells hold a note, and those are easy to get right.

    Attributes:
        cells: Composed cells.
        wrong_cells: Wrong ones of these.
        wrong_pitches: Those with a wrong pitch.
        frames: Frames with composed cells.
        wrong_frames: Those with a wrong cell.
        moving_cells: Composed cells that move.
        wrong_moving_cells: Wrong ones of these.
        wrong_moving_pitches: Those with a wrong pitch.
        moving_frames: Frames with a moving cell.
        wrong_moving_frames: Those with a wrong cell, moving or not.
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
        """Token error rate: share of wrong cells (Liang, *BachBot*, 2016)."""
        return self.wrong_cells / max(1, self.cells)

    @property
    def fer(self) -> float:
        """Frame error rate: share of wrong frames (likewise)."""
        return self.wrong_frames / max(1, self.frames)

    @property
    def pitch_ter(self) -> float:
        """Share of cells with a wrong pitch, onsets aside."""
        return self.wrong_pitches / max(1, self.cells)

    @property
    def moving_ter(self) -> float:
        """Share of moving cells that are wrong."""
        return self.wrong_moving_cells / max(1, self.moving_cells)

    @property
    def moving_fer(self) -> float:
        """Share of moving frames that are wrong."""
        return self.wrong_moving_frames / max(1, self.moving_frames)


def error_rates(written: Chorale, original: Chorale, free: BoolArray) -> ErrorRates:
    """Compare a composed piece with the original.

    Args:
        written: The composed piece.
        original: Bach's.
        free: (T, 4) true where a cell was composed; others are ignored.

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
            f"{original.name or 'The original'} has {original.num_frames} frames, the composed piece "
            f"{written.num_frames}, the mask the shape {free.shape}; expected equal lengths T and a mask (T, 4)."
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
    """Count the frames with some of the cells."""
    return int(np.any(cells, axis=1).sum())
