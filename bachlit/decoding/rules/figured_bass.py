"""FiguredBass: harmony given by figures, as the tones that they leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Rule
from bachlit.decoding.rules.position import Position
from bachlit.errors import OptionError


@dataclass(frozen=True)
class FiguredBass(Rule):
    """The voices above a bass sing the tones that its figures name.

    This includes notes held into a figure; between the figures all is free. `bachlit.generation.figured_bass` makes it
    from figures and a bass.

    Args:
        weight: Nats per breach; infinite forbids it.
        spans: First frame, end, and pitch classes of each figure, in order, in the key of the given music.

    Raises:
        OptionError: If the spans overlap or aren't in order.

    >>> FiguredBass(spans=((0, 4, (0, 4, 9)),)).tones_at(3)
    ((0, 4, 9), False)
    """

    spans: tuple[tuple[int, int, tuple[int, ...]], ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Check the weight and the order of the spans."""
        super().__post_init__()
        places = [place for start, end, _ in self.spans for place in (start, end)]
        if places != sorted(places) or (places and places[0] < 0):
            raise OptionError(f"The figures stand at the frames {places}; expected them one after the other.")

    @cached_property
    def _by_frame(self) -> Mapping[int, tuple[tuple[int, ...], int]]:
        """Pitch classes of each frame under a figure, and the frames since the figure began."""
        return {frame: (tones, frame - start) for start, end, tones in self.spans for frame in range(start, end)}

    def judges(self, voice: int | None) -> bool:
        """Judge the voices above the bass."""
        return voice in (0, 1, 2)

    def tones_at(self, frame: int) -> tuple[tuple[int, ...], bool] | None:
        """Pitch classes that a figure leaves at a frame, and whether it begins there; None if all are free."""
        found = self._by_frame.get(frame)
        return None if found is None else (found[0], found[1] == 0)

    def breaches(self, position: Position) -> Tensor:
        """Mark notes foreign to the figure."""
        grid, places = position.grid, position.grid.written_at(position.frame)
        found = [self._by_frame.get(place.frame) for place in places]
        if not any(found):
            return torch.zeros(1, device=grid.pitch.device)
        everything = range(12), 0
        fits = torch.zeros(len(places), 12, dtype=torch.bool)
        for row, one in zip(fits, found, strict=True):
            row[list((one or everything)[0])] = True
        begins = torch.tensor([one is not None and one[1] < at.new for one, at in zip(found, places, strict=True)])
        classes = (grid.pitch - grid.moved[:, None]) % 12  # (B, V)
        own = fits.to(classes.device).gather(1, classes) | (grid.holds & ~begins.to(classes.device)[:, None])
        return (~own & ~position.rests).unsqueeze(1)
