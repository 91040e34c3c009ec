"""Position: a cell to choose next, the candidates for it, and the pitches around it."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property, reduce
from typing import Any, TypeVar

import torch
from torch import Tensor

from bachlit.decoding.rules.grid import Grid

_PITCHES = 128
BEFORE, NOW, LAST, BEGUN, WIDTH = 0, 1, 2, 3, 8  # of a voice's eight numbers
_Kept = TypeVar("_Kept")


class Candidates:
    """Tokens that may fill a slot.

    Args:
        grid: The prompts.
        tokens: (V,) which of the vocabulary's tokens may; all of them if None.

    Attributes:
        grid: The prompts, with the pitches of these tokens.
        tokens: As given.
        pitch: (V,) their pitches.
        rests: (V,) true for rests.
        begins: (V,) true where a note begins.
        pitches: (128, 1) all pitches, to compare with.
    """

    def __init__(self, grid: Grid, tokens: Tensor | None) -> None:
        self.grid, self.tokens = grid if tokens is None else grid.among(tokens), tokens
        self.pitch, self.rests = self.grid.pitch, self.grid.pitch == 0
        self.begins = ~self.grid.holds & ~self.rests
        self.pitches = torch.arange(_PITCHES, device=self.pitch.device).unsqueeze(1)
        self._tables: dict[Hashable, Tensor] = {}

    def table(self, make: Callable[..., Tensor], *options: Hashable) -> Tensor:
        """Table (N, V) that a function makes of these candidates; it is made once and kept."""
        key = (make, options)
        if key not in self._tables:
            self._tables[key] = make(self, *options).contiguous()
        return self._tables[key]

    def relation(self, holds: Callable[..., Tensor], *options: Hashable) -> Tensor:
        """Table (128, V) of a relation between candidates and another pitch, false where one rests."""
        return holds(self.pitch, self.pitches, *options) & (self.pitch > 0) & (self.pitches > 0)


class Position:
    """Cell to choose next, and the pitches around it.

    Args:
        candidates: For the cell.
        cells: (B, K, 4, 8) of each voice: pitches of the previous frame and of this one, and of the last three notes,
            each with the frame in which it began.
        before: Pitches (B, K, 4) of each frame that this one is heard after.
        later: Likewise, of each frame heard after it.
        known: Whether each voice may be known in this frame, and is given in the next one in some row.
        kept: What rules compute once for all positions.

    Attributes:
        grid: The prompts.
        frame: The cell's sixteenth.
        voice: Its voice; None at a mark, where the candidates are to go on or to end.
        pitch: (V,) pitches of the candidates, which are the tokens that may stand in this slot.
        holds: (V,) true where a candidate holds the previous note.
        now: (B, K, 4) pitches of this frame, `FREE` where not chosen yet; at a mark, of the frame just completed.
        before: Pitches (B, K, 4) of each frame that this one is heard after, `FREE` where not known yet, 0 for a rest
            or where there is none. The first is that of the written previous frame; repeats and jumps add others.
        later: Likewise, pitches (B, K or 1, 4) of each frame that is heard after this one, as far as they are known:
            those of the next frame where given, and whole frames that a repeat goes back to.
        notes: (B, K, 4, 3) pitches of each voice's last three notes before this frame, the latest first; 0 a rest, or
            none.
        begun: (B, K, 4, 3) frames in which they began.
        recalled: (B, K) pitch of the bass in the frame that this one returns to, where rules remember it.
        sounding: As `now`, but 0 instead of `FREE`; it is what tables are asked for.
        sung: (B, K) these of each voice.
        own_notes: (B, K) the voice's last three notes, the latest first, each a pitch and the frame in which it began.
        known: Whether each voice may be known in this frame.
        cells: As given.
        joins: Whether a repeat or a jump leads here or away in some row.
        whether: Whether it matters only if a candidate breaks a rule, not how often.
    """

    def __init__(
        self,
        candidates: Candidates,
        frame: int,
        voice: int | None,
        cells: Tensor,
        before: list[Tensor],
        later: list[Tensor],
        known: tuple[Sequence[bool], Sequence[bool]],
        kept: dict[Hashable, Any],
        *,
        joins: bool = False,
    ) -> None:
        self.grid, self.frame, self.voice = candidates.grid, frame, voice
        self.pitch, self.holds = self.grid.pitch, self.grid.holds
        self.rests, self.begins = candidates.rests, candidates.begins
        self.before, self.now, self.later = before, cells.select(3, NOW), later
        self.recalled: Tensor | None = None
        self.whether = False
        self.joins = joins
        self._candidates, self.cells, self._kept = candidates, cells, kept
        self.known, self._known_later = known
        self._sung: dict[int, tuple[Tensor, tuple[Tensor, ...]]] = {}
        self.sounding, self.sung = self._sounding(self.now)
        if voice is not None:
            self.own_notes = cells.select(2, voice).unbind(2)[LAST:]

    def _sounding(self, pitches: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Pitches (B, K, 4), and of each voice (B, K), with 0 instead of `FREE`."""
        if id(pitches) not in self._sung:
            sounding = pitches.clamp(min=0)
            self._sung[id(pitches)] = sounding, sounding.unbind(2)
        return self._sung[id(pitches)]

    @cached_property
    def notes(self) -> Tensor:
        """Pitches (B, K, 4, 3) of each voice's last notes."""
        return self.cells[..., LAST::2]

    @cached_property
    def begun(self) -> Tensor:
        """Frames (B, K, 4, 3) in which they began."""
        return self.cells[..., BEGUN::2]

    @cached_property
    def nothing(self) -> Tensor:
        """No breach, (1,), of a rule that can't be broken here."""
        return self.once("nothing", lambda: torch.zeros(1, dtype=torch.bool, device=self.pitch.device))

    def once(self, key: Hashable, make: Callable[[], _Kept]) -> _Kept:
        """Make what depends on the grid alone once, and keep it under a key."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: _Kept = self._kept[key]
        return kept

    def once_of(self, make: Callable[..., Tensor], *options: Hashable) -> Tensor:
        """Make what depends on the candidates alone once, as in `look_up`."""
        return self._candidates.table(make, *options)

    def look_up(self, index: Tensor, make: Callable[..., Tensor], *options: Hashable) -> Tensor:
        """Look up each index (...) in a table (N, V) of the candidates: (..., V).

        Args:
            index: Numbers below N.
            make: Takes `Candidates` and the options. It is called once for each set of candidates, so it must be a
                method or a function of a module, and depend on nothing else.
            options: Values.
        """
        found = self._candidates.table(make, *options).index_select(0, index.reshape(-1))
        return found.view(*index.shape, -1)

    def against(self, pitches: Tensor, holds: Callable[..., Tensor], *options: Hashable) -> Tensor:
        """Mask (..., V) of candidates that have a relation to other pitches (...); both sound.

        Args:
            pitches: Without `FREE`, as in `sung`.
            holds: Takes candidates (V,), pitches (128, 1) and the options, as in `look_up`.
            options: Values.
        """
        return self.look_up(pitches, _relation, holds, *options)

    def pair(self, pitches: Tensor, others: Tensor, make: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Look up two pitches, without `FREE`, in a table (128, 128) that a function makes of all, once."""

        def table() -> Tensor:
            every = self._candidates.pitches
            return make(every, every.t()).flatten()

        index = torch.add(others, pitches, alpha=_PITCHES)
        return self.once(make, table).index_select(0, index.reshape(-1)).view(index.shape)

    def total(self, masks: Sequence[Tensor]) -> Tensor:
        """Count in how many masks a candidate is; if that is enough, whether it is in any."""
        if not masks:
            return self.nothing
        if len(masks) == 1:
            return masks[0]
        if self.whether:
            return reduce(torch.bitwise_or, masks)
        return reduce(torch.add, [mask.view(torch.uint8) for mask in masks])

    @property
    def sung_before(self) -> tuple[Tensor, ...]:
        """Pitch (B, K) of each voice in the frame before, 0 where it rests or isn't known."""
        return self._sounding(self.before[0])[1]

    def pitches(self, voice: int, *, now: bool) -> list[Tensor]:
        """Pitches (B, K or 1) of a voice in this frame, or in each one before and after, as far as it may be known."""
        if now:
            return [self.sung[voice]] if self.known[voice] else []
        return [self._sounding(pitches)[1][voice] for pitches in (*self.before, *self.later[self.first_later(voice) :])]

    def neighbouring(self, *others: int) -> list[tuple[Tensor, tuple[Tensor, ...]]]:
        """Pitches (B, K or 1, 4), and of each voice, in the frames before and after; 0 instead of `FREE`.

        Frames after this one are left out where neither the voice nor one of the others may be known.
        """
        return [self._sounding(pitches) for pitches in (*self.before, *self.later[self.first_known(*others) :])]

    def pairs(self, breaks: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], *others: int) -> Tensor:
        """Count breaches of a rule over two voices in two neighbouring frames.

        Args:
            breaks: Takes pitches of the candidate's voice (before, after) and of another voice (before, after);
                all four sound.
            others: The other voices; all three if empty.

        Returns:
            (B, K, V) counts, over the step to this frame and the step to the next one where that is given; likewise
            where a repeat or a jump leads.
        """
        voices = list(others or self.others)
        now, candidate = self.now[..., voices, None], self.pitch
        count = torch.zeros(1, dtype=torch.long, device=candidate.device)
        for pitches in self.before:
            own, before = pitches[..., self.voice, None, None], pitches[..., voices, None]  # (B, K, 1, 1), (B, K, O, 1)
            sounding = (before > 0) & (now > 0) & (own > 0) & (candidate > 0)  # (B, K, O, V)
            count = count + (breaks(own, candidate, before, now) & sounding).sum(2)
        for pitches in self.later[self.first_known(*voices) :]:
            own, later = pitches[..., self.voice, None, None], pitches[..., voices, None]
            sounding = (own > 0) & (later > 0) & (now > 0) & (candidate > 0)
            count = count + (breaks(candidate, own, now, later) & sounding).sum(2)
        return count

    @property
    def others(self) -> tuple[int, ...]:
        """The other voices."""
        return tuple(voice for voice in range(4) if voice != self.voice)

    def first_known(self, *others: int) -> int:
        """Index of the first later frame in which the voice may be known, and one of some others."""
        assert self.voice is not None
        return 0 if self._known_later[self.voice] and any(self._known_later[voice] for voice in others) else 1

    def first_later(self, voice: int) -> int:
        """Index of the first later frame in which a voice may be known."""
        return 0 if self._known_later[voice] else 1

    def neighbours(self) -> Iterator[tuple[int, int]]:
        """Yield the neighbouring voices, each with its direction: 1 above, -1 below."""
        assert self.voice is not None
        yield from neighbours(self.voice)

    def distances(
        self, breaks: Callable[[Tensor], Tensor], *frames: Tensor, voices: Sequence[int] = range(4)
    ) -> Tensor:
        """Count breaches (B, K, V) of a rule over the distance to each neighbouring voice; both sound.

        Args:
            breaks: Takes semitones by which the candidate lies beyond the neighbour (negative on its own side).
            frames: Pitches (..., 4) of the neighbours; those of this frame if empty.
            voices: Voices that the rule concerns.
        """
        total = torch.zeros(1, device=self.pitch.device)
        for neighbour, direction in self.neighbours():
            for pitches in (frames or (self.now,)) if {neighbour, self.voice} <= set(voices) else ():
                other = pitches[..., neighbour, None]
                total = total + (breaks((self.pitch - other) * direction) & (other > 0) & ~self.rests)
        return total

    def melody(self, breaks: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Count breaches (B, K, V) of a rule over two neighbouring pitches of the voice; both sound."""
        assert self.voice is not None
        candidate, count = self.pitch, torch.zeros(1, dtype=torch.long, device=self.pitch.device)
        for pitches in self.before:
            own = pitches[..., self.voice, None]
            count = count + (breaks(own, candidate) & (own > 0) & (candidate > 0))
        for pitches in self.later[self.first_later(self.voice) :]:
            later = pitches[..., self.voice, None]
            count = count + (breaks(candidate, later) & (later > 0) & (candidate > 0))
        return count

    @property
    def silent(self) -> Tensor:
        """Mask (B, 1, 1) of the rows whose given voices all rest."""
        return self.at(self.once("silent", lambda: silences(self.grid)))

    def at(self, part: Tensor) -> Tensor:
        """Values (B, 1, 1) of a part (B, T) of the grid at this frame."""
        return part[:, min(self.frame, part.shape[1] - 1), None, None]

    def own(self, index: int) -> tuple[Tensor, Tensor]:
        """Pitch and length in sixteenths (B, K, 1) of one of the voice's last notes, 0 being the latest."""
        notes = self.own_notes
        ended = notes[2 * index - 1] if index else self.frame
        return notes[2 * index].unsqueeze(2), (ended - notes[2 * index + 1]).unsqueeze(2)

    def sounded(self, voice: int, frame: Tensor) -> Tensor:
        """Pitch (B, K, F) of a voice at earlier frames (B, 1, F); 0 for a rest, or before its last three notes."""
        notes = torch.nn.functional.pad(self.notes.select(2, voice), (0, 1))  # (B, K, 4)
        later = (self.begun.select(2, voice).unsqueeze(2) > frame.unsqueeze(3)).sum(3)  # (B, K, F)
        return notes.gather(2, later)


def neighbours(voice: int) -> Iterator[tuple[int, int]]:
    """Yield a voice's neighbours, each with its direction: 1 above, -1 below."""
    if voice > 0:
        yield voice - 1, 1
    if voice < 3:
        yield voice + 1, -1


def leaves(candidates: Candidates) -> Tensor:
    """Mask (128, V) of candidates other than a pitch."""
    return candidates.pitch != candidates.pitches


def silences(grid: Grid) -> Tensor:
    """Mask (B, T) of the frames in which the given voices all rest."""
    return (grid.given == 0).any(2) & ~(grid.given > 0).any(2)


def _relation(candidates: Candidates, holds: Callable[..., Tensor], *options: Hashable) -> Tensor:
    return candidates.relation(holds, *options)
