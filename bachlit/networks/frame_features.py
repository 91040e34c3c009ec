"""Features of frames, as vectors."""

from itertools import combinations
from typing import cast

import torch
from torch import Tensor, nn

from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import VOICES
from bachlit.networks.dropping import Dropout
from bachlit.networks.frames import LONGEST, FrameReader, Frames
from bachlit.tokens import END

_MARK, _POSITION, _RUN, _INTERVAL, _ECHO = 16, 32, 8, 16, 16
_WIDEST = 24


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

    pitch: Tensor
    pairs: Tensor

    def __init__(self, encoding: SatbEncoding, reader: FrameReader, embedding: int, dropout: float) -> None:
        super().__init__()
        size, num = encoding.vocabulary_size, len(VOICES)
        self.register_buffer("pitch", torch.from_numpy(encoding.token_pitch), persistent=False)
        self.register_buffer("pairs", torch.tensor(list(combinations(range(num), 2))), persistent=False)
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
        intervals = _interval(pitch[..., self.pairs[:, 0]], pitch[..., self.pairs[:, 1]])
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


def _interval(upper: Tensor, lower: Tensor) -> Tensor:
    """Give the row in a table of intervals: semitones, at most two octaves either way; the last for a rest.

    >>> _interval(torch.tensor([67, 48, 0]), torch.tensor([60, 90, 48])).tolist()
    [31, 0, 49]
    """
    semitones = (upper - lower).clamp(-_WIDEST, _WIDEST) + _WIDEST
    return torch.where((upper > 0) & (lower > 0), semitones, 2 * _WIDEST + 1)
