"""Echoes: earlier passages of a piece that match its last frames, and what followed them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import VOICES
from bachlit.tokens import END

CAPACITY = 1024
"""Frames of a piece that are remembered; later ones find no echo."""

_AT_ONCE = 64
"""Frames that are read together; the more, the more places each is compared with."""


class EchoState(NamedTuple):
    """What `Echoes` remembers of a piece.

    Attributes:
        past: (B, CAPACITY, 4) the tokens of past frames.
        compared: (B, CAPACITY, E) what is compared of them.
        lengths: (B, CAPACITY, E) how many frames up to each equal those up to now.
        num_read: (B,) how many frames were read.
    """

    past: Tensor
    compared: Tensor
    lengths: Tensor
    num_read: Tensor


class Echoes(nn.Module):
    """Find the longest earlier run of frames that equals the last ones, and what followed it.

    Searches twice: for frames in which all voices have the same pitches, and for those in which the soprano has. In
    published chorales one frame of ten belongs to a phrase that is sung again and written out, one of four to a melody
    that is; and an LSTM can't quote. This is the pointer of copying networks (Vinyals et al., *Pointer networks*,
    2015), found by matching as in prediction by partial matching (Cleary and Witten 1984) instead of being learned. Of
    equally long runs the latest counts.

    Args:
        encoding: Of the tokens.

    Attributes:
        num: E, 2.
    """

    num = 2

    def __init__(self, encoding: SatbEncoding) -> None:
        super().__init__()
        self.pitch = nn.Buffer(torch.from_numpy(encoding.token_pitch).int(), persistent=False)
        self.holds = nn.Buffer(torch.from_numpy(encoding.token_holds), persistent=False)
        # What is compared are numbers whose digits are pitches, which are below 128.
        all_voices = [128**voice for voice in range(len(VOICES))]
        soprano = [int(voice == "soprano") for voice in encoding.order]
        digits = torch.tensor([all_voices, soprano], dtype=torch.int32).t()  # (4, E)
        self.digits = nn.Buffer(digits.contiguous(), persistent=False)

    def begin(self, batch_size: int) -> EchoState:
        """Make the state of a piece of which nothing was read."""
        device = self.pitch.device
        return EchoState(
            torch.zeros(batch_size, CAPACITY, len(VOICES), dtype=torch.int16, device=device),
            torch.full((batch_size, CAPACITY, self.num), -1, dtype=torch.int32, device=device),
            torch.zeros(batch_size, CAPACITY, self.num, dtype=torch.int16, device=device),
            torch.zeros(batch_size, dtype=torch.long, device=device),
        )

    def read(self, before: Tensor, state: EchoState) -> tuple[Tensor, Tensor, EchoState]:
        """Find what followed the longest earlier run that equals the last frames, for each of F frames.

        Args:
            before: (B, F, 4) the tokens of the frame before each frame; of none, at the start.
            state: What `begin` or the last call left.

        Returns:
            (B, F, E, 4) the tokens that followed, END where there is no echo, and with an onset for a hold of what
            doesn't sound now; (B, F, E) of how many frames the echo is, 0 where there is none; the state.
        """
        echoes, lengths = [], []
        for frames in torch.split(before, _AT_ONCE, 1):
            echo, length, state = self._read(frames, state)
            echoes.append(echo)
            lengths.append(length)
        return torch.cat(echoes, 1), torch.cat(lengths, 1), state

    def _read(self, before: Tensor, state: EchoState) -> tuple[Tensor, Tensor, EchoState]:
        """Follow echoes along diagonals: a run that goes on keeps its distance from the present.

        Frame t is compared with past frame `d + t - (F - 1)` of diagonal d.
        """
        num, device = before.shape[1], before.device
        used = min(CAPACITY, int(state.num_read.max()) + num)  # what is behind it is empty
        index = state.num_read.unsqueeze(1) - 1 + torch.arange(num, device=device)  # (B, F) of each frame
        known = (index >= 0) & (index < CAPACITY)
        index = torch.where(known, index, CAPACITY)
        now = (self.pitch[before].unsqueeze(3) * self.digits).sum(2, dtype=torch.int32)  # (B, F, E)
        past, compared = _put_all(state.past, index, before), _put_all(state.compared, index, now)
        # Frames in front of the first equal none; nor do those that aren't known.
        others = nn.functional.pad(
            compared[:, :used].transpose(1, 2), (num - 1, num - 1), value=-2
        )  # (B, E, D + F - 1)
        now = now.masked_fill(~known.unsqueeze(2), -3)
        width = others.shape[2] - num + 1
        diagonals = torch.arange(width, device=device, dtype=torch.int32)
        # The longest run's key is the highest, of equally long ones the latest's. No run reaches the present frame.
        longer = (diagonals < (state.num_read + num - 2).unsqueeze(1)).int().mul_(width).unsqueeze(1)  # (B, 1, D)
        runs = nn.functional.pad(state.lengths.transpose(1, 2), (num, 0))[:, :, :width].int()  # (B, E, D)
        keys = runs * width + diagonals
        best = []
        for frame, this in enumerate(now.unbind(1)):
            same = others[:, :, frame : frame + width] == this.unsqueeze(2)
            keys = torch.where(same, keys + longer, diagonals)
            best.append(keys.amax(2))
        found = torch.stack(best, 1)  # (B, F, E)
        length = (found // width).long()
        offsets = torch.arange(2 - num, 2, device=device).unsqueeze(1)  # from a diagonal to what followed
        following = (found % width + offsets).clamp(0, CAPACITY - 1).flatten(1)  # (B, F E)
        echo = past.gather(1, following.unsqueeze(2).expand(-1, -1, past.shape[2])).long()  # (B, F E, 4)
        echo = echo.view(*length.shape, -1).masked_fill(length.unsqueeze(3) == 0, END)
        runs = (keys[:, :, :used] // width).to(state.lengths.dtype).transpose(1, 2)
        lengths = nn.functional.pad(runs, (0, 0, 0, CAPACITY - used))
        state = EchoState(past, compared, lengths, state.num_read + num)
        return self._begun(echo, before.unsqueeze(2)), length, state

    def _begun(self, echo: Tensor, before: Tensor) -> Tensor:
        """Begin echoes' notes (..., E, 4) anew that can't be held after the frame before (..., 1, 4)."""
        return echo - (self.holds[echo] & (self.pitch[echo] != self.pitch[before])).long()

    def untraced(self, batch_size: int) -> Tensor:
        """Make the past (B, 4 + 2 E, 0) of pieces of which nothing was read, for `trace`."""
        return torch.zeros(batch_size, len(VOICES) + 2 * self.num, 0, dtype=torch.int32, device=self.pitch.device)

    def trace(self, before: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Find echoes of one frame as `read` does, in tables as long as the piece so far.

        Args:
            before: (B, 4) the tokens of the frame before; of none, at the start. Rows have read equally many frames.
            past: (B, 4 + 2 E, F) of each frame before that the tokens, what is compared, and how many frames up to it
                equal those before the last call.

        Returns:
            The echoes (B, E, 4), their lengths (B, E), and the past.
        """
        split, num_read = len(VOICES) + self.num, past.shape[2]
        if num_read > CAPACITY:
            none = before.new_zeros(len(before), self.num)
            return torch.full_like(before, END).unsqueeze(1).expand(-1, self.num, -1), none, past
        now = (self.pitch[before].unsqueeze(2) * self.digits).sum(1, dtype=torch.int32)  # (B, E)
        following = past.new_zeros(len(past), past.shape[1], num_read + 1)
        following[:, :split, :-1] = past[:, :split]
        following[:, : len(VOICES), -1] = before
        if not num_read:  # before the first frame there is none, which nothing equals
            following[:, len(VOICES) :] = -1
            none = before.new_zeros(len(before), self.num)
            return torch.full_like(before, END).unsqueeze(1).expand(-1, self.num, -1), none, following
        following[:, len(VOICES) : split, -1] = now
        lengths = nn.functional.pad(past[:, split:, :-1], (1, 0)).clamp_(min=0) + 1
        lengths = torch.where(past[:, len(VOICES) : split] == now.unsqueeze(2), lengths, 0)
        following[:, split:, :-1] = lengths
        latest = torch.arange(num_read, dtype=torch.int32, device=past.device)
        best = (2 * CAPACITY * lengths + latest).amax(2)  # (B, E)
        length, at = best // (2 * CAPACITY), best % (2 * CAPACITY) + 1
        tokens = following[:, : len(VOICES)].transpose(1, 2)  # (B, F + 1, 4)
        echo = tokens.gather(1, at.long().unsqueeze(2).expand(-1, -1, len(VOICES))).long()
        echo = torch.where(length.unsqueeze(2) > 0, echo, END)
        return self._begun(echo, before.unsqueeze(1)), length.long(), following

    def stranded(self, before: Tensor) -> Tensor:
        """Mask the holds (..., V) that can't follow tokens (...) of the frame before: their pitch doesn't sound."""
        return self.holds & (self.pitch != self.pitch[before].unsqueeze(-1))


def _put_all(table: Tensor, index: Tensor, rows: Tensor) -> Tensor:
    """Put rows (B, F, C) into (B, N, C) at (B, F); an index of N is thrown away."""
    wider = nn.functional.pad(table, (0, 0, 0, 1))
    return wider.scatter_(1, index.unsqueeze(2).expand_as(rows), rows.to(table.dtype))[:, :-1]


def echo_gain(output: Tensor, trust: Tensor, echoed: Tensor) -> Tensor:
    """Compute the gain of echoes' tokens, in nats before normalisation; 0 without an echo.

    Args:
        output: (..., E) a head's output for echoes.
        trust: (E, LONGEST + 1) a learned gain by length.
        echoed: (..., E) the lengths.
    """
    known = torch.stack([trust[index][lengths] for index, lengths in enumerate(echoed.unbind(-1))], -1)
    return torch.where(echoed > 0, output + known, 0.0)
