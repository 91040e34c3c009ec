"""Enforced: rules as a constraint on tokens."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bachlit.decoding.constraints import YIELDED, Constraint, State, Term
from bachlit.decoding.rules.base import FREE, Grid, Position, Rule, Rules
from bachlit.decoding.rules.playing import Playing

_NOTES = 3


class Enforced(Constraint):
    """Constraint that enforces rules on a grid.

    Args:
        grid: Frames and voices behind the tokens.
        rules: The most important first.
    """

    def __init__(self, grid: Grid, rules: Rules | Rule) -> None:
        self.grid = grid
        self.rules = Rules() & rules
        given = torch.nn.functional.pad(grid.given, (0, 0, 0, 2))  # beyond the end all rest
        self._given = given.transpose(0, 1).contiguous()  # (T + 2, B, 4)
        self._known = (given != FREE).any(0).tolist()  # (T + 2) lists of 4
        # Cost of the steady rules per voice and stretch without a change of key, (B, 1, V).
        self._steady: dict[tuple[int | None, int], Tensor] = {}
        changes = (grid.keys[:, 1:] != grid.keys[:, :-1]).any(2).any(0)
        self._stretch = [0, *changes.cumsum(0).tolist()]  # of each frame
        self._playing = Playing(grid, self._given) if bool((grid.jumps >= 0).any()) else None
        self._remembers = bool((grid.returns >= 0).any()) and any(rule.remembers for rule in self.rules)
        self._all_given = (given != FREE).all(0).tolist()
        self._active = {
            voice: [rule for rule in self.rules if rule.weight != 0 and rule.judges(voice)] for voice in grid.voices
        }

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        """State: pitches of the previous frame and known of this one, last notes, what repeats come back to."""
        before = torch.zeros(batch_size, hypotheses, 4, dtype=torch.long, device=device)
        notes = before.unsqueeze(3).repeat(1, 1, 1, _NOTES)  # (B, K, 4, 3)
        state = {"before": before, "now": before, "notes": notes, "begun": notes}
        if self._remembers:
            state["past"] = torch.zeros(
                batch_size, hypotheses, self.grid.given.shape[1] + 1, 4, dtype=torch.int16, device=device
            )
        if self._playing:
            state["kept"] = before.unsqueeze(2).repeat(1, 1, self._playing.num_kept, 1)  # (B, K, M, 4)
        return state

    def allowed(self, state: State, t: int) -> Tensor:
        """Mask of the tokens allowed at step t, (B, K, V)."""
        return self.cost(state, t) < torch.inf

    def cost(self, state: State, t: int) -> Tensor:
        """Nats charged to each token at step t, (B, K, V)."""
        shape = (*state["now"].shape[:2], len(self.grid.pitch))
        position = self._position(state, t)
        voice = position.voice
        active = self._active[voice]
        if not active or (voice is not None and self._all_given[position.frame][voice]):
            return torch.zeros(shape, device=state["now"].device)
        at = voice, self._stretch[min(position.frame, len(self._stretch) - 1)]
        if at not in self._steady:
            steady = torch.zeros(len(self._given[0]), 1, shape[2], device=state["now"].device)
            self._steady[at] = _sum(steady, [rule for rule in active if rule.steady], position)
        total = _sum(self._steady[at], [rule for rule in active if not rule.steady], position)
        if voice is None or self._known[position.frame][voice]:
            total = torch.where(self._is_free(position), total, 0.0)
        return total.expand(shape)

    def terms(self, state: State, t: int) -> Iterator[Term]:
        """One term per rule that judges this slot."""
        position = self._position(state, t)
        for rule in self._active[position.voice]:
            free = self._is_free(position)
            shape = (*state["now"].shape[:2], len(self.grid.pitch))
            breaches = torch.where(free, rule.breaches(position), 0).expand(shape)
            if rule.weight == torch.inf:
                forbidden = (free & _forbidden(rule, position)).expand(shape)
                cost = torch.zeros(shape, device=forbidden.device).masked_fill(forbidden, torch.inf)
                yield Term(str(rule), cost, YIELDED * breaches)
            else:
                yield Term(str(rule), rule.weight * breaches, rule.weight * breaches)

    def rows(self, index: Tensor) -> "Enforced":
        """Select rows of the batch, in this order."""
        return Enforced(self.grid.rows(index), self.rules)

    def to(self, device: torch.device) -> "Enforced":
        """Move the tensors to a device."""
        return self if self.grid.pitch.device == device else Enforced(self.grid.to(device), self.rules)

    def advance(self, state: State, token: Tensor, t: int) -> State:
        """State after the tokens (B, K): a mark begins a frame, a voice fills its cell."""
        frame, slot = divmod(t, len(self.grid.voices))
        voice = self.grid.voices[slot]
        if voice is None:
            given = self._given[frame].unsqueeze(1).expand(-1, token.shape[1], -1)
            following = state | {"before": state["now"], "now": given}
            if self._remembers and frame:
                following["past"] = state["past"].clone()
                following["past"][:, :, min(frame, state["past"].shape[2]) - 1] = state["now"].to(torch.int16)
            if self._playing and frame:
                following["kept"] = self._playing.keep(state["kept"], frame - 1, state["now"])
            return following
        now = state["now"].clone()
        now[:, :, voice] = self.grid.pitch[token]
        notes, begun = state["notes"].clone(), state["begun"].clone()
        same = (self.grid.holds[token] | ((now[:, :, voice] == 0) & (notes[:, :, voice, 0] == 0))).unsqueeze(2)
        for part, latest in ((notes, now[:, :, voice, None]), (begun, torch.full_like(notes[:, :, 0, :1], frame))):
            shifted = torch.cat([latest, part[:, :, voice, :-1]], 2)
            part[:, :, voice] = torch.where(same, part[:, :, voice], shifted)
        return state | {"now": now, "notes": notes, "begun": begun}

    def _position(self, state: State, t: int) -> Position:
        frame, slot = divmod(t, len(self.grid.voices))
        frame = min(frame, len(self._given) - 2)
        later = self._given[frame + 1].unsqueeze(1)  # (B, 1, 4)
        voice = self.grid.voices[slot]
        known = self._known[frame + 1]
        position = Position(
            self.grid, frame, voice, state["before"], state["now"], later, known, state["notes"], state["begun"]
        )
        position.past = state.get("past")
        if self._playing and voice is not None and frame in self._playing.junctions:
            self._playing.junctions[frame].place(position, state["kept"])
        return position

    def _is_free(self, position: Position) -> Tensor:
        """Mask (B, 1, 1) of the rows whose cell is free; at a mark, of those before their end."""
        if position.voice is None:
            return (position.frame < self.grid.num_frames)[:, None, None]
        return (self._given[position.frame, :, position.voice] == FREE)[:, None, None]

    def __str__(self) -> str:
        return str(self.rules)


def _sum(total: Tensor, rules: Sequence[Rule], position: Position) -> Tensor:
    """Add the cost of some rules to a total."""
    for rule in rules:
        if rule.weight == torch.inf:
            total = total.masked_fill(_forbidden(rule, position), torch.inf)
        else:
            total = total + rule.weight * rule.breaches(position)
    return total


def _forbidden(rule: Rule, position: Position) -> Tensor:
    breaks, doomed = rule.breaches(position) > 0, rule.dooms(position)
    return breaks if doomed is None else breaks | doomed
