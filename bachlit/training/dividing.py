"""Dividing: a corpus as training, validation and test data, by tune or by position."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from bachlit.corpus import FOLDS, Corpus, Fold
from bachlit.corpus.splits import Stretch, split_by_position, split_by_tune
from bachlit.music.chorale import Chorale
from bachlit.training.windows import Layout, Passage, Span

Shares = tuple[float, float, float]


class Division(NamedTuple):
    """A divided corpus.

    Attributes:
        folds: The pieces that each fold is judged on. One that is cut by position is in the fold where it begins:
            another fold would judge what was trained on.
        read: The pieces that each fold's windows are from.
        layouts: How these fill lanes; a fold without one deals whole pieces.
        description: How the pieces were divided, in words.
    """

    folds: dict[Fold, Sequence[Chorale]]
    read: dict[Fold, Sequence[Chorale]]
    layouts: dict[Fold, Layout]
    description: str


def divide_by_tune(corpus: Corpus, shares: Shares, seed: int) -> Division:
    """Divide whole pieces, no tune on two sides, unless the corpus has folds of its own."""
    own = corpus.folds()
    folds = split_by_tune(corpus.chorales(), shares=shares, seed=seed) if own is None else dict(own)
    return Division(folds, folds, {}, "by tune" if own is None else "the corpus's own")


def divide_by_position(
    corpus: Corpus, shares: Shares, sizes_of: Callable[[Sequence[Chorale]], Sequence[int]]
) -> Division:
    """Divide one stream of all pieces, as BachBot's, or make each of the corpus's own folds a stream.

    Args:
        corpus: To be divided.
        shares: Of the steps for training, validation and test.
        sizes_of: Gives the lengths of pieces in steps.
    """
    own = corpus.folds()
    if own is None:
        chorales = corpus.chorales()
        stretches = split_by_position(chorales, sizes_of(chorales), shares=shares)
    else:
        stretches = {fold: Stretch(own[fold], 0, sum(sizes_of(own[fold]))) for fold in FOLDS}
    steps = ", ".join(f"{stretch.num_steps:,} {fold}" for fold, stretch in stretches.items())
    cut = [stretch.chorales[0].name for stretch in stretches.values() if stretch.start]
    return Division(
        {fold: stretch.begun() for fold, stretch in stretches.items()} if own is None else dict(own),
        {fold: stretch.chorales for fold, stretch in stretches.items()},
        {fold: partial(cut_stream, start=one.start, stop=one.stop) for fold, one in stretches.items()},
        f"by position: {steps} tokens" + f"; cut: {', '.join(cut)}" * bool(cut),
    )


def cut_stream(
    sizes: Sequence[int], lanes: int, random: np.random.Generator | None, *, start: int = 0, stop: int | None = None
) -> list[list[Passage]]:
    """Cut the stream of all pieces into lanes of equal length, each one passage.

    The stream's steps are those of its pieces: from START to the token before END as inputs, and each one's successor
    as its target. So END is predicted, and START isn't, as nothing else follows END. Lanes begin and end within pieces,
    and memory is carried from piece to piece. No step is left out.

    Args:
        sizes: Each piece's length in steps.
        lanes: How many.
        random: Unused: a stream keeps its order.
        start: The first step.
        stop: The step after the last; None for the stream's end.

    >>> cut_stream([3, 4, 5], 2, None, start=1, stop=9)
    [[[Span(piece=0, start=1, stop=3), Span(piece=1, start=0, stop=2)]], \
[[Span(piece=1, start=2, stop=4), Span(piece=2, start=0, stop=2)]]]
    """
    begins = list(accumulate(sizes, initial=0))
    num_steps = (begins[-1] if stop is None else stop) - start
    cuts = [start + lane * num_steps // lanes for lane in range(lanes + 1)]
    return [
        [
            [
                Span(piece, max(first - begin, 0), min(last, end) - begin)
                for piece, (begin, end) in enumerate(pairwise(begins))
                if begin < last and first < end and first < last
            ]
        ]
        for first, last in pairwise(cuts)
    ]
