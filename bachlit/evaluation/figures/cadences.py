"""Figures of cadences, at the end of the piece and of its phrases."""

from collections.abc import Mapping

from bachlit import metrics
from bachlit.evaluation.figures.base import Column, Figure, Piece, Ratio

_SECTION = "Cadences"
_KINDS: dict[metrics.CadenceKind, str] = {
    "authentic": "authentic, 5-1 in the bass",
    "weak": "authentic otherwise",
    "half": "half cadences",
    "phrygian": "phrygian",
    "plagal": "plagal",
    "deceptive": "deceptive",
    "other": "others",
}


class Endings(Figure):
    """Chords under fermatas, and the last one's root."""

    section = _SECTION
    columns: Mapping[str, Column] = {
        "triads_at_fermatas": Column("fermatas over triads in root position, %", 1, 100, head="cadences"),
        "ends_on_tonic": Column("pieces that end on the tonic, %", 1, 100),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count chords under fermatas, where the soprano's note begins."""
        close = metrics.cadences(piece.chorale)
        return {
            "triads_at_fermatas": (close.in_root_position, close.fermatas),
            "ends_on_tonic": (close.ends_on_tonic, 1),
        }


class Finals(Figure):
    """Report how pieces end and begin."""

    section = _SECTION
    columns: Mapping[str, Column] = {
        "finals": Column("pieces that end 5-1 with the leading tone, %", 1, 100),
        "finals_minor": Column("pieces in minor that end 5-1 with the leading tone, %", 1, 100),
        "finals_allowed": Column("pieces that end 5-1 where the tune allows it, %", 1, 100, head="finals"),
        "finals_allowed_minor": Column("pieces that end 5-1 where the tune allows it, in minor, %", 1, 100),
        "finals_unclear": Column("last sonority bare or dissonant, %", 1, 100, best="at most bach"),
        "attacks_after_final": Column("attacks per quarter of the piece's last note", best="at most bach"),
        "begins_on_tonic": Column("pieces that begin on the tonic, %", 1, 100),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Judge the end and the beginning."""
        counts = metrics.final_counts(piece.chorale)
        return {
            "finals": (counts.authentic, counts.finals),
            "finals_minor": (counts.authentic_minor, counts.minor),
            "finals_allowed": (counts.authentic_allowed, counts.allowed),
            "finals_allowed_minor": (counts.authentic_allowed_minor, counts.allowed_minor),
            "finals_unclear": (counts.bare + counts.dissonant, counts.finals),
            "attacks_after_final": (4 * counts.attacks, counts.sixteenths),
            "begins_on_tonic": (counts.tonic_beginnings, counts.finals),
        }


class PhraseEnds(Figure):
    """Report how inner phrases end."""

    section = _SECTION
    columns: Mapping[str, Column] = {
        "ends_in_root_position": Column("inner phrase ends on triads in root position, %", 1, 100, head="ends"),
        "ends_five_one": Column("inner phrase ends reached 5-1 by the bass, %", 1, 100, head="5-1"),
        "ends_unclear": Column("inner phrase ends on sevenths or no triad, %", 1, 100, best="at most bach"),
        "attacks_after_ends": Column(
            "attacks of the lower voices per quarter of inner ends", best="at most bach", head="after"
        ),
        "unresolved_leading_tones": Column("leading tones at cadences unresolved, %", 1, 100, best="at most bach"),
        **{f"ends_{kind}": Column(f"inner phrase ends: {label}, %", 1, 100) for kind, label in _KINDS.items()},
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count the cadences of inner phrases."""
        counts = metrics.phrase_end_counts(piece.chorale)
        return {
            "ends_in_root_position": (counts.in_root_position, counts.ends),
            "ends_five_one": (counts.five_one, counts.ends),
            "ends_unclear": (counts.unclear, counts.ends),
            "attacks_after_ends": (4 * counts.attacks, counts.sixteenths),
            "unresolved_leading_tones": (counts.unresolved_leading_tones, counts.leading_tones),
            **{f"ends_{kind}": (getattr(counts, kind), counts.ends) for kind in _KINDS},
        }
