"""Windows for truncated back-propagation through time: lanes of pieces, cut into batches."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import ceil
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


class Lesson(NamedTuple):
    """One piece with soft targets, M steps.

    Attributes:
        tokens: (M + 1,) from its start to END.
        ids: (M, C) the tokens that teachers expect at each step.
        shares: (M, C) their probabilities, which add up to 1.
    """

    tokens: Tokens
    ids: npt.NDArray[np.integer]
    shares: npt.NDArray[np.floating]


class SoftTargets(NamedTuple):
    """Soft targets of each step of a window: what teachers expect.

    Attributes:
        ids: (B, N, C) tokens.
        shares: (B, N, C) their probabilities, which add up to 1; 0 where a lane is padded.
    """

    ids: Tensor
    shares: Tensor


class Window(NamedTuple):
    """One batch: B lanes, N steps.

    Attributes:
        tokens: (B, N) inputs; END where a lane is padded.
        targets: (B, N) the tokens that follow; -100 where a lane is padded.
        slots: (B, N) each target's index into the encoding's `slot_names`.
        reset: (B,) true where memory starts afresh: at the start of a passage, which is a piece or a stream.
        soft: Soft targets, of lessons.
    """

    tokens: Tensor
    targets: Tensor
    slots: Tensor
    reset: Tensor
    soft: SoftTargets | None = None

    def twice(self) -> "Window":
        """Put each lane into the batch twice."""
        tokens, targets, slots, reset = (torch.cat([part, part]) for part in self[:4])
        if self.soft is None:
            return Window(tokens, targets, slots, reset)
        ids, shares = (torch.cat([part, part]) for part in self.soft)
        return Window(tokens, targets, slots, reset, SoftTargets(ids, shares))


class Span(NamedTuple):
    """Consecutive steps of one piece.

    Attributes:
        piece: Its index.
        start: The first step.
        stop: The step after the last.
    """

    piece: int
    start: int
    stop: int

    @property
    def num_steps(self) -> int:
        """Its length in steps."""
        return self.stop - self.start


Passage = list[Span]
"""Spans read one after another with carried memory; it begins with a fresh one."""

Layout = Callable[[Sequence[int], int, np.random.Generator | None], list[list[Passage]]]
"""Fill lanes: from the pieces' lengths in steps, the number of lanes and a generator to shuffle by, to each lane's
passages."""


def deal_pieces(
    sizes: Sequence[int], lanes: int, random: np.random.Generator | None, *, window: int
) -> list[list[Passage]]:
    """Deal pieces to lanes, longest first to the lane with the fewest windows; each piece is a passage.

    Args:
        sizes: Each piece's length in steps.
        lanes: How many.
        random: Shuffles equally long pieces, and the order within each lane; None keeps the order.
        window: Steps of a window.
    """
    windows = np.array([ceil(size / window) for size in sizes])
    ties = np.arange(len(sizes)) if random is None else random.permutation(len(sizes))
    dealt: list[list[Passage]] = [[] for _ in range(lanes)]
    filled = np.zeros(lanes, np.int64)
    for piece in ties[np.argsort(-windows[ties], kind="stable")]:
        lane = int(filled.argmin())
        dealt[lane].append([Span(int(piece), 0, sizes[piece])])
        filled[lane] += windows[piece]
    if random is not None:
        for passages in dealt:
            random.shuffle(passages)
    return dealt


_PADDING = np.array([END, IGNORED, 0])
"""(3,) the token, target and slot of a step of padding."""


class _Steps(NamedTuple):
    """M steps of a lane.

    Attributes:
        steps: (M, 3) inputs, targets and slots.
        ids: (M, C) as in `Lesson`.
        shares: (M, C) likewise.
    """

    steps: npt.NDArray[np.int64]
    ids: npt.NDArray[np.integer]
    shares: npt.NDArray[np.floating]

    def cut(self, first: int, stop: int) -> "_Steps":
        """Cut out steps."""
        return _Steps(self.steps[first:stop], self.ids[first:stop], self.shares[first:stop])


class WindowLoader:
    """Stream ready batches: windows of passages one after another, lanes side by side.

    Shorter lanes are filled with padding, so that all lanes, and so all ranks, have equally many windows. Everything
    follows from the seed and the epoch. A lane holds no more than the passage that it is in. A checkpoint keeps how
    many windows were given, so that a fit resumes within an epoch.

    Args:
        pieces: Gives an epoch's pieces as tokens (START to END) or lessons, from a generator that may transpose them;
            one that encodes a piece when it is asked for keeps memory small. Lengths never change.
        encoding: Names the targets' slots.
        lanes: B over all ranks.
        window: N, cut down to whole frames where frames have a fixed number of tokens.
        layout: Fills the lanes; deals whole pieces if None.
        seed: Decides each epoch's order and transpositions.
        shuffle: Whether they change from epoch to epoch.
        epoch: Gives the number of the epoch that begins.
        rank: Which of `num_ranks` this process is; it gets every `num_ranks`th lane.
        num_ranks: Processes that share the lanes.
    """

    def __init__(
        self,
        pieces: Callable[[np.random.Generator], Sequence[Tokens | Lesson]],
        encoding: Encoding,
        *,
        lanes: int,
        window: int,
        layout: Layout | None = None,
        seed: int = 0,
        shuffle: bool = True,
        epoch: Callable[[], int] = lambda: 0,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        self.pieces, self.encoding = pieces, encoding
        self.lanes, self.window = lanes, max(window - window % encoding.frame_size, encoding.frame_size)
        self.layout = layout or partial(deal_pieces, window=self.window)
        self.seed, self.shuffle, self.epoch = seed, shuffle, epoch
        self.rank, self.num_ranks = rank, num_ranks
        first = pieces(self._random(0))
        self._sizes = [len(piece.tokens if isinstance(piece, Lesson) else piece) - 1 for piece in first]
        self._num_expected = first[0].ids.shape[1] if len(first) and isinstance(first[0], Lesson) else 0  # C
        dealt = self.layout(self._sizes, lanes, None)  # shuffled, lanes have as many windows
        self._num_windows = max(sum(map(self._windows_of, passages)) for passages in dealt)
        self._begun = (0, 0)  # the epoch begun last, and its windows given so far
        self._resumed: tuple[int, int] | None = None

    def _random(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, epoch if self.shuffle else 0])

    def _windows_of(self, passage: Passage) -> int:
        return ceil(sum(span.num_steps for span in passage) / self.window)

    def __len__(self) -> int:
        """Windows in an epoch, the same in every epoch and on every rank."""
        return self._num_windows

    def __iter__(self) -> Iterator[Window]:
        """One epoch of batches, this rank's lanes of them; of the resumed epoch, the rest."""
        epoch = self.epoch()
        resumed, self._resumed = self._resumed, None
        first = resumed[1] if resumed and resumed[0] == epoch else 0
        random = self._random(epoch)
        pieces = self.pieces(random)
        dealt = self.layout(self._sizes, self.lanes, random if self.shuffle else None)
        lanes = [self._lane(passages, pieces, first) for passages in dealt[self.rank :: self.num_ranks]]
        for index in range(first, len(self)):
            rows = [next(lane, (self._padding(self.window), False)) for lane in lanes]
            self._begun = (epoch, index + 1)
            steps, ids, shares = (
                torch.from_numpy(np.stack(part)) for part in zip(*(row for row, _ in rows), strict=True)
            )
            tokens, targets, slots = steps.unbind(2)  # (B, N) each
            reset = torch.tensor([begins for _, begins in rows])
            yield Window(tokens, targets, slots, reset, SoftTargets(ids, shares) if self._num_expected else None)

    def _lane(
        self, passages: list[Passage], pieces: Sequence[Tokens | Lesson], first: int
    ) -> Iterator[tuple[_Steps, bool]]:
        """One lane's windows from the window `first` on, and whether each begins a passage."""
        for passage in passages:
            num = self._windows_of(passage)
            if first < num:
                steps = self._steps(passage, pieces)
                for index in range(first, num):
                    yield steps.cut(index * self.window, (index + 1) * self.window), index == 0
            first = max(0, first - num)

    def _steps(self, passage: Passage, pieces: Sequence[Tokens | Lesson]) -> _Steps:
        """A passage's spans, the last window filled up."""
        parts = []
        for span in passage:
            piece = pieces[span.piece]
            tokens = piece.tokens if isinstance(piece, Lesson) else piece
            steps = np.stack([tokens[:-1], tokens[1:], self.encoding.slots(tokens[1:])], 1).astype(np.int64)
            _, ids, shares = piece if isinstance(piece, Lesson) else self._padding(len(steps))
            parts.append(_Steps(steps, ids, shares).cut(span.start, span.stop))
        parts.append(self._padding(-sum(span.num_steps for span in passage) % self.window))
        return _Steps(
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.shares for part in parts]),
        )

    def _padding(self, num: int) -> _Steps:
        return _Steps(
            np.tile(_PADDING, (num, 1)),
            np.zeros((num, self._num_expected), np.int64),
            np.zeros((num, self._num_expected), np.float32),
        )

    def state_dict(self) -> dict[str, Any]:
        """How far the epoch has come."""
        epoch, done = self._begun
        return {"epoch": epoch, "windows": done, "of": len(self), "lanes": self.lanes, "window": self.window}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume there.

        Raises:
            CheckpointError: If lanes or windows differ, or there are fewer windows.
        """
        mine = {**self.state_dict(), "epoch": state["epoch"], "windows": state["windows"]}
        if state != mine or not 0 <= state["windows"] <= len(self):
            raise CheckpointError(
                f"The checkpoint was written after {state['windows']} of {state['of']} windows of {state['window']} "
                f"steps in {state['lanes']} lanes; here are {mine['of']} of {mine['window']} in {mine['lanes']}. "
                "Resume it with the data and options that it was begun with."
            )
        self._resumed = (state["epoch"], state["windows"])
