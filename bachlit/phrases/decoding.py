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
        fits = is_whole(bars / _UNITS[:, None, None]) & (bars > 0)
        scores: Floats = self.bias - self.spread * np.log2(notes / self.notes) ** 2 + self.whole * is_whole(bars)
        return scores + self.unit * fits.astype(np.float64)

    def divide(self, line: Line, logits: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Divide a tune into phrases, (N,): true where one ends.

        Args:
            line: A tune of N notes.
            logits: (N,) odds of phrase ends, in nats.
        """
        return best_division(self.scores(line), logits)


def best_division(scores: Floats, logits: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Divide a tune into phrases (Viterbi over phrases), under the best of several readings.

    Args:
        scores: (U, N + 1, N + 1) of the phrase from a note to before another, under each reading.
        logits: (N,) of a phrase's end at each note; the last note's doesn't matter.

    Returns:
        (N,) true where a phrase ends.

    >>> even = -np.abs(np.subtract.outer(np.arange(5), np.arange(5)) + 2.0)  # phrases of two notes
    >>> best_division(even[None], np.array([0.0, 0.0, 0.5, 0.0])).tolist()
    [False, True, False, True]
    """
    num_notes = len(logits)
    best = np.full(scores.shape[:2], -np.inf)
    best[:, 0] = 0
    before = np.zeros(scores.shape[:2], np.int64)
    for bound in range(1, num_notes + 1):
        candidates = best[:, :bound] + scores[:, :bound, bound]
        before[:, bound] = candidates.argmax(axis=1)
        best[:, bound] = candidates.max(axis=1) + (logits[bound - 1] if bound < num_notes else 0)
    reading = int(best[:, -1].argmax())
    ends = np.zeros(num_notes, np.bool_)
    bound = num_notes
    while bound:
        ends[bound - 1] = True
        bound = int(before[reading, bound])
    return ends


def is_whole(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell whole numbers, up to rounding."""
    return np.abs(values - np.round(values)) < 1e-3
