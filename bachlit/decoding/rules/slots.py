"""Slots: the rules that judge a slot of a frame, and what is known of them before a position is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

import torch
from torch import Tensor

from bachlit.decoding.rules.base import Relation, RelationRule, Rule, Rules
from bachlit.decoding.rules.grid import Grid
from bachlit.decoding.rules.position import BEFORE, NOW, WIDTH, Candidates, Position


@dataclass
class Judge:
    """Rule that judges a cell.

    Attributes:
        rule: The rule.
        rows: (B, 1, 1) the rows in which it applies; None if in all.
        counted: Whether its breaches are part of the slot's `steady` or `related` cost.
    """

    rule: Rule
    rows: Tensor | None
    counted: bool

    def breaches(self, position: Position) -> Tensor:
        """Count breaches, none where it doesn't apply."""
        found = self.rule.breaches(position)
        return found if self.rows is None or found is position.nothing else found * self.rows

    def forbids(self, position: Position, *, whole: bool = False) -> Tensor | None:
        """Mask of the candidates that a hard rule forbids; None if it forbids none.

        Args:
            position: Of the candidates.
            whole: Whether to include what is counted elsewhere.
        """
        forbidden = None
        if whole or not self.counted:
            position.whether = True
            found = self.rule.breaches(position)
            position.whether = False
            if found is not position.nothing:
                forbidden = found if found.dtype == torch.bool else found > 0
        doomed = self.rule.dooms(position)
        if doomed is not None:
            forbidden = doomed if forbidden is None else forbidden | doomed
        return forbidden if forbidden is None or self.rows is None else forbidden & self.rows


class _Lookup(NamedTuple):
    """Pitches to look up together.

    Attributes:
        columns: (R,) where they stand among a position's cells.
        offsets: (R,) where their costs begin.
        costs: (R 128, V) nats.
    """

    columns: Tensor
    offsets: Tensor
    costs: Tensor


class Slot:
    """Rules that judge a slot.

    Args:
        grid: The prompts.
        voice: Of the slot.
        candidates: For it.
        rules: All of them.

    Attributes:
        candidates: For it.
    """

    def __init__(self, grid: Grid, voice: int | None, candidates: Candidates, rules: Rules) -> None:
        self.candidates = candidates
        self._last = grid.given.shape[1] - 1
        self._rules = [rule for rule in rules if rule.weight != 0 and rule.judges(voice)]
        self._applies = [rule.applies(grid, voice) for rule in self._rules]
        self._counted = [
            rule.steady or _is_related(rule, mask) for rule, mask in zip(self._rules, self._applies, strict=True)
        ]
        self._somewhere = [
            None if mask is None else (mask.any(0).tolist(), mask.all(0).tolist()) for mask in self._applies
        ]
        self._judges: dict[int, list[Judge]] = {}
        related: dict[tuple[int, bool], list[tuple[float, Relation]]] = defaultdict(list)
        for rule, mask in zip(self._rules, self._applies, strict=True):
            if voice is not None and _is_related(rule, mask):
                for one in rule.relations(voice):
                    related[one.voice, one.now].append((rule.weight, one))
        self._related = {key: tuple(found) for key, found in related.items()}
        self._lookups: dict[tuple[bool, ...], _Lookup | None] = {}
        # Cost of the steady rules, (B, 1, V), by what it depends on: the keys, and where they apply.
        self._steady: dict[bytes, Tensor] = {}
        self._circumstances = self._keys(grid)

    def _keys(self, grid: Grid) -> list[bytes]:
        """What the cost of the steady rules depends on, for each frame."""
        steady = [(rule, mask) for rule, mask in zip(self._rules, self._applies, strict=True) if rule.steady]
        if not steady:
            return [b""] * (self._last + 1)
        parts = [grid.keys.flatten(2), *(mask.unsqueeze(2) for _, mask in steady if mask is not None)]
        columns = torch.cat(parts, 2).transpose(0, 1).flatten(1)  # (T, B *)
        return [column.tobytes() for column in columns.cpu().numpy()]

    def judges(self, frame: int) -> list[Judge]:
        """The rules that apply in some row."""
        if frame not in self._judges:
            at, found = min(frame, self._last), []
            for rule, mask, where, counted in zip(
                self._rules, self._applies, self._somewhere, self._counted, strict=True
            ):
                if mask is None or where is None:
                    found.append(Judge(rule, None, counted))
                elif where[0][at]:
                    found.append(Judge(rule, None if where[1][at] else mask[:, at, None, None], counted))
            self._judges[frame] = found
        return self._judges[frame]

    def related(self, position: Position, total: Tensor) -> Tensor:
        """Add the cost of the rules that compare candidates with single pitches: each pitch is looked up once."""
        if position.joins or any(not now and position.first_later(voice) == 0 for voice, now in self._related):
            for (voice, now), related in self._related.items():
                for pitches in position.pitches(voice, now=now):
                    total = total + position.look_up(pitches, _costs, related)
            return total
        # All are pitches of this frame and the one before: they are looked up together.
        known = tuple(position.known)
        if known not in self._lookups:
            self._lookups[known] = self._lookup(known)
        lookup = self._lookups[known]
        if lookup is None:
            return total
        index = position.cells.flatten(2).index_select(2, lookup.columns).clamp(min=0) + lookup.offsets  # (B, K, R)
        found = lookup.costs.index_select(0, index.view(-1)).view(*index.shape, -1)  # (B, K, R, V)
        return total + found.sum(2)

    def _lookup(self, known: Sequence[bool]) -> "_Lookup | None":
        """Join the costs of all relations to pitches that may be known; None if there are none."""
        found = [key for key in self._related if known[key[0]] or not key[1]]
        if not found:
            return None
        columns = torch.tensor([voice * WIDTH + (NOW if now else BEFORE) for voice, now in found])
        costs = [self.candidates.table(_costs, self._related[key]) for key in found]  # (128, V) each
        device = costs[0].device
        return _Lookup(columns.to(device), torch.arange(len(found), device=device) * len(costs[0]), torch.cat(costs))

    def steady(self, position: Position) -> Tensor:
        """Cost (B, 1, V) of the steady rules."""
        key = self._circumstances[min(position.frame, self._last)]
        if key not in self._steady:
            total = torch.zeros(len(position.now), 1, len(position.pitch), device=position.pitch.device)
            for judge in self.judges(position.frame):
                if judge.rule.steady:
                    found = judge.breaches(position)
                    found = found[:, :1] if found.dim() == 3 else found  # all hypotheses' are alike
                    if judge.rule.weight == torch.inf:
                        total = total.masked_fill(found > 0, torch.inf)
                    else:
                        total = total + judge.rule.weight * found
            self._steady[key] = total
        return self._steady[key]


def _is_related(rule: Rule, applies: Tensor | None) -> TypeGuard[RelationRule]:
    """Check whether a rule is nothing but its relations, everywhere."""
    return (
        applies is None
        and not rule.steady
        and isinstance(rule, RelationRule)
        and type(rule).breaches is RelationRule.breaches
    )


def _costs(candidates: Candidates, related: tuple[tuple[float, Relation], ...]) -> Tensor:
    """Cost (128, V) of relations between candidates and a pitch, each with its weight."""
    total = torch.zeros(1, device=candidates.pitch.device)
    for weight, one in related:
        found = candidates.relation(one.holds, *one.options)
        total = total.masked_fill(found, torch.inf) if weight == torch.inf else total + weight * found
    return total
