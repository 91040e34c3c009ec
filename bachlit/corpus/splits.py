"""Training, validation and test pieces that share no hymn tune; or, as BachBot's, parts of one long stream."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np

from bachlit.corpus import FOLDS, Chosen, Fold
from bachlit.corpus.tunes import group_by_tune
from bachlit.errors import OptionError
from bachlit.music.chorale import Chorale

SplitBy = Literal["tune", "position"]
"""How a corpus is divided: whole tunes to one side, or one stream of all pieces cut by position."""


def split_by_tune(
    chorales: Sequence[Chorale], *, shares: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0
) -> dict[Fold, Sequence[Chorale]]:
    """Divide chorales so that no tune is on two sides, with shares of the pieces as near as whole tunes allow.

    Args:
        chorales: The pieces.
        shares: Of training, validation and test; their sum is 1.
        seed: Decides which tunes go where.

    Returns:
        The pieces of each fold, in the corpus's order.

    Raises:
        OptionError: If the shares aren't shares.
    """
    _check_shares(shares)
    groups = np.array(group_by_tune(chorales))
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    wanted = {fold: share * len(chorales) for fold, share in zip(FOLDS, shares, strict=True)}
    folds: dict[Fold, list[int]] = {fold: [] for fold in FOLDS}
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    for group in order:
        # The fold that lacks the largest share of its pieces takes the tune.
        fold = max(FOLDS, key=lambda fold: (wanted[fold] - len(folds[fold])) / max(wanted[fold], 1e-9))
        folds[fold] += members[group].tolist()
    return {fold: Chosen(chorales, sorted(indices)) for fold, indices in folds.items()}


class Stretch(NamedTuple):
    """A part of a stream of pieces, which may begin and end within a piece.

    Attributes:
        chorales: The pieces that it touches, in order.
        start: Its first step, counted from the first step of these pieces.
        stop: The step after its last.
    """

    chorales: Sequence[Chorale]
    start: int
    stop: int

    @property
    def num_steps(self) -> int:
        """Its length in steps."""
        return self.stop - self.start

    def begun(self) -> Sequence[Chorale]:
        """The pieces that begin in it."""
        return self.chorales[1:] if self.start else self.chorales


def split_by_position(
    chorales: Sequence[Chorale],
    num_steps: Sequence[int],
    *,
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> dict[Fold, Stretch]:
    """Cut the stream of all pieces, one after another, into training, validation and test, as BachBot did.

    A piece that a cut goes through is in both stretches, each with its own part of it. Stretches share no step, but
    pieces of one tune, and two settings that are nearly the same, may be on both sides.

    Args:
        chorales: The pieces, in the stream's order.
        num_steps: How long each is in steps.
        shares: Of training, validation and test; their sum is 1.

    Returns:
        The stretch of each fold.

    Raises:
        OptionError: If the shares aren't shares.

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
        raise OptionError(f"Shares of {', '.join(map(str, shares))} can't be given; expected three that add up to 1.")
