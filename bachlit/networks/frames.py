"""Frames: token streams cut into frames, with what is known before each frame's voices, and that as vectors."""

import math
from itertools import combinations
from typing import NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import VOICES
from bachlit.networks.dropping import Dropout
from bachlit.networks.echoes import Echoes, EchoState
from bachlit.tokens import END

LONGEST = 33
"""Frames after which all lengths of notes are one: just over two bars of 4/4."""

PICKUP_POSITIONS, BAR_POSITIONS = 32, 32
"""Positions before the first bar line, counted from 0, and after one, counted from `PICKUP_POSITIONS`."""

CYCLE = 48
"""Without bars, positions repeat after this many frames: the least length that 3/4 and 4/4 share."""

IMPOSSIBLE = -1e4
"""The logit of a token that the grammar forbids in its slot."""

# Sizes of the vectors of features.
_MARK, _POSITION, _RUN, _INTERVAL, _ECHO = 16, 32, 8, 16, 16
_WIDEST = 24


class Frames(NamedTuple):
    """F frames of B rows, and what is known before their voices.

    Attributes:
        start: (B, F) the token with which the piece started.
        before: (B, F, 4) the voices' tokens in the frame before, in the encoding's order; END before the first frame.
        run: (B, F, 4) how many frames those notes have lasted, up to `LONGEST`; 1 for rests.
        echo: (B, F, E, 4) the tokens that followed when the piece last went as it goes now; END without such an echo.
        echoed: (B, F, E) of how many frames the echo is, up to `LONGEST`; 0 without one.
        expected: (B, F) the position if no bar begins here.
        position: (B, F) the position in the bar; the expected one before the mark is known.
    """

    start: Tensor
    before: Tensor
    run: Tensor
    echo: Tensor
    echoed: Tensor
    expected: Tensor
    position: Tensor


class LastFrame(NamedTuple):
    """What must be known of the last frame to read the next; one tensor in memory.

    Attributes:
        start: (B,) the token with which the piece started; 0 before.
        position: (B,) its position in the bar; -1 before the first frame.
        chosen: (B, 3) its tokens of the voices but the last.
        run: (B, 4) how many frames the notes of the frame before it had lasted.
    """

    start: Tensor
    position: Tensor
    chosen: Tensor
    run: Tensor


# The shape of a row of each part.
_SHAPES: dict[type, list[tuple[int, ...]]] = {
    Frames: [(), (4,), (4,), (Echoes.num, 4), (Echoes.num,), (), ()],
    LastFrame: [(), (), (3,), (4,)],
}
_Known = TypeVar("_Known", Frames, LastFrame)


def pack(known: Frames | LastFrame) -> Tensor:
    """Make one tensor (B, ...) of what is known of a frame, to be gathered by row at once."""
    return torch.cat([part.reshape(len(part), -1) for part in known], 1)


def unpack(packed: Tensor, kind: type[_Known]) -> _Known:
    """Undo `pack`."""
    shapes = _SHAPES[kind]
    parts = torch.split(packed, [math.prod(shape) for shape in shapes], 1)
    return kind(*(part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)))


class FrameReader(nn.Module):
    """Cut token streams into frames.

    A stream is one token late against its frames: what a network reads at a frame's first step is the token before,
    the last voice of the frame before or the piece's start.

    Args:
        encoding: Of the tokens.
    """

    def __init__(self, encoding: SatbEncoding) -> None:
        super().__init__()
        self.size, self.has_bars = encoding.frame_size, encoding.bars
        self.echoes = Echoes(encoding)
        self.num_positions = PICKUP_POSITIONS + BAR_POSITIONS if encoding.bars else CYCLE
        self.bars = nn.Buffer(torch.from_numpy(encoding.begins_bar), persistent=False)

    def begin(self, batch_size: int) -> tuple[LastFrame, EchoState]:
        """Give what is known before the first frame."""
        zeros = torch.zeros(batch_size, 4, dtype=torch.long, device=self.bars.device)
        last = LastFrame(zeros[:, 0], zeros[:, 0] - 1, zeros[:, :3], zeros)
        return last, self.echoes.begin(batch_size)

    def read(self, groups: Tensor, last: LastFrame, past: EchoState) -> tuple[Frames, LastFrame, EchoState]:
        """Read frames from whole groups of tokens; give them, the last of them, and the state of echoes.

        Args:
            groups: (B, F, 5) the inputs of each frame: the token before it, its mark, its voices but the last.
            last: From `begin` or the last call.
            past: Likewise.
        """
        start, lowest = self._started(groups[:, 0, 0], last)
        earlier = torch.cat([last.chosen.unsqueeze(1), groups[:, :-1, 2:]], 1)  # (B, F, 3)
        lowest = torch.cat([lowest.unsqueeze(1), groups[:, 1:, 0]], 1)  # (B, F)
        before = torch.cat([earlier, lowest.unsqueeze(2)], 2)  # (B, F, 4)
        run = _since(~self.echoes.holds[before], last.run).clamp(max=LONGEST - 1) + 1
        last_position = last.position.unsqueeze(1)
        position = self._positions(groups[:, :, 1], last_position)
        expected = self.following(torch.cat([last_position, position[:, :-1]], 1))
        everywhere = start.unsqueeze(1).expand_as(expected)
        echo, echoed, past = self.echoes.read(before, past)
        echoed = echoed.clamp(max=LONGEST)
        frames = Frames(everywhere, before, run, echo, echoed, expected, position)
        return frames, LastFrame(start, position[:, -1], groups[:, -1, 2:], run[:, -1]), past

    def place(self, mark: Tensor, expected: Tensor) -> Tensor:
        """Find a frame's position (B,) from its mark (B,) and its position without a bar line."""
        return torch.where(self.bars[mark], PICKUP_POSITIONS, expected) if self.has_bars else expected

    def _started(self, token: Tensor, last: LastFrame) -> tuple[Tensor, Tensor]:
        """(B,) the piece's start, and the last voice's token; a frame stands first after the one, then after others."""
        first = last.start == 0
        return torch.where(first, token, last.start), token.masked_fill(first, END)

    def following(self, position: Tensor) -> Tensor:
        """Give the positions that follow positions if no bar begins there; the last ones there are go on for ever."""
        if not self.has_bars:
            return (position + 1) % CYCLE
        return torch.minimum(position + 1, self._highest(position))

    def _highest(self, position: Tensor) -> Tensor:
        return torch.where(position < PICKUP_POSITIONS, PICKUP_POSITIONS - 1, PICKUP_POSITIONS + BAR_POSITIONS - 1)

    def _positions(self, mark: Tensor, last: Tensor) -> Tensor:
        """(B, F) the positions of frames with these marks, after the last position (B, 1)."""
        count = torch.arange(mark.shape[1], device=mark.device)
        unbarred = last + 1 + count
        if not self.has_bars:
            return unbarred % CYCLE
        bar = torch.where(self.bars[mark], count, -1).cummax(1).values  # (B, F) where the last bar began
        in_bar = (PICKUP_POSITIONS + count - bar).clamp(max=self.num_positions - 1)
        return torch.where(bar >= 0, in_bar, torch.minimum(unbarred, self._highest(last)))


