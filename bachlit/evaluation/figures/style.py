"""Figures of style, beside the training pieces: grade, distributions, and what is copied."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from bachlit import metrics
from bachlit.evaluation.figures.base import Column, Figure, Histogram, Piece, Ratio
from bachlit.music.chorale import VOICES, Chorale

_COPIED = 24
"""Frames: nine in ten of Bach's pieces share no longer run with his others (JSB-16th)."""


class Grade(Figure):
    """The nine-part grade of Bach or Mock."""

    section = "Bach or Mock: distance from Bach's average (below his own: more uniform than Bach)"
    columns: Mapping[str, Column] = {
        "grade": Column("grade", best="at most bach", head="grade"),
        "grade_notes": Column("scale degrees", best="at most bach"),
        "grade_rhythm": Column("rhythm", best="at most bach"),
        "grade_parallels": Column("parallels", best="at most bach"),
        "grade_harmony": Column("chord qualities", best="at most bach"),
        **{f"grade_{voice}": Column(f"intervals of the {voice}", best="at most bach") for voice in VOICES},
        "grade_repeats": Column("repeated patterns", best="at most bach"),
    }

    def __init__(self, reference: metrics.GradeReference | None = None) -> None:
        self._reference = reference

    def refer(self, training: Sequence[Chorale]) -> "Grade | None":
        """Take the training pieces for Bach's average."""
        return Grade(metrics.GradeReference(training)) if training else None

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Grade the piece."""
        if self._reference is None:
            return {}
        grade = self._reference.grade(piece.chorale)
        return {"grade": (grade.total, 1), **{f"grade_{part}": (value, 1) for part, value in grade._asdict().items()}}


class Distributions(Figure):
    """Histograms of a piece; degrees and cadences in its written key, major and minor apart."""

    section = "Distributions: share, in %, that lies elsewhere than in the training pieces"
    columns: Mapping[str, Column] = {
        "degrees": Column("scale degrees", 1, 100, "elsewhere", "at most bach"),
        "lengths": Column("lengths of notes and rests", 1, 100, "elsewhere", "at most bach"),
        "intervals": Column("melodic intervals by voice", 1, 100, "elsewhere", "at most bach"),
        "qualities": Column("chord qualities", 1, 100, "elsewhere", "at most bach"),
        "cadence_chords": Column("chords at fermatas", 1, 100, "elsewhere", "at most bach"),
    }

    def measure(self, piece: Piece) -> dict[str, Histogram]:
        """Count the categories."""
        chorale = piece.chorale
        key = chorale.key.parallel
        return {
            "degrees": _of(key.mode, metrics.degrees(chorale, key)),
            "lengths": metrics.lengths(chorale),
            "intervals": sum((_of(voice, metrics.intervals(chorale, voice)) for voice in VOICES), Counter()),
            "qualities": metrics.qualities(chorale),
            "cadence_chords": _of(key.mode, metrics.cadence_chords(chorale, key)),
        }


class Memorisation(Figure):
    """The longest passage that also stands in a training piece, in any key."""

    section = "Memorisation"
    columns: Mapping[str, Column] = {
        "copied": Column(
            "frames of the longest run found in a training piece, median", 0, 1, "median", "at most bach", "copied"
        ),
        "copied_much": Column(f"pieces with a run above {_COPIED} frames, %", 1, 100, best="at most bach"),
    }

    def __init__(self, passages: metrics.Passages | None = None) -> None:
        self._passages = passages

    def refer(self, training: Sequence[Chorale]) -> "Memorisation | None":
        """Index the training pieces."""
        return Memorisation(metrics.Passages(training)) if training else None

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Find the longest run."""
        if self._passages is None:
            return {}
        copied = self._passages.longest(piece.chorale).frames
        return {"copied": (copied, 1), "copied_much": (copied > _COPIED, 1)}


def _of(kind: str, counts: Counter[Hashable]) -> Histogram:
    """Tell the categories of one kind from those of others."""
    return Counter({(kind, category): count for category, count in counts.items()})
