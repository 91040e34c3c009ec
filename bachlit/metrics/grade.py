"""The grade of "Bach or Mock?": distance from Bach in nine features, lower is better.

After Fang, Liu, Hadjeres, Seetharaman and Pardo, "Bach or Mock? A Grading Function for Chorales in the Style of J. S.
Bach" (ICML 2020 workshop Machine Learning for Media Discovery). On Riemenschneider's chorales as music21 has them, 336,
graded against themselves, Bach's own mean is 5.14 and the standard deviation 1.84 (1.66 without the two pieces that
repeat and err the most); graded against the other nine tenths they are 5.18 and 1.86. The paper has 5.19 and 1.63.

The level depends on the corpus: on JSB-16th, which has neither ties nor repeated notes, valid gets 7.65 against train,
3.56 of it for repeats. Grade a model and Bach on one corpus, against the same reference.

`notes` has twelve semitones above the tonic and rests, where the paper has scale degrees with accidentals. Intervals
are in semitones, since chorales have no spellings: Bach's four values for them are up to 12 % (the bass) below the
paper's, and would be up to 6 % above with names.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from bachlit.errors import CorpusError
from bachlit.metrics import histograms
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.keys import Mode, estimate_key

_MODES: tuple[Mode, Mode] = ("major", "minor")  # that notes are heard in


class Grade(NamedTuple):
    """Distances from Bach, at least 0, in ranks (`rank_distance`) except for repeats.

    Attributes:
        notes: Degrees above the tonic of the estimated key, by sounding time.
        rhythm: Lengths of notes and rests.
        parallels: Parallel fifths and octaves, times their number per note relative to Bach's. Any number in Bach's
            proportion scores 0, so see `rule_counts` too.
        harmony: Chord qualities, per slice.
        soprano: Melodic intervals.
        alto: Likewise.
        tenor: Likewise.
        bass: Likewise.
        repeats: Lengths of repeated patterns, in sixteenths (`length_distance`).
    """

    notes: float
    rhythm: float
    parallels: float
    harmony: float
    soprano: float
    alto: float
    tenor: float
    bass: float
    repeats: float

    @property
    def total(self) -> float:
        """Grade: the sum."""
        return sum(self)


class GradeReference:
    """Grades chorales by their distance from reference chorales.

    Notes, harmony and intervals are compared with the pieces in the same mode (all if there is none), rhythm, parallels
    and repeats with all. A piece of the reference itself gets a slightly better grade.

    Args:
        chorales: Reference, some hundred of Bach's chorales.

    Raises:
        CorpusError: If there is no chorale.

    >>> one = Chorale.from_pitches([[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4)
    >>> two = Chorale.from_pitches([[71, 67, 62, 55]] * 4 + [[73, 69, 64, 57]] * 4)
    >>> GradeReference([one]).grade(one).total
    0.0
    >>> grade = GradeReference([one]).grade(two)
    >>> round(grade.rhythm, 2), round(grade.bass, 2)  # a note is held in `one`; its bass falls a fifth
    (0.14, 1.0)
    """

    def __init__(self, chorales: Iterable[Chorale]) -> None:
        pieces = [_Piece.of(chorale) for chorale in chorales]
        if not pieces:
            raise CorpusError("Grading needs reference chorales; give it some of Bach's, say a hundred.")
        everything = _pooled(pieces)
        self._references: dict[Mode, _Histograms] = {}
        for mode in _MODES:
            pooled = _pooled([piece for piece in pieces if piece.mode == mode] or pieces)
            self._references[mode] = pooled | {part: everything[part] for part in ("rhythm", "parallels", "repeats")}
        # A reference without parallels counts as having one, so that a first one doesn't weigh infinitely.
        errors = max(1, sum(everything["parallels"].values()))
        self._errors_a_note = errors / max(1, sum(piece.num_notes for piece in pieces))

    def grade(self, chorale: Chorale) -> Grade:
        """Grade a chorale, in some milliseconds."""
        piece = _Piece.of(chorale)
        reference = self._references[piece.mode]
        grade = Grade(*(histograms.rank_distance(piece.histograms[part], reference[part]) for part in Grade._fields))
        errors_a_note = sum(piece.histograms["parallels"].values()) / max(1, piece.num_notes)
        return grade._replace(
            parallels=grade.parallels * errors_a_note / self._errors_a_note,
            # By length Bach's mean is 1.57, by ranks 0.89; the paper's is 1.46. Patterns of all four voices at once
            # give 1.25 by ranks, with pieces above 30: more than the paper's spread.
            repeats=histograms.length_distance(piece.histograms["repeats"], reference["repeats"]),
        )


_Histograms = dict[str, Counter[Hashable]]  # by the fields of `Grade`


class _Piece(NamedTuple):
    mode: Mode
    num_notes: int
    histograms: _Histograms

    @classmethod
    def of(cls, chorale: Chorale) -> "_Piece":
        # Estimated, since a piece's stated key must not affect its grade.
        key = estimate_key(chorale.pitches)
        counts: _Histograms = {
            "notes": histograms.degrees(chorale, key),
            "rhythm": histograms.lengths(chorale),
            "parallels": histograms.parallels(chorale),
            "harmony": histograms.qualities(chorale),
            "repeats": histograms.repeats(chorale),
            **{voice: histograms.intervals(chorale, voice) for voice in VOICES},
        }
        num_notes = int((chorale.onsets & (chorale.pitches != REST)).sum())
        return cls(key.mode, num_notes, counts)


def _pooled(pieces: list[_Piece]) -> _Histograms:
    """Sum over pieces."""
    return {part: sum((piece.histograms[part] for piece in pieces), Counter()) for part in Grade._fields}
