"""Figures of composed pieces, as ratios of sums that can be pooled and resampled."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from bachlit import metrics
from bachlit.music.chorale import VOICES, BoolArray, Chorale

Ratio = tuple[float, float]
"""Numerator and denominator."""

Histograms = dict[str, Counter[Hashable]]
"""Histograms of a piece by the names in `DISTRIBUTIONS`."""

_COPIED = 24
"""Frames: nine in ten of Bach's pieces share no longer run with his others (JSB-16th)."""


class Figure(NamedTuple):
    """How to report a figure.

    Attributes:
        label: Description with unit.
        digits: Decimal places.
        scale: Factor of the ratio: 100 for percent.
        pool: How to pool pieces: the ratio of sums; the median ratio; or the share of their summed histogram that lies
            elsewhere than in the training pieces'.
        best: Target: the lowest value, Bach's own, or at most Bach's; None if there is none.
    """

    label: str
    digits: int = 2
    scale: float = 1
    pool: Literal["ratio", "median", "elsewhere"] = "ratio"
    best: Literal["lowest", "bach", "at most bach"] | None = "bach"

    def text(self, value: float) -> str:
        """Format a value; empty for NaN.

        >>> Figure("frames with a change, %", 1, 100).text(0.3684)
        '36.8'
        """
        return "" if math.isnan(value) else f"{self.scale * value:.{self.digits}f}"


SECTIONS: dict[str, dict[str, Figure]] = {
    "Beside Bach's own notes": {
        "ter": Figure("wrong cells (TER)", 3, best="lowest"),
        "fer": Figure("frames with a wrong cell (FER)", 3, best="lowest"),
        "pitch_error": Figure("pitches other than Bach's", 3, best="lowest"),
        "ter_where_bach_moves": Figure("wrong cells where Bach's voice begins a note", 3, best="lowest"),
    },
    "By the model": {
        "nats_per_frame": Figure("nats per frame", 3, best=None),
        "gave_way": Figure("tokens per piece at which a rule gave way", best="lowest"),
    },
    "Rules of part-writing": {
        "parallel_fifths": Figure("parallel fifths per piece", best="at most bach"),
        "parallel_octaves": Figure("parallel octaves per piece", best="at most bach"),
        "similar_fifths": Figure("parallel fifths in similar motion", best="at most bach"),
        "similar_octaves": Figure("parallel octaves in similar motion", best="at most bach"),
        "hidden_fifths": Figure("hidden fifths per piece", best="at most bach"),
        "hidden_octaves": Figure("hidden octaves per piece", best="at most bach"),
        "crossings": Figure("crossings in 1,000 frames", 1, 1000, best="at most bach"),
        "overlaps": Figure("overlaps in 1,000 frames", 1, 1000, best="at most bach"),
        "wide_soprano_alto": Figure("soprano and alto too wide in 1,000 frames", 1, 1000, best="at most bach"),
        "wide_alto_tenor": Figure("alto and tenor too wide in 1,000 frames", 1, 1000, best="at most bach"),
        "out_of_range": Figure("notes out of range in 1,000 frames", 1, 1000, best="at most bach"),
        "wide_leaps": Figure("leaps above an octave per piece", best="at most bach"),
    },
    "Texture": {
        "changing": Figure("frames with a change, %", 1, 100),
        **{f"attacks_{voice}": Figure(f"attacks in 16 sixteenths, {voice}") for voice in VOICES},
        "stepwise": Figure("stepwise motion, %", 1, 100),
        **{f"lasting_{length}": Figure(f"notes of {length}/16, %", 1, 100) for length in metrics.LENGTHS},
    },
    "Cadences": {
        "triads_at_fermatas": Figure("fermatas over triads in root position, %", 1, 100),
        "ends_on_tonic": Figure("pieces that end on the tonic, %", 1, 100),
    },
    "Bach or Mock: distance from Bach's average (below his own: more uniform than Bach)": {
        "grade": Figure("grade", best="at most bach"),
        "grade_notes": Figure("scale degrees", best="at most bach"),
        "grade_rhythm": Figure("rhythm", best="at most bach"),
        "grade_parallels": Figure("parallels", best="at most bach"),
        "grade_harmony": Figure("chord qualities", best="at most bach"),
        **{f"grade_{voice}": Figure(f"intervals of the {voice}", best="at most bach") for voice in VOICES},
        "grade_repeats": Figure("repeated patterns", best="at most bach"),
    },
    "Distributions: share, in %, that lies elsewhere than in the training pieces": {
        "degrees": Figure("scale degrees", 1, 100, "elsewhere", "at most bach"),
        "lengths": Figure("lengths of notes and rests", 1, 100, "elsewhere", "at most bach"),
        "intervals": Figure("melodic intervals by voice", 1, 100, "elsewhere", "at most bach"),
        "qualities": Figure("chord qualities", 1, 100, "elsewhere", "at most bach"),
        "cadence_chords": Figure("chords at fermatas", 1, 100, "elsewhere", "at most bach"),
    },
    "Memorisation": {
        "copied": Figure(
            "frames of the longest run found in a training piece, median", 0, pool="median", best="at most bach"
        ),
        "copied_much": Figure(f"pieces with a run above {_COPIED} frames, %", 1, 100, best="at most bach"),
    },
}
"""All figures by name, in the order of the reports."""

