"""Decoder that knows how long phrases are: the best division of a tune, given each note's odds to end a phrase."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bachlit.phrases.line import Floats, Line

_UNITS = np.array([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8])
"""Periods that a tune may have, in bars."""


@dataclass(frozen=True)
class PhraseLengths:
    """What is expected of phrases' lengths, in nats.

    Attributes:
        bias: For each phrase: below 0, fewer are found.
        notes: Usual number of notes.
        spread: Charge for a phrase of double or half as many notes.
        whole: Bonus for a phrase of whole bars.
        unit: Bonus for a phrase of the tune's period, or of several.
    """

    bias: float = -1.5
    notes: float = 8.0
    spread: float = 0.5
    whole: float = 1.0
    unit: float = 1.0

    def scores(self, line: Line) -> Floats:
        """Score all phrases under each period, (U, N + 1, N + 1): from a note to before another."""
        bounds = np.arange(line.num_notes + 1)
        notes = np.maximum(bounds - bounds[:, None], 1)
        bars = np.abs(line.places - line.places[:, None])
        scores = self.bias - self.spread * np.log2(notes / self.notes) ** 2 + self.whole * _is_whole(bars)
        fits = _is_whole(bars / _UNITS[:, None, None]) & (bars > 0)
        return scores + self.unit * fits

    def divide(self, line: Line, logits: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Find the best division (Viterbi over phrases), (N,): true where a phrase ends.

        Args:
            line: A tune of N notes.
            logits: (N,) odds of phrase ends; that of the last note is 0.
        """
        num_notes = line.num_notes
        scores = self.scores(line)
        best = np.full((len(_UNITS), num_notes + 1), -np.inf)
        best[:, 0] = 0
        before = np.zeros((len(_UNITS), num_notes + 1), np.int64)
        for bound in range(1, num_notes + 1):
            candidates = best[:, :bound] + scores[:, :bound, bound]
            before[:, bound] = candidates.argmax(axis=1)
            best[:, bound] = candidates.max(axis=1) + (logits[bound - 1] if bound < num_notes else 0)
        unit = int(best[:, -1].argmax())
        ends = np.zeros(num_notes, np.bool_)
        bound = num_notes
        while bound:
            ends[bound - 1] = True
            bound = before[unit, bound]
        return ends


def _is_whole(values: Floats) -> npt.NDArray[np.bool_]:
    return np.abs(values - np.round(values)) < 1e-3
