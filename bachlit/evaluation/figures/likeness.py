"""Figures of composed voices beside Bach's own, and by the model."""

from collections.abc import Mapping

from bachlit import metrics
from bachlit.evaluation.figures.base import Column, Figure, Piece, Ratio


class ErrorRates(Figure):
    """Cells and frames that differ from Bach's."""

    section = "Beside Bach's own notes"
    columns: Mapping[str, Column] = {
        "ter": Column("wrong cells (TER)", 3, best="lowest"),
        "fer": Column("frames with a wrong cell (FER)", 3, best="lowest"),
        "pitch_error": Column("pitches other than Bach's", 3, best="lowest", head="not Bach's"),
        "ter_where_bach_moves": Column("wrong cells where Bach's voice begins a note", 3, best="lowest"),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Compare with the original, if there is one."""
        if piece.original is None or piece.free is None:
            return {}
        rates = metrics.error_rates(piece.chorale, piece.original, piece.free)
        return {
            "ter": (rates.wrong_cells, rates.cells),
            "fer": (rates.wrong_frames, rates.frames),
            "pitch_error": (rates.wrong_pitches, rates.cells),
            "ter_where_bach_moves": (rates.wrong_moving_cells, rates.moving_cells),
        }


class ByTheModel(Figure):
    """The model's own opinion, and the tokens at which rules gave way."""

    section = "By the model"
    columns: Mapping[str, Column] = {
        "nats_per_frame": Column("nats per frame", 3, best=None, head="nats"),
        "gave_way": Column("tokens per piece at which a rule gave way", best="lowest"),
    }

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        """Report what is known."""
        figures: dict[str, Ratio] = {}
        if piece.log_prob is not None:
            figures["nats_per_frame"] = (-piece.log_prob, piece.chorale.num_frames)
        if piece.yielded is not None:
            figures["gave_way"] = (piece.yielded, 1)
        return figures
