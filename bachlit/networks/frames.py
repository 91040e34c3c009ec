"""Frames: token streams cut into frames, with what is known of each when its voices are predicted."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bachlit.encoding import SatbEncoding
from bachlit.tokens import END

LONGEST = 33
"""Frames after which a note's length is no longer told apart: just over two bars of 4/4."""

IMPOSSIBLE = -1e4
"""The logit of a token that the grammar forbids in its slot."""

BAR_POSITIONS, PICKUP_POSITIONS = 32, 32
CYCLE = 48
"""Without bars, frames are counted round and round: by the least length that 3/4 and 4/4 share."""


class Frames(NamedTuple):
    """F frames of B rows, and what is known before their voices.

    Attributes:
        before: (B, F, 4) the voices' tokens in the frame before, in the encoding's order; END before the first frame.
        run: (B, F, 4) how many frames those notes have lasted, up to `LONGEST`.
        expected: (B, F) the position in the bar if no bar begins here.
        position: (B, F) the position in the bar.
        mark: (B, F) the frame's mark.
        chosen: (B, F, 3) the frame's own tokens of the voices but the last.
        start: (B, F) the token with which the piece started.
    """

    before: Tensor
    run: Tensor
    expected: Tensor
    position: Tensor
    mark: Tensor
    chosen: Tensor
    start: Tensor


class FrameReader(nn.Module):
    """Cuts token streams into frames.

    A stream is one token late against its frames: what a network reads at a frame's first step is the token before,
    the last voice of the frame before or the piece's start.

    Args:
        encoding: Of the tokens.
    """

    holds: Tensor
    bars: Tensor

    def __init__(self, encoding: SatbEncoding) -> None:
        super().__init__()
        self.size = encoding.frame_size
        self.has_bars = encoding.bars
        self.num_positions = BAR_POSITIONS + PICKUP_POSITIONS if encoding.bars else CYCLE
        self.register_buffer("holds", torch.from_numpy(encoding.token_holds), persistent=False)
        self.register_buffer("bars", torch.from_numpy(encoding.begins_bar), persistent=False)

    def begin(self, batch_size: int) -> Tensor:
        """(B, 10) what must be known of the frames read so far, before the first."""
        return torch.zeros(batch_size, 10, dtype=torch.long, device=self.holds.device)

    def read(self, groups: Tensor, last: Tensor) -> tuple[Frames, Tensor]:
        """The frames of whole groups of tokens.

        Args:
            groups: (B, F, 5) the inputs of each frame: the token before it, its mark, its voices but the last.
            last: (B, 10) what `begin` or the last call left.
        """
        num = groups.shape[1]
        first = last[:, 0] == 0  # nothing was read yet
        start = torch.where(first, groups[:, 0, 0], last[:, 1])
        earlier = torch.cat([last[:, 3:6].unsqueeze(1), groups[:, :-1, 2:]], 1)  # (B, F, 3)
        before = torch.cat([earlier, groups[:, :, :1]], 2)  # (B, F, 4)
        begins = torch.zeros_like(groups[:, :, 0], dtype=torch.bool)
        begins[:, 0] = first
        before = before.masked_fill(begins.unsqueeze(2), END)
        run = _since(~self.holds[before], last[:, 6:10]).clamp(max=LONGEST - 1) + 1
        mark = groups[:, :, 1]
        position, expected = self._positions(mark, last[:, 2], first)
        frames = Frames(before, run, expected, position, mark, groups[:, :, 2:], start.unsqueeze(1).expand(-1, num))
        read = torch.ones_like(start).unsqueeze(1)
        after = torch.cat([read, start.unsqueeze(1), position[:, -1:], groups[:, -1, 2:], run[:, -1]], 1)
        return frames, after

    def _positions(self, mark: Tensor, last: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F) each: the position of each frame, and what it would be without a bar line."""
        count = torch.arange(mark.shape[1], device=mark.device)
        if not self.has_bars:
            following = torch.where(first, 0, last + 1)
            position = (following.unsqueeze(1) + count) % CYCLE
            return position, position
        # A pickup's frames are counted from BAR_POSITIONS on, since nobody knows yet how many there will be.
        following = torch.where(first, BAR_POSITIONS, last + 1).unsqueeze(1) + count
        in_pickup = following[:, :1] >= BAR_POSITIONS
        bars = self.bars[mark]
        index = torch.where(bars, count, -1).cummax(1).values  # (B, F) the last bar line so far
        in_bar = torch.where(index >= 0, count - index, following)
        most = torch.where(in_pickup & (index < 0), BAR_POSITIONS + PICKUP_POSITIONS, BAR_POSITIONS) - 1
        position = torch.minimum(in_bar, most)
        earlier = torch.cat([following[:, :1] - 1, position[:, :-1]], 1)
        return position, torch.where(earlier < 0, 0, earlier + 1).clamp(max=self.num_positions - 1)


def _since(events: Tensor, before: Tensor) -> Tensor:
    """(B, F, C) frames since the last event, counting from `before` (B, C) where there was none yet."""
    count = torch.arange(events.shape[1], device=events.device).view(1, -1, 1)
    index = torch.where(events, count, -1).cummax(1).values
    return torch.where(index >= 0, count - index, before.unsqueeze(1) + count)
