"""Grid: frames and voices behind the tokens of a batch of prompts, as rules see them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

FREE = -1


class WrittenFrame(NamedTuple):
    """Place in a piece as it is written, where a frame is heard: in the sixteenths of the score.

    Attributes:
        bar: Index of its bar from 0; -1 beyond the piece.
        place: Sixteenths since the bar began.
        length: Of the bar.
        full: Length of a full bar, if it ends early.
        frame: Sixteenths since the piece began.
        new: Sixteenths since the frame heard before it: 1, or 0 and 1 in turns in doubled values, or 2 in halved ones.
    """

    bar: int
    place: int
    length: int
    full: int
    frame: int
    new: int


@dataclass(frozen=True, eq=False)
class Grid:
    """Batch of prompts as rules see it: frames and voices behind the tokens.

    Attributes:
        voices: Voice of each slot (0 soprano to 3 bass), None for the mark.
        pitch: (V,) pitch of each token, 0 for rests and marks.
        holds: (V,) true for tokens that hold their pitch on.
        given: (B, T, 4) given pitches, 0 a rest, `FREE` where a cell is free.
        num_frames: (B,) length of each piece; the longest allowed where it is open.
        end: (B,) the frame after the last that is played: before `num_frames` where a piece ends at a fine.
        ending: (B,) the frame in which the last given note before the end begins.
        closing: (B,) the frame in which the given soprano reaches the pitch of that note: earlier if it sings it again.
        keys: (B, T, 3) key at each frame: pitch class of the tonic (0 is C), 1 in minor, sharps of the signature (flats
            are negative).
        moved: (B,) semitones by which the piece was transposed for the model.
        shift: (B,) semitones of these by which the voices' ranges moved along.
        bars: (B, T, 4) bar of each frame, -1 beyond the piece: index from 0, sixteenths since it began, its length, and
            that of a full one if it ends early.
        written: (B, T, 6) a `WrittenFrame` of each frame: frames are shorter or longer than written sixteenths where
            the model reads doubled or halved values.
        jumps: (B, J, 2) pairs of frames that are heard one after the other without being written so; -1 where a row has
            fewer.
        interrupted: (B, T) true at frames never heard after the frame written before them.
        beats: (B, T) sixteenths since the last beat, which is a quarter; -1 beyond the piece.
        opening: (B,) the first frame that asks for the tonic: where the piece begins, or else its first full bar, on a
            given note of the tonic triad; -1 if neither does.
        leads: (B, T) semitones from the given soprano's pitch to its next other one; 0 where either isn't known.
        arrivals: (B, T) sixteenths since a phrase's last note began, while it sounds; -1 elsewhere.
        returns: (B, T) the frame of an earlier bar with the same given notes, which is the same place in it; -1 where
            there is none.
    """

    voices: tuple[int | None, ...]
    pitch: Tensor
    holds: Tensor
    given: Tensor
    num_frames: Tensor
    end: Tensor
    ending: Tensor
    closing: Tensor
    keys: Tensor
    moved: Tensor
    shift: Tensor
    bars: Tensor
    written: Tensor
    jumps: Tensor
    interrupted: Tensor
    beats: Tensor
    opening: Tensor
    leads: Tensor
    arrivals: Tensor
    returns: Tensor

    @property
    def frames(self) -> Tensor:
        """Indices (T,) of the frames."""
        return torch.arange(self.given.shape[1], device=self.given.device)

    @property
    def ends(self) -> Tensor:
        """Mask (B, T) of the frames from where the last given note begins to the end."""
        return (self.frames >= self.ending[:, None]) & (self.frames < self.end[:, None])

    @property
    def recalls(self) -> Tensor:
        """Mask (B, T) of the beats of bars that return."""
        return (self.returns >= 0) & (self.beats == 0)

    @property
    def tonic(self) -> Tensor:
        """Pitch class (B,) of the tonic at the end."""
        return self._last_key[:, 0]

    @property
    def minor(self) -> Tensor:
        """Mask (B,) of the rows that end in minor."""
        return self._last_key[:, 1] == 1

    @property
    def doubled(self) -> Tensor:
        """Mask (B,) of the rows that are heard in doubled values."""
        return (self.written[..., WrittenFrame._fields.index("new")] == 0).any(1)

    def key_at(self, frame: int) -> Tensor:
        """Key (B, 3) in force at a frame: tonic, 1 in minor, sharps."""
        return self.keys[:, min(frame, self.keys.shape[1] - 1)]

    def written_at(self, frame: int) -> list[WrittenFrame]:
        """Locate a frame in each row's piece as written."""
        return [WrittenFrame(*row) for row in self.written[:, min(frame, self.written.shape[1] - 1)].tolist()]

    @property
    def _last_key(self) -> Tensor:
        return self.keys[torch.arange(len(self.end), device=self.end.device), self.end - 1]

    def to(self, device: torch.device) -> "Grid":
        """Move the tensors to a device."""
        return self._with_each(lambda part: part.to(device), ())

    def rows(self, index: Tensor) -> "Grid":
        """Select rows, in this order."""
        return self._with_each(lambda part: part[index], ("pitch", "holds"))

    def among(self, tokens: Tensor) -> "Grid":
        """Keep some tokens (C,) of the vocabulary, in this order."""
        return replace(self, pitch=self.pitch[tokens], holds=self.holds[tokens])

    def _with_each(self, change: Callable[[Tensor], Tensor], kept: tuple[str, ...]) -> "Grid":
        """Change all tensors but some."""
        parts = {name: part for name, part in vars(self).items() if isinstance(part, Tensor) and name not in kept}
        changed: dict[str, Any] = {name: change(part) for name, part in parts.items()}
        return replace(self, **changed)