def _since(events: Tensor, before: Tensor) -> Tensor:
    """(B, F, C) frames since the last event, counting on from `before` (B, C) where there was none yet."""
    count = torch.arange(events.shape[1], device=events.device).view(1, -1, 1)
    index = torch.where(events, count, -1).cummax(1).values
    return torch.where(index >= 0, count - index, before.unsqueeze(1) + count)


class Features(nn.Module):
    """Embed the frame before, its intervals and durations, an echo, the key, the mark and the position.

    Voices share one table of tokens, since a note is the same note in any of them.

    Args:
        encoding: Of the tokens.
        reader: Cuts them into frames.
        embedding: Size of a token's vector.
        dropout: Share of the features that are dropped in training, all but the mark and the position.

    Attributes:
        size: I, of a frame's vector.
    """

    def __init__(self, encoding: SatbEncoding, reader: FrameReader, embedding: int, dropout: float) -> None:
        super().__init__()
        size, num = encoding.vocabulary_size, len(VOICES)
        self.pitch = nn.Buffer(torch.from_numpy(encoding.token_pitch), persistent=False)
        self.pairs = nn.Buffer(torch.tensor(list(combinations(range(num), 2))), persistent=False)
        self.token = nn.Embedding(size, embedding)
        self.start = nn.Embedding(size, embedding)
        self.run = nn.ModuleList(nn.Embedding(LONGEST + 1, _RUN) for _ in range(num))
        self.interval = nn.ModuleList(nn.Embedding(2 * _WIDEST + 2, _INTERVAL) for _ in range(len(self.pairs)))
        self.echoed = nn.ModuleList(nn.Embedding(LONGEST + 1, _ECHO) for _ in range(reader.echoes.num))
        self.mark = nn.Embedding(size, _MARK)
        self.position = nn.Embedding(reader.num_positions, _POSITION)
        self.size = sum(table.embedding_dim for table in self.tables())
        self.dropout = Dropout(dropout, whole=True)
        nn.init.normal_(self.token.weight, 0.0, 0.5)

    def tables(self) -> list[nn.Embedding]:
        """List the tables of which a frame's vector consists, in order."""
        voices = [self.token] * len(VOICES)
        echoes = voices * len(self.echoed)
        tables = [*voices, self.start, *self.run, *self.interval, *echoes, *self.echoed, self.mark, self.position]
        return cast(list[nn.Embedding], tables)

    def known_rows(self, frames: Frames) -> Tensor:
        """Look up the rows (..., R - 2) known before the mark, with a dimension for frames or without."""
        pitch = self.pitch[frames.before]  # (..., 4)
        intervals = interval_row(pitch[..., self.pairs[:, 0]], pitch[..., self.pairs[:, 1]])
        start, echo = frames.start.unsqueeze(-1), frames.echo.flatten(-2)
        return torch.cat([frames.before, start, frames.run, intervals, echo, frames.echoed], -1)

    def forward(self, frames: Frames, mark: Tensor) -> Tensor:
        """Embed frames with their marks (B, F): (B, F, I)."""
        rows = [*self.known_rows(frames).unbind(2), mark, frames.position]
        parts = [table(row) for table, row in zip(self.tables(), rows, strict=True)]
        return torch.cat([*map(self.dropout, parts[:-2]), *parts[-2:]], 2)

    def unmarked(self, features: Tensor, frames: Frames) -> Tensor:
        """Replace the mark and the position of features (B, F, I) by what is known before the mark."""
        place = [self.mark(torch.full_like(frames.expected, END)), self.position(frames.expected)]
        return torch.cat([features[:, :, : -(_MARK + _POSITION)], *place], 2)


def interval_row(upper: Tensor, lower: Tensor) -> Tensor:
    """Give the row in a table of intervals: semitones, at most two octaves either way; the last for a rest.

    >>> interval_row(torch.tensor([67, 48, 0]), torch.tensor([60, 90, 48])).tolist()
    [31, 0, 49]
    """
    semitones = (upper - lower).clamp(-_WIDEST, _WIDEST) + _WIDEST
    return torch.where((upper > 0) & (lower > 0), semitones, 2 * _WIDEST + 1)
