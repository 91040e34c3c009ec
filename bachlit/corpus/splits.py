"""Split corpora into training, validation and test: by hymn tune, or by position as BachBot."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np

from bachlit.corpus import FOLDS, Chosen, Fold
from bachlit.corpus.tunes import group_by_tune
from bachlit.errors import OptionError
from bachlit.music.chorale import Chorale

SplitBy = Literal["tune", "position"]
"""Ways to divide a corpus: by whole tunes, or by position in one stream of all pieces."""


def split_by_tune(
    chorales: Sequence[Chorale], *, shares: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0
) -> dict[Fold, Sequence[Chorale]]:
    """Divide chorales so that no tune is in two folds, as near to the shares as possible.

    Args:
        chorales: The pieces.
        shares: Shares of training, validation and test; their sum is 1.
        seed: Random seed.

    Returns:
        The pieces of each fold, in the corpus's order.

    Raises:
        OptionError: If the shares are negative or don't add up to 1.
    """
    _check_shares(shares)
    groups = np.array(group_by_tune(chorales))
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    wanted = {fold: share * len(chorales) for fold, share in zip(FOLDS, shares, strict=True)}
    folds: dict[Fold, list[int]] = {fold: [] for fold in FOLDS}
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    for group in order:
        # The fold that lacks the largest share of its pieces gets the tune.
        fold = max(FOLDS, key=lambda fold: (wanted[fold] - len(folds[fold])) / max(wanted[fold], 1e-9))
        folds[fold] += members[group].tolist()
    return {fold: Chosen(chorales, sorted(indices)) for fold, indices in folds.items()}


class Stretch(NamedTuple):
    """Part of a stream of pieces, which may begin and end within a piece.

    Attributes:
        chorales: Pieces that it overlaps, in order.
        start: First step, counted from the beginning of these pieces.
        stop: Step after the last.
    """

    chorales: Sequence[Chorale]
    start: int
    stop: int

    @property
    def num_steps(self) -> int:
        """Length in steps."""
        return self.stop - self.start

    def begun(self) -> Sequence[Chorale]:
        """Pieces that begin in it."""
        return self.chorales[1:] if self.start else self.chorales


def split_by_position(
    chorales: Sequence[Chorale],
    num_steps: Sequence[int],
    *,
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> dict[Fold, Stretch]:
    """Cut the stream of all pieces into training, validation and test, as BachBot did.

    A piece divided by a cut is in both stretches, with one part in each. Stretches share no step, but settings of one
    tune, even nearly equal ones, may be in several folds.

    Args:
        chorales: The pieces, in the stream's order.
        num_steps: Length of each in steps.
        shares: Shares of training, validation and test; their sum is 1.

    Returns:
        The stretch of each fold.

    Raises:
        OptionError: If the shares are negative or don't add up to 1.

    >>> pieces = [Chorale.from_pitches([[60, 0, 0, 0]], name=name) for name in "abc"]
    >>> for fold, stretch in split_by_position(pieces, [10, 10, 10]).items():
    ...     print(fold, [piece.name for piece in stretch.chorales], stretch.start, stretch.stop)
    train ['a', 'b', 'c'] 0 24
    valid ['c'] 4 7
    test ['c'] 7 10
    """
    _check_shares(shares)
    ends = np.cumsum(num_steps)
    begins = ends - num_steps
    cuts = [round(share * int(ends[-1])) for share in accumulate(shares, initial=0.0)]
    folds: dict[Fold, Stretch] = {}
    for fold, first, last in zip(FOLDS, cuts[:-1], cuts[1:], strict=True):
        touched = np.flatnonzero((begins < last) & (ends > first)) if first < last else np.array([], np.int64)
        before = int(begins[touched[0]]) if len(touched) else first
        folds[fold] = Stretch(Chosen(chorales, touched), first - before, last - before)
    return folds


def _check_shares(shares: tuple[float, float, float]) -> None:
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise OptionError(f"The shares are {', '.join(map(str, shares))}; expected three that add up to 1.")