FIGURES: dict[str, Figure] = {name: figure for section in SECTIONS.values() for name, figure in section.items()}

DISTRIBUTIONS = [name for name, figure in FIGURES.items() if figure.pool == "elsewhere"]


def histograms(chorale: Chorale) -> Histograms:
    """Histograms of a piece; degrees and cadences in its written key, major and minor apart."""
    key = chorale.key.parallel
    return {
        "degrees": _of(key.mode, metrics.degrees(chorale, key)),
        "lengths": metrics.lengths(chorale),
        "intervals": sum((_of(voice, metrics.intervals(chorale, voice)) for voice in VOICES), Counter()),
        "qualities": metrics.qualities(chorale),
        "cadence_chords": _of(key.mode, metrics.cadence_chords(chorale, key)),
    }


def _of(kind: str, counts: Counter[Hashable]) -> Counter[Hashable]:
    """Tell the categories of one kind from those of others."""
    return Counter({(kind, category): count for category, count in counts.items()})


class Judge:
    """Computes the figures of pieces.

    Args:
        training: Training pieces of the model: the reference of style, and of copied passages. If empty, the figures
            that need them are left out.
    """

    def __init__(self, training: Sequence[Chorale]) -> None:
        self._reference = metrics.GradeReference(training) if training else None
        self._passages = metrics.Passages(training) if training else None
        self.reference: Histograms = {name: Counter() for name in DISTRIBUTIONS}
        """Summed histograms of the training pieces."""
        for chorale in training:
            for name, histogram in histograms(chorale).items():
                self.reference[name] += histogram

    def __call__(
        self,
        chorale: Chorale,
        *,
        original: Chorale | None = None,
        free: BoolArray | None = None,
        log_prob: float | None = None,
        yielded: int | None = None,
    ) -> dict[str, Ratio]:
        """Compute the figures of a piece.

        Args:
            chorale: The piece.
            original: Bach's version, for error rates.
            free: (T, 4) cells that were composed.
            log_prob: The model's log-probability of the whole piece, in nats.
            yielded: Tokens at which rules gave way.

        Returns:
            Ratios by the names in `FIGURES`; unknown ones are left out.
        """
        figures: dict[str, Ratio] = {}
        frames = float(chorale.num_frames)
        if original is not None and free is not None:
            rates = metrics.error_rates(chorale, original, free)
            figures["ter"] = (rates.wrong_cells, rates.cells)
            figures["fer"] = (rates.wrong_frames, rates.frames)
            figures["pitch_error"] = (rates.wrong_pitches, rates.cells)
            figures["ter_where_bach_moves"] = (rates.wrong_moving_cells, rates.moving_cells)
        if log_prob is not None:
            figures["nats_per_frame"] = (-log_prob, frames)
        if yielded is not None:
            figures["gave_way"] = (yielded, 1)
        for name, count in metrics.rule_counts(chorale)._asdict().items():
            if name in FIGURES:
                figures[name] = (count, frames if FIGURES[name].scale == 1000 else 1)
        figures |= _texture(chorale)
        close = metrics.cadences(chorale)
        figures["triads_at_fermatas"] = (close.in_root_position, close.fermatas)
        figures["ends_on_tonic"] = (close.ends_on_tonic, 1)
        if self._reference is not None and self._passages is not None:
            grade = self._reference.grade(chorale)
            figures["grade"] = (grade.total, 1)
            figures |= {f"grade_{part}": (distance, 1) for part, distance in grade._asdict().items()}
            copied = self._passages.longest(chorale).frames
            figures["copied"] = (copied, 1)
            figures["copied_much"] = (copied > _COPIED, 1)
        return figures


def _texture(chorale: Chorale) -> dict[str, Ratio]:
    counts = metrics.texture_counts(chorale)
    return {
        "changing": (counts.changes, counts.steps_on),
        **{f"attacks_{voice}": (16 * onsets, counts.frames) for voice, onsets in zip(VOICES, counts[3:7], strict=True)},
        "stepwise": (counts.steps, counts.moves),
        **{name: (count, counts.notes) for name, count in counts._asdict().items() if name.startswith("lasting_")},
    }
