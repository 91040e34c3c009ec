"""Error rates: how often composed voices differ from Bach's."""

from typing import NamedTuple

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
    """

    cells: int = 0
    wrong_cells: int = 0
    wrong_pitches: int = 0
    frames: int = 0
    wrong_frames: int = 0
    moving_cells: int = 0
    wrong_moving_cells: int = 0

    @property
    def ter(self) -> float:
        """Token error rate: share of wrong cells (Liang, *BachBot*, 2016)."""
        return self.wrong_cells / max(1, self.cells)

    @property
    def fer(self) -> float:
        """Frame error rate: share of wrong frames (likewise)."""
        return self.wrong_frames / max(1, self.frames)


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
    >>> tenor_and_bass = bach.pitches < 62
    >>> rates = error_rates(late, bach, tenor_and_bass)
    >>> rates.ter, rates.fer, rates.wrong_pitches, rates.wrong_moving_cells
    (0.25, 0.5, 1, 1)
    """
    if not written.pitches.shape == original.pitches.shape == free.shape:
        raise ComparisonError(
            f"{original.name or 'The original'} has {original.num_frames} frames, the composed piece "
            f"{written.num_frames}, the mask the shape {free.shape}; expected equal lengths T and a mask (T, 4)."
        )
    pitches = free & (written.pitches != original.pitches)
    wrong = pitches | (free & (written.onsets != original.onsets))
    moves = free & original.onsets & (original.pitches != REST)
    return ErrorRates(
        cells=int(free.sum()),
        wrong_cells=int(wrong.sum()),
        wrong_pitches=int(pitches.sum()),
        frames=int(free.any(axis=1).sum()),
        wrong_frames=int(wrong.any(axis=1).sum()),
        moving_cells=int(moves.sum()),
        wrong_moving_cells=int((moves & wrong).sum()),
    )
