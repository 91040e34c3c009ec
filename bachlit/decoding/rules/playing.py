"""Order of playing: the frames before and after each frame, where repeats and jumps change them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heapreplace

import torch
from torch import Tensor

from bachlit.decoding.rules.grid import Grid

_NONE = -1


class Neighbour:
    """Frame that is heard before or after another one, per row.

    Args:
        frames: (B,) its index, `_NONE` in rows that have none.
        slots: (B,) where its pitches are kept once they are chosen, `_NONE` until then.
        same: (B,) true where it is the frame itself, over and over.
        given: (T, B, 4) given pitches.
    """

    def __init__(self, frames: Tensor, slots: Tensor, same: Tensor, given: Tensor) -> None:
        rows = torch.arange(len(frames), device=frames.device)
        self._slots, self._kept, self._same = slots.clamp(min=0), slots != _NONE, same
        absent = (frames == _NONE)[:, None]
        self._given = torch.where(absent, 0, given[frames.clamp(min=0), rows])  # (B, 4)

    def pitches(self, kept: Tensor, now: Tensor) -> Tensor:
        """Pitches (B, K, 4), from those kept (B, K, M, 4) and this frame's (B, K, 4); `FREE` where not known yet."""
        index = self._slots[:, None, None, None].expand(-1, kept.shape[1], 1, 4)
        chosen = torch.where(self._kept[:, None, None], kept.gather(2, index).squeeze(2), self._given[:, None])
        return torch.where(self._same[:, None, None], now, chosen)


@dataclass
class Junction:
    """Frame that isn't heard between the two that stand beside it in every row.

    Attributes:
        follows: (B,) whether it is heard after the frame written before it.
        precedes: (B,) whether it is heard before the frame written after it.
        before: Other frames that it is heard after.
        later: Other frames that are heard after it.
    """

    follows: Tensor
    precedes: Tensor
    before: list[Neighbour] = field(default_factory=list)
    later: list[Neighbour] = field(default_factory=list)

    def beside(self, before: Tensor, now: Tensor, later: Tensor, kept: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The frame's true neighbours before and after it, from pitches (B, K, 4), and (B, K, M, 4) kept."""
        written = (
            torch.where(self.follows[:, None, None], before, 0),
            torch.where(self.precedes[:, None, None], later, 0),
        )
        others = [[one.pitches(kept, now) for one in found] for found in (self.before, self.later)]
        return [written[0], *others[0]], [written[1], *others[1]]


class Kept:
    """Frames of each row that are needed again later, each with a slot that keeps it.

    Args:
        pairs: Per row, the frames that need each other.
        device: For the slots.

    Attributes:
        num: M, most frames of a piece that are kept at once.
        written: Slot (B,) in which each frame is kept, `_NONE` in rows that needn't.
        read: Slot (B,) of the frame that each frame needs, 0 in rows that need none; the last if several.
    """

    def __init__(self, pairs: Sequence[Sequence[tuple[int, int]]], device: torch.device) -> None:
        self.slots = [_slots(row) for row in pairs]
        self.num = 1 + max(slot for row in self.slots for slot in row.values())
        self.written = {
            frame: torch.tensor([row.get(frame, _NONE) for row in self.slots], device=device)
            for frame in {frame for row in self.slots for frame in row}
        }
        needs = [{max(pair): slots[min(pair)] for pair in row} for row, slots in zip(pairs, self.slots, strict=True)]
        self.read = {
            frame: torch.tensor([row.get(frame, 0) for row in needs], device=device)
            for frame in {frame for row in needs for frame in row}
        }

    def keep(self, kept: Tensor, frame: int, values: Tensor) -> Tensor:
        """Keep the values (B, K, N) of a completed frame, if they are needed later: (B, K, M, N)."""
        if frame not in self.written:
            return kept
        slot = torch.arange(self.num, device=kept.device) == self.written[frame][:, None]  # (B, M)
        return torch.where(slot[:, None, :, None], values[:, :, None], kept)


class Playing:
    """Frames to remember of a batch with repeats and jumps, and where they matter.

    Args:
        grid: With at least one jump.
        given: (T, B, 4) given pitches.

    Attributes:
        kept: Frames to keep.
        junctions: By frame.
    """

    def __init__(self, grid: Grid, given: Tensor) -> None:
        jumps = [[(one, other) for one, other in row if one != _NONE] for row in grid.jumps.tolist()]
        self.kept, num_rows = Kept(jumps, given.device), len(jumps)
        before: dict[int, list[list[int]]] = defaultdict(lambda: [[] for _ in range(num_rows)])
        later: dict[int, list[list[int]]] = defaultdict(lambda: [[] for _ in range(num_rows)])
        for index, row in enumerate(jumps):
            for one, other in row:
                before[other][index].append(one)
                later[one][index].append(other)
        broken = torch.nn.functional.pad(grid.interrupted, (0, 1))  # (B, T + 1)
        interrupted = grid.interrupted.any(0).nonzero().flatten().tolist()
        self.junctions: dict[int, Junction] = {}
        for frame in {*before, *later, *interrupted, *(frame - 1 for frame in interrupted)}:
            neighbours = [
                [self._neighbour(frame, column, self.kept.slots, given) for column in _columns(found[frame])]
                for found in (before, later)
            ]
            self.junctions[frame] = Junction(~broken[:, frame], ~broken[:, frame + 1], *neighbours)

    @staticmethod
    def _neighbour(frame: int, column: list[int], slots: list[dict[int, int]], given: Tensor) -> Neighbour:
        """Make a neighbour of a frame: one index per row. An earlier one was kept, a later one is known where given."""
        kept = [row[other] if 0 <= other < frame else _NONE for row, other in zip(slots, column, strict=True)]
        frames = torch.tensor(column, device=given.device)
        return Neighbour(frames, torch.tensor(kept, device=given.device), frames == frame, given)


def _slots(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Give each frame that is needed again a slot that is free until its last use.

    >>> _slots([(15, 0), (7, 16), (47, 32)])
    {0: 0, 7: 1, 32: 0}
    """
    last_use: dict[int, int] = {}
    for first, last in map(sorted, pairs):
        last_use[first] = max(last, last_use.get(first, last))
    slots: dict[int, int] = {}
    taken: list[tuple[int, int]] = []  # a heap of last uses and slots
    for frame, last in sorted(last_use.items()):
        if taken and taken[0][0] <= frame:
            _, slots[frame] = heapreplace(taken, (last, taken[0][1]))
        else:
            slots[frame] = len(taken)
            heappush(taken, (last, len(taken)))
    return slots


def _columns(found: list[list[int]]) -> Iterator[list[int]]:
    """Turn lists of different lengths, one per row, into lists of one index per row."""
    for index in range(max(map(len, found))):
        yield [row[index] if index < len(row) else _NONE for row in found]
