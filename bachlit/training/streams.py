"""Windows of one long stream: pieces one after another, cut into lanes wherever the cut falls, as BachBot's were."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from bachlit.encoding import Encoding, Tokens
from bachlit.training.windows import BatchLoader, Row, cut_windows, steps_of


class StreamLoader(BatchLoader):
    """Streams ready batches of the windows of one long stream, or of a part of it.

    The stream's steps are those of its pieces: from START to the token before END as inputs, and each one's successor
    as its target. So END is predicted, and START isn't, as nothing else follows END. The stream is cut into lanes of
    equal length, to a step; within a lane, memory is carried over the borders of pieces from the first window to the
    last. Lanes begin and end within pieces. Only their last windows are padded, and no step is left out.

    Args:
        pieces: Gives an epoch's pieces as tokens (START to END), from a generator that may transpose them.
        encoding: Names the targets' slots.
        lanes: See `BatchLoader`.
        window: Likewise.
        start: The first step that is taken.
        stop: The step after the last that is taken; all to the end if None.
        seed: Decides what each epoch's pieces are drawn from.
        epoch: See `BatchLoader`.
        rank: Likewise.
        num_ranks: Likewise.
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
        super().__init__(lanes=lanes, window=window, epoch=epoch, rank=rank, num_ranks=num_ranks)
        self.pieces, self.encoding, self.seed = pieces, encoding, seed
        # Transposing doesn't change lengths, so lanes are cut at the same steps in every epoch.
        sizes = [len(tokens) - 1 for tokens in pieces(np.random.default_rng([seed, 0]))]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])  # (P + 1,) each piece's first step
        self._start, self._stop = start, int(self._starts[-1]) if stop is None else stop

    def __len__(self) -> int:
        """See `BatchLoader`: what the longest lane fills."""
        return ceil(ceil((self._stop - self._start) / self.lanes) / self.window)

    def rows(self, epoch: int, first: int) -> list[Iterator[Row]]:
        """See `BatchLoader`."""
        pieces = self.pieces(np.random.default_rng([self.seed, epoch]))
        num_steps = self._stop - self._start
        cuts = [self._start + lane * num_steps // self.lanes for lane in range(self.lanes + 1)]
        return [
            self._lane(pieces, cuts[lane], cuts[lane + 1], first)
            for lane in range(self.rank, self.lanes, self.num_ranks)
        ]

    def _lane(self, pieces: Sequence[Tokens], start: int, stop: int, first: int) -> Iterator[Row]:
        """The rows of the steps from `start` to `stop`, from a window on."""
        chunks = self._chunks(pieces, start + first * self.window, stop)
        for index, window in enumerate(cut_windows(chunks, self.window)):
            yield Row(window, first + index == 0)

    def _chunks(self, pieces: Sequence[Tokens], start: int, stop: int) -> Iterator[npt.NDArray[np.int64]]:
        """The steps from `start` to `stop`, piece by piece."""
        piece = int(np.searchsorted(self._starts, start, side="right")) - 1
        while start < stop:
            begin, end = self._starts[piece], min(self._starts[piece + 1], stop)
            yield steps_of(pieces[piece], self.encoding)[:, start - begin : end - begin]
            start, piece = int(end), piece + 1
