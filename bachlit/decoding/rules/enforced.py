"""Enforced: rules as a constraint on tokens."""

from collections.abc import Hashable, Iterator
from typing import Any

import torch
from torch import Tensor

from bachlit.decoding.constraints import YIELDED, Constraint, State, Term
from bachlit.decoding.rules.base import Rule, Rules
from bachlit.decoding.rules.grid import FREE, Grid
from bachlit.decoding.rules.playing import Kept, Playing
from bachlit.decoding.rules.position import BEFORE, LAST, NOW, WIDTH, Candidates, Position
from bachlit.decoding.rules.slots import Slot

_BASS = 3


class Enforced(Constraint):
    """Constraint that enforces rules on a grid.

    Args:
        grid: Frames and voices behind the tokens.
        rules: The most important first.
        allowed: (B or 1, N, V) the tokens that may stand at each step, if not all. Others may be charged nothing.
    """

    def __init__(self, grid: Grid, rules: Rules | Rule, allowed: Tensor | None = None) -> None:
        self.grid = grid
        self.rules = Rules() & rules
        given = torch.nn.functional.pad(grid.given, (0, 0, 0, 2))  # beyond the end all rest
        self._given = given.transpose(0, 1).contiguous()  # (T + 2, B, 4)
        self._known = (given != FREE).any(0).tolist()  # (T + 2) lists of 4
        self._all_given = (given != FREE).all(0).tolist()
        self._playing = Playing(grid, self._given) if bool((grid.jumps >= 0).any()) else None
        self._recalled = _recalled(grid) if any(rule.remembers for rule in self.rules) else None
        self._allowed = None if allowed is None else allowed.any(0, keepdim=True)  # in any row: `rows` keeps it whole
        self._slots: dict[int, Slot] = {}
        self._kept: dict[Hashable, Any] = {}
        # What a token makes of a voice: its pitch, twice, and above 0 if it begins a note, below if it holds one.
        pitch, holds = grid.pitch, grid.holds.long()
        self._tokens = torch.stack([pitch, pitch, pitch - 2 * holds * pitch.abs().max()], 1)  # (V, 3)

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """State: of each voice the pitches before and now, and its last notes; what repeats and returns need."""
        state = {"cells": torch.zeros(batch_size, hypotheses, 4, WIDTH, dtype=torch.long, device=device)}
        if self._recalled:
            state["bass"] = state["cells"].new_zeros(batch_size, hypotheses, self._recalled.num, 1)
        if self._playing:
            state["kept"] = state["cells"].new_zeros(batch_size, hypotheses, self._playing.kept.num, 4)  # (B, K, M, 4)
        return state

    def idle(self, t: int) -> bool:
        """Check whether no rule judges the cell, or it is given in all rows."""
        frame, slot = self._place(t)
        voice = self.grid.voices[slot]
        if voice is not None and self._all_given[frame][voice]:
            return True
        return not self._slot(slot).judges(frame)

    def allowed(self, state: State, t: int) -> Tensor:
        """Mask of the tokens allowed at step t, (B, K, V)."""
        return self.cost(state, t) < torch.inf

    def cost(self, state: State, t: int) -> Tensor:
        """Nats charged to each token at step t, (B, K, V); nothing to tokens that may not stand there."""
        cells = state["cells"]
        if self.idle(t):
            return torch.zeros(*cells.shape[:2], len(self.grid.pitch), device=cells.device)
        frame, index = self._place(t)
        slot, position = self._slot(index), self._position(state, frame, index)
        total, forbidden = slot.related(position, slot.steady(position)), None
        for judge in slot.judges(frame):
            if judge.rule.weight == torch.inf:
                found = judge.forbids(position)
                if found is not None:
                    forbidden = found if forbidden is None else forbidden | found
            elif not judge.counted:
                breaches = judge.breaches(position)
                if breaches is not position.nothing:
                    total = torch.add(total, breaches, alpha=judge.rule.weight)
        if forbidden is not None:
            total = total.masked_fill(forbidden, torch.inf)
        free = self._is_free(position)
        return self._spread(total if free is None else torch.where(free, total, 0.0), slot, cells)

    def terms(self, state: State, t: int) -> Iterator[Term]:
        """One term per rule that judges this cell."""
        if self.idle(t):
            return
        frame, index = self._place(t)
        slot, position, cells = self._slot(index), self._position(state, frame, index), state["cells"]
        free = self._is_free(position)
        for judge in slot.judges(frame):
            weight = judge.rule.weight
            breaches = judge.breaches(position).float()
            if free is not None:
                breaches = torch.where(free, breaches, 0.0)
            forbidden = judge.forbids(position, whole=True) if weight == torch.inf else None
            cost = weight * breaches if weight < torch.inf else torch.zeros_like(breaches)
            if forbidden is not None:
                cost = cost.masked_fill(forbidden if free is None else free & forbidden, torch.inf)
            yielding = YIELDED * breaches if weight == torch.inf else cost
            yield Term(str(judge.rule), *(self._spread(part, slot, cells) for part in (cost, yielding)))

    def rows(self, index: Tensor) -> "Enforced":
        """Select rows of the batch, in this order."""
        return Enforced(self.grid.rows(index), self.rules, self._allowed)

    def to(self, device: torch.device) -> "Enforced":
        """Move the tensors to a device."""
        if self.grid.pitch.device == device:
            return self
        return Enforced(self.grid.to(device), self.rules, None if self._allowed is None else self._allowed.to(device))

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """State after the tokens (B, K): a mark begins a frame, a voice fills its cell."""
        frame, slot = divmod(t, len(self.grid.voices))
        voice = self.grid.voices[slot]
        cells = state["cells"].clone()
        if voice is None:
            now = cells.select(3, NOW).clone()
            cells[..., :LAST] = torch.stack([now, self._given[frame].unsqueeze(1).expand_as(now)], 3)
            following = state | {"cells": cells}
            if frame and self._recalled:
                following["bass"] = self._recalled.keep(state["bass"], frame - 1, now[..., _BASS:])
            if frame and self._playing:
                following["kept"] = self._playing.kept.keep(state["kept"], frame - 1, now)
            return following
        own = cells.select(2, voice)  # (B, K, 8), a view
        made = self._tokens.index_select(0, token.reshape(-1)).view(*token.shape, 3)
        # A hold goes on, whatever the last note's pitch, and so does a rest after a rest.
        goes_on = (made[..., 2:] + own[..., LAST, None]) <= 0
        own[..., NOW] = made[..., 0]
        made[..., 2] = frame
        own[..., LAST:] = torch.where(goes_on, own[..., LAST:], torch.cat([made[..., 1:], own[..., LAST:-2]], 2))
        return state | {"cells": cells}

    def _place(self, t: int) -> tuple[int, int]:
        """Frame and slot of a step."""
        frame, slot = divmod(t, len(self.grid.voices))
        return min(frame, len(self._given) - 2), slot

    def _slot(self, index: int) -> Slot:
        """Make a slot once. Its candidates are the tokens that may stand in any of its cells that is free somewhere."""
        if index not in self._slots:
            tokens = None
            voice, size = self.grid.voices[index], len(self.grid.voices)
            if self._allowed is not None:
                steps = self._allowed[0, index::size]
                if voice is not None:
                    given = [row[voice] for row in self._all_given[: len(steps)]]
                    steps = steps[~torch.tensor(given, device=steps.device)]
                found = steps.any(0).nonzero().flatten()
                tokens = found if 0 < len(found) < len(self.grid.pitch) else None
            self._slots[index] = Slot(self.grid, voice, Candidates(self.grid, tokens), self.rules)
        return self._slots[index]

    def _position(self, state: State, frame: int, index: int) -> Position:
        voice, given = self.grid.voices[index], self._given[frame + 1].unsqueeze(1)
        chosen = self.grid.voices[:index] if voice is not None else range(4)
        known = [voice in chosen or self._known[frame][voice] for voice in range(4)]
        cells = state["cells"]
        before, later = [cells.select(3, BEFORE)], [given]
        joins = self._playing is not None and voice is not None and frame in self._playing.junctions
        if self._playing and joins:
            junction = self._playing.junctions[frame]
            before, later = junction.beside(before[0], cells.select(3, NOW), given, state["kept"])
        candidates = self._slot(index).candidates
        later_known = self._known[frame + 1]
        position = Position(
            candidates, frame, voice, cells, before, later, (known, later_known), self._kept, joins=joins
        )
        if self._recalled and voice is not None and frame in self._recalled.read:
            slots = self._recalled.read[frame][:, None, None, None].expand(-1, state["bass"].shape[1], 1, 1)
            position.recalled = state["bass"].gather(2, slots)[..., 0, 0]
        return position

    def _is_free(self, position: Position) -> Tensor | None:
        """Mask (B, 1, 1) of the rows whose cell is free; at a mark, of those before their end. None if all are."""
        if position.voice is None:
            return (position.frame < self.grid.num_frames)[:, None, None]
        if not self._known[position.frame][position.voice]:
            return None
        return (self._given[position.frame, :, position.voice] == FREE)[:, None, None]

    def _spread(self, cost: Tensor, slot: Slot, cells: Tensor) -> Tensor:
        """Cost (B, K, V) of the vocabulary, from that of the candidates."""
        tokens, shape, cost = slot.candidates.tokens, cells.shape[:2], cost.float()
        if tokens is None:
            return cost.expand(*shape, len(self.grid.pitch))
        whole = torch.zeros(*shape, len(self.grid.pitch), device=cells.device)
        return whole.index_copy_(2, tokens, cost.expand(*shape, len(tokens)))

    def __str__(self) -> str:
        return str(self.rules)


def _recalled(grid: Grid) -> Kept | None:
    """The frames whose bass bars that return recall on their beats; None if none does."""
    pairs: list[list[tuple[int, int]]] = [[] for _ in grid.returns]
    for row, frame in grid.recalls.nonzero().tolist():
        pairs[row].append((int(grid.returns[row, frame]), frame))
    return Kept(pairs, grid.given.device) if any(pairs) else None
