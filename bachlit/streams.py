"""Windows of one long stream: pieces one after another, cut into lanes wherever the cut falls, as BachBot's were."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import ceil

import numpy as np

from bachlit.encoding import Encoding, Tokens
from bachlit.tokens import END
from bachlit.windows import IGNORED, Window, cut_windows


class StreamLoader:
    """Streams ready batches of the windows of one long stream, or of a part of it.

    The stream's steps are those of its pieces: from START to the token before END as inputs, and each one's successor
    as its target. So END is predicted, and START isn't, as nothing else follows END. The stream is cut into lanes of
    equal length, to a step; within a lane, memory is carried over the borders of pieces from the first window to the
    last. Lanes begin and end within pieces. Only their last windows are padded, and no step is left out.

    Args:
        pieces: Gives an epoch's pieces as tokens (START to END), from a generator that may transpose them.
        encoding: Names the targets' slots.
        lanes: B over all ranks.
        window: N.
        start: The first step that is taken.
        stop: The step after the last that is taken; all to the end if None.
        seed: Decides what each epoch's pieces are drawn from.
        epoch: Tells the number of the epoch that begins.
        rank: Which of `num_ranks` this process is; it gets every `num_ranks`th lane.
        num_ranks: Processes that share the lanes.
    """

    def __init__(
        self,
        pieces: Callable[[np.random.Generator], Sequence[Tokens]],
        encoding: Encoding,
        *,
        lanes: int,
        window: int,
        start: int = 0,
        stop: int | None = None,
        seed: int = 0,
        epoch: Callable[[], int] = lambda: 0,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        self.pieces, self.encoding = pieces, encoding
        self.lanes, self.window = lanes, window
        self.seed, self.epoch = seed, epoch
        self.rank, self.num_ranks = rank, num_ranks
        # Transposing doesn't change lengths, so lanes are cut at the same steps in every epoch.
        total = sum(len(tokens) - 1 for tokens in pieces(np.random.default_rng([seed, 0])))
        self._part = slice(start, total if stop is None else stop)
        self._num_steps = self._part.stop - self._part.start

    def __len__(self) -> int:
        """Windows in an epoch: what the longest lane fills."""
        return ceil(ceil(self._num_steps / self.lanes) / self.window)

    def __iter__(self) -> Iterator[Window]:
        """One epoch of batches, this rank's lanes of them."""
        pieces = self.pieces(np.random.default_rng([self.seed, self.epoch()]))
        tokens = np.concatenate([piece[:-1] for piece in pieces])[self._part]  # (M,)
        targets = np.concatenate([piece[1:] for piece in pieces])[self._part]
        slots = np.concatenate([self.encoding.slots(piece[1:]) for piece in pieces])[self._part]
        cuts = [lane * self._num_steps // self.lanes for lane in range(self.lanes + 1)]
        lanes = list(pairwise(cuts))[self.rank :: self.num_ranks]
        reset = np.zeros((len(lanes), len(self)), np.bool_)
        reset[:, 0] = True

        def laid_out(steps: Tokens, padding: int) -> Tokens:
            rows = np.full((len(lanes), len(self) * self.window), padding, np.int64)
            for row, (first, last) in zip(rows, lanes, strict=True):
                row[: last - first] = steps[first:last]
            return rows

        yield from cut_windows(laid_out(tokens, END), laid_out(targets, IGNORED), laid_out(slots, 0), reset)
