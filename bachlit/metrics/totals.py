"""Totals of counts over pieces."""

from collections.abc import Sequence
from typing import Any, TypeVar

Counts = TypeVar("Counts", bound=tuple[Any, ...])


def total(counts: Sequence[Counts]) -> Counts:
    """Sum a named tuple of counts over pieces.

    >>> from bachlit.metrics import RuleCounts
    >>> total([RuleCounts(frames=10, crossings=1), RuleCounts(frames=20)])[:1]
    (30,)
    """
    return type(counts[0])(*(sum(column) for column in zip(*counts, strict=True)))
