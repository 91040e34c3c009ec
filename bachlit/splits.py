"""Training, validation and test pieces that share no hymn tune; or, as BachBot's, parts of one long stream."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.chorale import FRAMES_PER_QUARTER, REST, Chorale
from bachlit.corpus import FOLDS, Fold
from bachlit.errors import OptionError

SplitBy = Literal["tune", "position"]
"""How a corpus is divided: whole tunes to one side, or one stream of all pieces cut by position."""

# Measured on music21's chorales: of the beat-by-beat openings of 14 intervals, pairs of one tune differ by an edit
# distance of at most 4, and pairs of different tunes hardly ever by less than 6.
_BEATS, _DISTANCE = 14, 4
_NOTES = 7
# Some pieces begin with another verse or another half of a tune. Pairs that share a third of their beat-by-beat runs of
# 7 intervals are of one tune; the first pair that isn't shares 0.30.
_RUN, _SHARED = 7, 0.33


def group_by_tune(chorales: Sequence[Chorale]) -> list[int]:
    """Number the hymn tunes: pieces whose soprano is alike, up to transposition, get one number.

    Two pieces are alike if their first 7 melodic intervals are the same; if their first 14 intervals from beat to beat
    are within an edit distance of 4, so that passing notes, another pickup or another rhythm don't part them; or if one
    shares a third of its runs of 7 such intervals with the other, so that another verse or half of the tune doesn't.

    >>> notes = (67, 69, 71, 72, 74, 72, 71, 69, 67)
    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in notes for _ in range(4)])
    >>> group_by_tune([tune, tune.transpose(3), Chorale.from_pitches([[60, 0, 0, 0]] * 8)])
    [0, 0, 1]
    """
    whole = [_intervals(chorale, beats=True) for chorale in chorales]
    by_beat = [moves[:_BEATS] for moves in whole]
    runs = [{moves[start : start + _RUN] for start in range(len(moves) - _RUN + 1)} for moves in whole]
    by_note = [_intervals(chorale, beats=False)[:_NOTES] for chorale in chorales]
    groups = list(range(len(chorales)))
    for i in range(len(chorales)):
        for j in range(i):
            alike = groups[i] != groups[j] and (
                by_note[i] == by_note[j]
                or len(runs[i] & runs[j]) > _SHARED * max(1, min(len(runs[i]), len(runs[j])))
                or _within(by_beat[i], by_beat[j], _DISTANCE)
            )
            if alike:
                merged, kept = max(groups[i], groups[j]), min(groups[i], groups[j])
                groups = [kept if group == merged else group for group in groups]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] for group in groups]


def split_by_tune(
    chorales: Sequence[Chorale], *, shares: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0
) -> dict[Fold, list[Chorale]]:
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
    for group in order:
        members = np.flatnonzero(groups == group)
        # The fold that lacks the largest share of its pieces takes the tune.
        fold = max(FOLDS, key=lambda fold: (wanted[fold] - len(folds[fold])) / max(wanted[fold], 1e-9))
        folds[fold] += members.tolist()
    return {fold: [chorales[index] for index in sorted(indices)] for fold, indices in folds.items()}


class Stretch(NamedTuple):
    """A part of a stream of pieces, which may begin and end within a piece.

    Attributes:
        chorales: The pieces that it touches, in order.
        start: Its first step, counted from the first step of these pieces.
        stop: The step after its last.
    """

    chorales: list[Chorale]
    start: int
    stop: int

    @property
    def num_steps(self) -> int:
        """Its length in steps."""
        return self.stop - self.start

    def begun(self) -> list[Chorale]:
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
        folds[fold] = Stretch([chorales[index] for index in touched], first - before, last - before)
    return folds


def _check_shares(shares: tuple[float, float, float]) -> None:
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise OptionError(f"Shares of {', '.join(map(str, shares))} can't be given; expected three that add up to 1.")


def _intervals(chorale: Chorale, *, beats: bool) -> tuple[int, ...]:
    """The soprano's moves in semitones, repeated pitches counted once, from note to note or from beat to beat."""
    soprano = chorale.pitches[:, 0].astype(np.int64)
    on_beats = soprano[chorale.pickup % FRAMES_PER_QUARTER :: FRAMES_PER_QUARTER]
    heard = on_beats if beats else soprano[chorale.onsets[:, 0]]
    moves: npt.NDArray[np.int64] = np.diff(heard[heard != REST])
    return tuple(moves[moves != 0].tolist())


def _within(first: tuple[int, ...], second: tuple[int, ...], limit: int) -> bool:
    """Whether the edit distance of two sequences is at most `limit`; very short ones must be equal."""
    if min(len(first), len(second)) < 2 * limit:
        return first == second
    distances = list(range(len(second) + 1))
    for row, left in enumerate(first, start=1):
        current = [row]
        for column, right in enumerate(second, start=1):
            current.append(min(distances[column] + 1, current[-1] + 1, distances[column - 1] + (left != right)))
        if min(current) > limit:
            return False
        distances = current
    return distances[-1] <= limit
