"""Rules from the literature that find phrase ends: baselines for the networks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bachlit.phrases.decoding import best_division, is_whole
from bachlit.phrases.line import Floats, Line


@dataclass(frozen=True)
class LocalBoundaries:
    """Local boundary detection model: a phrase ends where interval, duration or rest changes most.

    E. Cambouropoulos, *The Local Boundary Detection Model (LBDM) and its Application in the Study of Expressive
    Timing*, ICMC 2001; the weights are his.

    Attributes:
        threshold: Least strength of a boundary, which also is a peak.
        pitch: Weight of intervals.
        onset: Weight of times between onsets.
        rest: Weight of rests.
    """

    threshold: float = 0.4
    pitch: float = 0.25
    onset: float = 0.5
    rest: float = 0.25

    def ends(self, line: Line) -> npt.NDArray[np.bool_]:
        """Find the last note of each phrase, (N,)."""
        ends = np.zeros(line.num_notes, np.bool_)
        ends[-1] = True
        if line.num_notes < 3:
            return ends
        gaps = line.gaps[:-1]
        strength = (
            self.pitch * _strengths(np.abs(np.diff(line.pitches)).astype(np.float64))
            + self.onset * _strengths(gaps)
            + self.rest * _strengths(np.maximum(gaps - line.lengths[:-1], 0))
        )
        around = np.r_[-1.0, strength, -1.0]
        ends[:-1] = (strength > around[:-2]) & (strength >= around[2:]) & (strength > self.threshold)
        return ends


@dataclass(frozen=True)
class Grouper:
    """Grouping by gaps, by eight notes a phrase, and by parallel places in the bar.

    D. Temperley, *The Cognition of Basic Musical Structures*, MIT Press 2001, chapter 3: the gap score is the time to
    the next onset and the rest, beside the tune's usual time between onsets.

    Attributes:
        notes: Usual number of notes.
        length: Charge for a phrase of double or half as many.
        parallel: Charge for a phrase after which the next begins at another place in the bar.
        bias: For each phrase.
    """

    notes: float = 8.0
    length: float = 1.0
    parallel: float = 1.0
    bias: float = -1.0

    def ends(self, line: Line) -> npt.NDArray[np.bool_]:
        """Find the last note of each phrase, (N,)."""
        gaps = line.gaps
        score = (gaps + np.maximum(gaps - line.lengths, 0)) / gaps.mean()
        bounds = np.arange(line.num_notes + 1)
        notes = np.maximum(bounds - bounds[:, None], 1)
        moved = ~is_whole(line.places - line.places[:, None])
        moved[:, -1] = False  # nothing begins after the last phrase
        scores = self.bias - self.length * np.abs(np.log2(notes / self.notes)) - self.parallel * moved
        return best_division(scores[None], score)


def _strengths(changes: Floats) -> Floats:
    """Strength of each interval by its change from its neighbours, at most 1."""
    both = changes[1:] + changes[:-1]
    degree = np.divide(np.abs(np.diff(changes)), both, out=np.zeros_like(both), where=both > 0)
    strengths: Floats = changes * (np.r_[0.0, degree] + np.r_[degree, 0.0])
    return strengths / max(float(strengths.max()), 1e-9)
