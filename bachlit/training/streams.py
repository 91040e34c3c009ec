"""Streams: pieces one after another, cut into lanes at any step, as BachBot's were."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from bachlit.training.windows import Passage, Span


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
