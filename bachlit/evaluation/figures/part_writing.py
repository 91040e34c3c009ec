"""Figures of part-writing: broken rules, texture, motion, dissonance, colour and returning bars."""

from collections.abc import Mapping

from bachlit import metrics
from bachlit.evaluation.figures.base import Column, Figure, Piece, Ratio
from bachlit.music.chorale import VOICES

_SECTION = "Part writing"


class PartWritingRules(Figure):
    """Breaches of rules, per piece or in 1,000 frames."""

    section = "Rules of part-writing"
    columns: Mapping[str, Column] = {
        "parallel_fifths": Column("parallel fifths per piece", best="at most bach", head="5ths"),
        "parallel_octaves": Column("parallel octaves per piece", best="at most bach", head="8ves"),
        "similar_fifths": Column("parallel fifths in similar motion", best="at most bach"),
        "similar_octaves": Column("parallel octaves in similar motion", best="at most bach"),
        "hidden_fifths": Column("hidden fifths per piece", best="at most bach"),
        "hidden_octaves": Column("hidden octaves per piece", best="at most bach"),
        "crossings": Column("crossings in 1,000 frames", 1, 1000, best="at most bach", head="crossed"),
        "overlaps": Column("overlaps in 1,000 frames", 1, 1000, best="at most bach"),
        "wide_soprano_alto": Column("soprano and alto too wide in 1,000 frames", 1, 1000, best="at most bach"),
        "wide_alto_tenor": Column("alto and tenor too wide in 1,000 frames", 1, 1000, best="at most bach"),
        "out_of_range": Column("notes out of range in 1,000 frames", 1, 1000, best="at most bach"),
        "wide_leaps": Column("leaps above an octave per piece", best="at most bach"),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count the breaches."""
        counts = metrics.rule_counts(piece.chorale)._asdict()
        return {
            name: (counts[name], counts["frames"] if column.scale == 1000 else 1)
            for name, column in self.columns.items()
        }


class Texture(Figure):
    """Rhythmic and melodic activity."""

    section = "Texture"
    columns: Mapping[str, Column] = {
        "changing": Column("frames with a change, %", 1, 100, head="change"),
        **{f"attacks_{voice}": Column(f"attacks in 16 sixteenths, {voice}") for voice in VOICES},
        "stepwise": Column("stepwise motion, %", 1, 100, head="steps"),
        **{f"lasting_{length}": Column(f"notes of {length}/16, %", 1, 100) for length in metrics.LENGTHS},
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count onsets, moves and lengths."""
        counts = metrics.texture_counts(piece.chorale)
        lengths = {name: count for name, count in counts._asdict().items() if name.startswith("lasting_")}
        return {
            "changing": (counts.changes, counts.steps_on),
            **{f"attacks_{voice}": (16 * num, counts.frames) for voice, num in zip(VOICES, counts[3:7], strict=True)},
            "stepwise": (counts.steps, counts.moves),
            **{name: (count, counts.notes) for name, count in lengths.items()},
        }


class Motion(Figure):
    """Motion of the lower voices."""

    section = _SECTION
    columns: Mapping[str, Column] = {
        "alternating": Column("notes in a-b-a-b eighths, %", 1, 100, best="at most bach", head="a-b-a-b"),
        "longest_alternation": Column("longest run of a-b-a-b eighths", 0, pool="largest", best="at most bach"),
        "returning": Column("three eighths that return, x-y-x, %", 1, 100, best="at most bach"),
        "off_beat": Column("beats with an off-beat attack, %", 1, 100, head="off beat"),
        "syncopated": Column("notes tied from off the beat over the next, %", 1, 100, best="at most bach"),
        "tied_over": Column("bars of 6/8, 9/8, 12/8 tied over against the tune, %", 1, 100, best="lowest"),
        "awkward": Column("awkward intervals of alto and tenor, %", 1, 100, best="at most bach"),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count the motion."""
        counts = metrics.motion_counts(piece.chorale)
        return {
            "alternating": (counts.alternating, counts.notes),
            "longest_alternation": (metrics.longest_alternation(piece.chorale), 1),
            "returning": (counts.returning, counts.triples),
            "off_beat": (counts.off_beat, counts.beats),
            "syncopated": (counts.syncopated, counts.notes),
            "tied_over": (counts.tied_over, counts.compound_bars),
            "awkward": (counts.awkward, counts.intervals),
        }


class Sonorities(Figure):
    """Dissonance and its treatment on heard beats."""

    section = _SECTION
    columns: Mapping[str, Column] = {
        "dissonant": Column("dissonant beats, %", 1, 100, head="dissonant"),
        "bare": Column("beats without a third, %", 1, 100, best="at most bach"),
        "unresolved_sevenths": Column("sevenths unresolved, %", 1, 100, best="at most bach", head="sevenths"),
        "unresolved_dominant_sevenths": Column("dominant sevenths unresolved, %", 1, 100, best="at most bach"),
        "doubled_leading_tones": Column("doubled leading tones, %", 1, 100, best="at most bach"),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count the sonorities."""
        counts = metrics.sonority_counts(piece.chorale)
        return {
            "dissonant": (counts.dissonant, counts.beats),
            "bare": (counts.bare, counts.beats),
            "unresolved_sevenths": (counts.unresolved_sevenths, counts.sevenths),
            "unresolved_dominant_sevenths": (counts.unresolved_dominant_sevenths, counts.dominant_sevenths),
            "doubled_leading_tones": (counts.doubled_leading_tones, counts.leading_tones),
        }


class Colour(Figure):
    """Foreign notes of the lower voices, and what explains them."""

    section = _SECTION
    columns: Mapping[str, Column] = {
        "foreign": Column("notes foreign to the key, %", 1, 100, head="foreign"),
        "foreign_explained": Column("foreign notes that are explained, %", 1, 100),
        "foreign_applied": Column("foreign notes in applied dominants, %", 1, 100),
        "foreign_raised": Column("foreign notes that raise a degree, %", 1, 100),
        "foreign_modulating": Column("foreign notes of a phrase's own key, %", 1, 100),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count the foreign notes."""
        counts = metrics.colour_counts(piece.chorale)
        return {
            "foreign": (counts.foreign, counts.notes),
            "foreign_explained": (counts.applied + counts.raised + counts.modulating, counts.foreign),
            "foreign_applied": (counts.applied, counts.foreign),
            "foreign_raised": (counts.raised, counts.foreign),
            "foreign_modulating": (counts.modulating, counts.foreign),
        }


class Returns(Figure):
    """Bars of the tune that return."""

    section = _SECTION
    columns: Mapping[str, Column] = {"copies": Column("returning bars harmonised alike, %", 1, 100, head="copies")}

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Count the bars that return."""
        counts = metrics.return_counts(piece.chorale)
        return {"copies": (counts.copies, counts.returns)}
