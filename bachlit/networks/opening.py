"""Opening: what is known of a frame before its mark, for steppers whose rows are all at the same frame."""

from typing import NamedTuple

import torch
from torch import Tensor

from bachlit.music.chorale import VOICES
from bachlit.networks.frames import LONGEST, Features, FrameReader, interval_row
from bachlit.tokens import END

_NUM = len(VOICES)


class Opened(NamedTuple):
    """What is known of a frame of B rows.

    Attributes:
        known: (B, C) the piece's start, the position if no bar begins, runs and tokens of the frame before, and echoes'
            tokens voice by voice, as numbers of a slot's outputs.
        lengths: (B, E) of the echoes.
        rows: (B, R) rows of the tables of features.
    """

    known: Tensor
    lengths: Tensor
    rows: Tensor


class Opening:
    """Open frames: what `FrameReader.read` tells of many frames, for one after another.

    A stepper's rows have read equally many frames, so that tables of the past are no longer than need be; and what
    depends on tokens alone is looked up.

    Args:
        reader: Of the network.
        features: Likewise.
        columns: (4, V) the output of each voice's slot that stands for a token; one beyond them for none.

    Attributes:
        EXPECTED: The column of what is known with the position if no bar begins.
        BEFORE: The first column with tokens of the frame before.
        ECHO: The first one with echoes.
    """

    EXPECTED, RUN, BEFORE, ECHO = 1, 2, 2 + _NUM, 2 + 2 * _NUM

    def __init__(self, reader: FrameReader, features: Features, columns: Tensor) -> None:
        echoes = reader.echoes
        self._echoes, self.num_echoes = echoes, echoes.num
        size, device = len(echoes.pitch), echoes.pitch.device
        places = torch.arange(-1, reader.num_positions, device=device)
        self._following = reader.following(places)  # by position + 1
        pitch = features.pitch
        self._intervals = interval_row(pitch.unsqueeze(1), pitch).flatten()  # of two tokens
        self._first, self._second = features.pairs.unbind(1)
        self._size = size
        self._columns, self._offsets = columns.flatten(), torch.arange(_NUM, device=device) * size

    def begin(self) -> tuple[Tensor, Tensor]:
        """Make what was known (1, C) and the past (1, C, 0) before the first frame."""
        known = torch.zeros(1, self.ECHO + _NUM * self.num_echoes, dtype=torch.long, device=self._offsets.device)
        return known, self._echoes.untraced(1)

    def enter(
        self, token: Tensor, chosen: Tensor, last: Tensor, position: Tensor, past: Tensor
    ) -> tuple[Opened, Tensor]:
        """Open a frame after the token before it.

        Args:
            token: (B,) the last voice's of the frame before, or the piece's start.
            chosen: (B, 3) the other voices' tokens in the frame before.
            last: (B, C) what was known of it.
            position: (B,) its own.
            past: (B, ..., F) the past before it.

        Returns:
            What is known, and the past.
        """
        if past.shape[2] == 0:
            start = token.unsqueeze(1)
            before = torch.full((len(token), _NUM), END, device=token.device)
        else:
            start = last[:, :1]
            before = torch.cat([chosen, token.unsqueeze(1)], 1)
        run = torch.where(self._echoes.holds[before], last[:, self.RUN : self.BEFORE].clamp(max=LONGEST - 1) + 1, 1)
        expected = self._following[position + 1].unsqueeze(1)
        echo, lengths, past = self._echoes.trace(before, past)
        lengths = lengths.clamp(max=LONGEST)
        column = self._columns[echo + self._offsets]  # (B, E, 4)
        known = torch.cat([start, expected, run, before, column.transpose(1, 2).flatten(1)], 1)
        pairs = before[:, self._first] * self._size + before[:, self._second]
        rows = torch.cat([before, start, run, self._intervals[pairs], echo.flatten(1), lengths], 1)
        return Opened(known, lengths, rows), past
