"""Windows for truncated back-propagation through time: pieces dealt to lanes, lanes cut into batches."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bachlit.encoding import Encoding, Tokens
from bachlit.tokens import END

IGNORED = -100
"""The target of padding, as `torch.nn.CrossEntropyLoss` ignores it."""


class Window(NamedTuple):
    """One batch: B lanes, N steps. Of `WindowLoader`, no row straddles two pieces.

    Attributes:
        tokens: (B, N) inputs; END where a lane is padded.
        targets: (B, N) the tokens that follow; -100 where a lane is padded.
        slots: (B, N) each target's index into the encoding's `slot_names`.
        reset: (B,) true where the memory of what came before must go: at the start of a piece, or of a stream.
    """

    tokens: Tensor
    targets: Tensor
    slots: Tensor
    reset: Tensor


class WindowLoader:
    """Streams ready batches: every piece in windows one after another, side by side in lanes.

    Pieces go, longest first, to the lane with the fewest windows, and then stand in random order within it. Shorter
    lanes are filled with padding, so that all lanes, and so all ranks, have equally many windows. Everything follows
    from the seed and the epoch.

    Args:
        pieces: Gives an epoch's pieces as tokens (START to END), from a generator that may transpose them.
        encoding: Names the targets' slots.
        lanes: B over all ranks.
        window: N, cut down to whole frames where frames have a fixed number of tokens.
        seed: Decides each epoch's order.
        shuffle: Whether lanes are dealt anew each epoch.
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
        seed: int = 0,
        shuffle: bool = True,
        epoch: Callable[[], int] = lambda: 0,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        self.pieces, self.encoding = pieces, encoding
        self.lanes = lanes
        self.window = max(window - window % encoding.frame_size, encoding.frame_size)
        self.seed, self.shuffle, self.epoch = seed, shuffle, epoch
        self.rank, self.num_ranks = rank, num_ranks
        # Transposing doesn't change lengths, so every epoch has as many windows as this one.
        self._num_windows = [self._windows_of(tokens) for tokens in pieces(self._random(0))]

    def _random(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, epoch])

    def _windows_of(self, tokens: Tokens) -> int:
        return -(-(len(tokens) - 1) // self.window)

    def _deal(self, random: np.random.Generator | None) -> list[list[int]]:
        """Which pieces stand in each lane, in order."""
        sizes = np.array(self._num_windows)
        ties = random.permutation(len(sizes)) if random is not None else np.arange(len(sizes))
        lanes: list[list[int]] = [[] for _ in range(self.lanes)]
        filled = np.zeros(self.lanes, np.int64)
        for piece in ties[np.argsort(-sizes[ties], kind="stable")]:
            lane = int(filled.argmin())
            lanes[lane].append(int(piece))
            filled[lane] += sizes[piece]
        if random is not None:
            for lane_pieces in lanes:
                random.shuffle(lane_pieces)
        return lanes

    def __len__(self) -> int:
        """Windows in an epoch, the same in every epoch."""
        sizes = np.array(self._num_windows)
        return max(int(sizes[lane].sum()) for lane in self._deal(None) if lane)

    def __iter__(self) -> Iterator[Window]:
        """One epoch of batches, this rank's lanes of them."""
        random = self._random(self.epoch() if self.shuffle else 0)
        pieces = self.pieces(random)
        dealt = self._deal(random if self.shuffle else None)[self.rank :: self.num_ranks]
        steps = len(self) * self.window
        tokens = np.full((len(dealt), steps), END, np.int64)
        targets = np.full((len(dealt), steps), IGNORED, np.int64)
        slots = np.zeros((len(dealt), steps), np.int64)
        reset = np.zeros((len(dealt), len(self)), np.bool_)
        for lane, members in enumerate(dealt):
            start = 0
            for piece in members:
                stream = pieces[piece]
                end = start + len(stream) - 1
                tokens[lane, start:end], targets[lane, start:end] = stream[:-1], stream[1:]
                slots[lane, start:end] = self.encoding.slots(stream[1:])
                reset[lane, start // self.window] = True
                start += self._num_windows[piece] * self.window
        yield from cut_windows(tokens, targets, slots, reset)


def cut_windows(tokens: Tokens, targets: Tokens, slots: Tokens, reset: npt.NDArray[np.bool_]) -> Iterator[Window]:
    """Cut lanes into windows, one after another.

    Args:
        tokens: (B, W N) inputs, for W windows.
        targets: (B, W N).
        slots: (B, W N).
        reset: (B, W) which windows begin with a fresh memory.
    """
    num_windows = reset.shape[1]
    for index, parts in enumerate(
        zip(*(np.split(lanes, num_windows, 1) for lanes in (tokens, targets, slots)), strict=True)
    ):
        inputs, following, kinds = (torch.from_numpy(part.copy()) for part in parts)
        yield Window(inputs, following, kinds, torch.from_numpy(reset[:, index].copy()))
