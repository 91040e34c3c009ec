"""Echoes: where a piece so far has gone as it goes now, and what came next then."""

import torch
from torch import Tensor, nn

from bachlit.chorale import VOICES
from bachlit.encoding import SatbEncoding
from bachlit.tokens import END

CAPACITY = 1024
"""Frames of a piece that are remembered: longer than any chorale of Bach's. What comes later finds no echo."""

EchoState = tuple[Tensor, Tensor, Tensor, Tensor]
"""The past frames' tokens (B, CAPACITY, 4) and chords (B, CAPACITY); at each, how many frames up to it are those up to
now (B, CAPACITY); how many frames were read (B,)."""


class Echoes(nn.Module):
    """Looks in a piece's past for the longest run of chords that equals the last ones, and says what followed it.

    A tenth of the frames of published chorales belong to phrases that are sung twice and written out, and an LSTM can't
    quote. This is the pointer of copying networks (Vinyals et al., *Pointer networks*, 2015), found by matching as in
    prediction by partial matching (Cleary and Witten 1984) instead of being learned. Of equally long runs the latest
    counts. Chords are compared by their pitches, whether these are held or not.

    Args:
        encoding: Of the tokens.
    """

    pitch: Tensor
    digits: Tensor

    def __init__(self, encoding: SatbEncoding) -> None:
        super().__init__()
        self.register_buffer("pitch", torch.from_numpy(encoding.token_pitch).int(), persistent=False)
        # Four pitches below 128 are one number.
        digits = torch.tensor([128**voice for voice in range(len(VOICES))], dtype=torch.int32)
        self.register_buffer("digits", digits, persistent=False)

    def begin(self, batch_size: int) -> EchoState:
        """Nothing is remembered yet."""
        integers = {"dtype": torch.int16, "device": self.pitch.device}
        return (
            torch.zeros(batch_size, CAPACITY, len(VOICES), **integers),
            torch.full((batch_size, CAPACITY), -1, dtype=torch.int32, device=self.pitch.device),
            torch.zeros(batch_size, CAPACITY, **integers),
            torch.zeros(batch_size, dtype=torch.long, device=self.pitch.device),
        )

    def read(self, before: Tensor, state: EchoState) -> tuple[Tensor, Tensor, EchoState]:
        """`follow`, frame after frame.

        Args:
            before: (B, F, 4) the frame before each frame.
            state: What `begin` or the last call left.
        """
        echoes, lengths = [], []
        for frame in before.unbind(1):
            echo, length, state = self.follow(frame, state)
            echoes.append(echo)
            lengths.append(length)
        return torch.stack(echoes, 1), torch.stack(lengths, 1), state

    def follow(self, before: Tensor, state: EchoState) -> tuple[Tensor, Tensor, EchoState]:
        """What followed when the piece last went as it goes now.

        Args:
            before: (B, 4) the tokens of the frame before; of none, at the start.
            state: What `begin` or the last call left.

        Returns:
            (B, 4) the tokens that followed, END where there is no echo; (B,) of how many frames the echo is, 0 where
            there is none; the state.
        """
        past, chords, lengths, count = state
        known = ((count > 0) & (count <= CAPACITY)).unsqueeze(1)  # (B, 1)
        chord = (self.pitch[before] * self.digits).sum(1, keepdim=True, dtype=torch.int32)
        longer = nn.functional.pad(lengths[:, :-1], (1, 0)) + 1
        lengths = torch.where((chords == chord) & known, longer, 0)
        at = (count - 1).clamp(0, CAPACITY - 1).unsqueeze(1)
        chords = chords.scatter(1, at, torch.where(known, chord, chords.gather(1, at)))
        at = at.unsqueeze(2).expand(-1, 1, past.shape[2])  # (B, 1, 4)
        frame = torch.where(known.unsqueeze(2), before.unsqueeze(1).to(past.dtype), past.gather(1, at))
        past = past.scatter(1, at, frame)
        latest = torch.arange(CAPACITY, device=lengths.device, dtype=torch.int32)
        best = (CAPACITY * lengths.int() + latest).argmax(1, keepdim=True)  # (B, 1)
        length = lengths.gather(1, best)
        following = (best + 1).clamp(max=CAPACITY - 1).unsqueeze(2).expand(-1, 1, past.shape[2])
        echo = torch.where(length > 0, past.gather(1, following)[:, 0], END)
        return echo.long(), length[:, 0].long(), (past, chords, lengths, count + 1)
