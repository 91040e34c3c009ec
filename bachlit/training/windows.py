"""Windows for truncated back-propagation through time: pieces dealt to lanes, lanes cut into batches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bachlit.encoding import Encoding, Tokens
from bachlit.errors import CheckpointError
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


class Row(NamedTuple):
    """One lane's part of a window.

    Attributes:
        steps: (3, N) tokens, targets and slots.
        reset: Whether it begins with a fresh memory.
    """

    steps: npt.NDArray[np.int64]
    reset: bool


class BatchLoader(ABC):
    """Streams ready batches, and tells a checkpoint how far an epoch has come, so that a fit can go on within it.

    A lane holds no more than the piece that it is in.

    Args:
        lanes: B over all ranks.
        window: N.
        epoch: Tells the number of the epoch that begins.
        rank: Which of `num_ranks` this process is; it gets every `num_ranks`th lane.
        num_ranks: Processes that share the lanes.
    """

    def __init__(self, *, lanes: int, window: int, epoch: Callable[[], int], rank: int, num_ranks: int) -> None:
        self.lanes, self.window, self.epoch = lanes, window, epoch
        self.rank, self.num_ranks = rank, num_ranks
        self._begun = (0, 0)  # the epoch that was begun last, and how many of its windows were given
        self._resumed: tuple[int, int] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Windows in an epoch, the same in every epoch and on every rank."""

    @abstractmethod
    def rows(self, epoch: int, first: int) -> list[Iterator[Row]]:
        """This rank's lanes in an epoch, from a window on; a lane may end before the others."""

    def __iter__(self) -> Iterator[Window]:
        """One epoch of batches, this rank's lanes of them; of the epoch that was resumed, what is left."""
        epoch = self.epoch()
        resumed, self._resumed = self._resumed, None
        first = resumed[1] if resumed and resumed[0] == epoch else 0
        lanes = self.rows(epoch, first)
        padding = np.tile(np.array(_PADDING)[:, None], self.window)
        for index in range(first, len(self)):
            rows = [next(lane, Row(padding, False)) for lane in lanes]
            self._begun = (epoch, index + 1)
            tokens, targets, slots = torch.from_numpy(np.stack([row.steps for row in rows], 1))  # (B, N) each
            yield Window(tokens, targets, slots, torch.tensor([row.reset for row in rows]))

    def state_dict(self) -> dict[str, Any]:
        """How far it has come."""
        epoch, done = self._begun
        return {"epoch": epoch, "windows": done, "of": len(self), "lanes": self.lanes, "window": self.window}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            CheckpointError: If lanes or windows were others.
        """
        if not 0 <= state["windows"] <= len(self):
            raise CheckpointError(
                f"The checkpoint was written after {state['windows']} of {len(self)} windows; expected a file as "
                "`bachlit fit` wrote it."
            )
        mine = {**self.state_dict(), "epoch": state["epoch"], "windows": state["windows"]}
        if state != mine:
            raise CheckpointError(
                f"The checkpoint was written within an epoch of {state['of']} windows of {state['window']} steps in "
                f"{state['lanes']} lanes; here are {mine['of']} of {mine['window']} in {mine['lanes']}. Resume it with "
                "the data and options that it was begun with."
            )
        self._resumed = (state["epoch"], state["windows"])


_PADDING = (END, IGNORED, 0)
"""A step that isn't there: its token, target and slot."""


def steps_of(tokens: Tokens, encoding: Encoding) -> npt.NDArray[np.int64]:
    """(3, M) the inputs, targets and slots of a piece's tokens."""
    return np.stack([tokens[:-1], tokens[1:], encoding.slots(tokens[1:])]).astype(np.int64)


def cut_windows(chunks: Iterable[npt.NDArray[np.int64]], size: int) -> Iterator[npt.NDArray[np.int64]]:
    """Cut chunks (3, M), joined one after another, into windows (3, N); the last one is padded.

    >>> steps = np.arange(15).reshape(3, 5)
    >>> [window[0].tolist() for window in cut_windows([steps[:, :1], steps[:, 1:]], 3)]
    [[0, 1, 2], [3, 4, 0]]
    """
    left = np.empty((3, 0), np.int64)
    for chunk in chunks:
        joined = np.concatenate([left, chunk], 1) if left.shape[1] else chunk
        whole = joined.shape[1] - joined.shape[1] % size
        for start in range(0, whole, size):
            yield joined[:, start : start + size]
        left = joined[:, whole:]
    if left.shape[1]:
        padding = np.tile(np.array(_PADDING)[:, None], size - left.shape[1])
        yield np.concatenate([left, padding], 1)


class WindowLoader(BatchLoader):
    """Streams ready batches: every piece in windows one after another, side by side in lanes.

    Pieces go, longest first, to the lane with the fewest windows, and then stand in random order within it. Shorter
    lanes are filled with padding, so that all lanes, and so all ranks, have equally many windows. Everything follows
    from the seed and the epoch.

    Args:
        pieces: Gives an epoch's pieces as tokens (START to END), from a generator that may transpose them; one that
            encodes a piece when it is asked for keeps memory small.
        encoding: Names the targets' slots.
        lanes: See `BatchLoader`.
        window: N, cut down to whole frames where frames have a fixed number of tokens.
        seed: Decides each epoch's order.
        shuffle: Whether lanes are dealt anew each epoch.
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
        seed: int = 0,
        shuffle: bool = True,
        epoch: Callable[[], int] = lambda: 0,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        window = max(window - window % encoding.frame_size, encoding.frame_size)
        super().__init__(lanes=lanes, window=window, epoch=epoch, rank=rank, num_ranks=num_ranks)
        self.pieces, self.encoding = pieces, encoding
        self.seed, self.shuffle = seed, shuffle
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
        """See `BatchLoader`."""
        sizes = np.array(self._num_windows)
        return max(int(sizes[lane].sum()) for lane in self._deal(None) if lane)

    def rows(self, epoch: int, first: int) -> list[Iterator[Row]]:
        """See `BatchLoader`."""
        random = self._random(epoch if self.shuffle else 0)
        pieces = self.pieces(random)
        dealt = self._deal(random if self.shuffle else None)[self.rank :: self.num_ranks]
        return [self._lane(members, pieces, first) for members in dealt]

    def _lane(self, members: Sequence[int], pieces: Sequence[Tokens], first: int) -> Iterator[Row]:
        """A lane's rows from a window on."""
        for piece in members:
            if first < self._num_windows[piece]:
                steps = steps_of(pieces[piece], self.encoding)[:, first * self.window :]
                for index, window in enumerate(cut_windows([steps], self.window)):
                    yield Row(window, first + index == 0)
            first = max(0, first - self._num_windows[piece])
