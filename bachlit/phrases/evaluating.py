"""Figures of phrase finders: precision, recall and F1 of boundaries."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from bachlit.phrases.line import Line


class Finder(Protocol):
    """What finds the ends of phrases: networks, or rules from the literature."""

    def ends(self, line: Line) -> npt.NDArray[np.bool_]:
        """Find the last note of each phrase, (N,)."""


class Boundaries(NamedTuple):
    """Counts of boundaries over a corpus: found and there, found alone, there alone."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the found ones that are there."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of those that are there that are found."""
        return self.right / max(1, self.right + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)


def boundaries(finder: Finder, lines: Iterable[Line]) -> Boundaries:
    """Count boundaries over tunes together (micro-average).

    A boundary is right only at its exact note; that of each tune's last note isn't counted.

    >>> class EveryNote:
    ...     def ends(self, line):
    ...         return np.ones(line.num_notes, np.bool_)
    >>> from bachlit.music.chorale import Chorale
    >>> from bachlit.phrases.line import line_of
    >>> boundaries(EveryNote(), [line_of(Chorale.from_pitches([[60, 0, 0, 0], [62, 0, 0, 0], [64, 0, 0, 0]]))])
    Boundaries(right=0, wrong=2, missed=0)
    """
    total = np.zeros(3, np.int64)
    for line in lines:
        found, there = finder.ends(line)[:-1], line.ends[:-1]
        total += [(found & there).sum(), (found & ~there).sum(), (there & ~found).sum()]
    return Boundaries(*total.tolist())


def table(finders: Sequence[tuple[str, Finder]], corpora: Sequence[tuple[str, Sequence[Line]]]) -> str:
    """Tabulate F1 (precision, recall) of finders on corpora, in Markdown."""
    rows = [["", *(f"{name}, {len(lines)} tunes" for name, lines in corpora)]]
    for name, finder in finders:
        counts = [boundaries(finder, lines) for _, lines in corpora]
        rows.append([name, *(f"{one.f1:.3f} ({one.precision:.2f}, {one.recall:.2f})" for one in counts)])
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
