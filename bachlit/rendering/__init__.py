"""Render chorales: engraved scores on screen and paper, piano rolls, and sound.

Importing needs NumPy alone. Pictures need the extra `bachlit[render]`, loaded when one is drawn.
"""

from bachlit.extras import MissingPackageError, require
from bachlit.rendering.engraving import png, png_of, require_engraver, svg, svg_of
from bachlit.rendering.organ import PARTIALS, frame_times, wav
from bachlit.rendering.player import PLAYED_TEMPO, played, player
from bachlit.rendering.printing import Paper, pdf, pdf_of
from bachlit.rendering.text_roll import text_roll

__all__ = [
    "PARTIALS", "PLAYED_TEMPO", "MissingPackageError", "Paper", "frame_times", "pdf", "pdf_of", "played", "player",
    "png", "png_of", "require", "require_engraver", "svg", "svg_of", "text_roll", "wav",
]  # fmt: skip
