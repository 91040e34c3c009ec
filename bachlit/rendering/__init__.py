"""Render chorales: engraved scores, piano rolls, and sound.

Importing needs NumPy alone. Pictures need the extra `bachlit[render]`, loaded when one is drawn.
"""

from bachlit.extras import MissingPackageError, require
from bachlit.rendering.engraving import png, require_engraver, svg
from bachlit.rendering.organ import PARTIALS, frame_times, wav

__all__ = ["PARTIALS", "MissingPackageError", "frame_times", "png", "require", "require_engraver", "svg", "wav"]
