"""Fit titles into the width above the music."""

import string
import unicodedata

from bachlit.scores.writing.musicxml import one_line

_SMALLEST = 12  # pixels; a title too long at this size is shortened

# Upper bounds of widths in ems, by DejaVu, which is wide: an SVG is drawn in the viewer's own fonts.
_NARROW = {*string.ascii_lowercase, *string.digits, *" .,;:!?'-()\N{RIGHT SINGLE QUOTATION MARK}"} - {"m", "w"}
_CAPITALS = {*string.ascii_uppercase} - {"M", "W"}


def heading(title: str, room: float, size: float) -> tuple[str, float]:
    r"""Fit a title into a width.

    Args:
        title: The title.
        room: Greatest width in pixels.
        size: Font size in pixels, if there is room; a longer title is drawn smaller, then shortened.

    Returns:
        The text (possibly empty) and the font size.

    >>> heading(" Ein feste Burg\n", room=500, size=26)
    ('Ein feste Burg', 26)
    >>> heading("Ein feste Burg ist unser Gott", room=100, size=26)
    ('Ein feste…', 12)
    """
    text = one_line(title)
    if not text:
        return "", size
    size = min(size, max(_SMALLEST, int(room / sum(map(_width, text)))))
    if size * sum(map(_width, text)) <= room:
        return text, size
    left = room / size - _width("…")
    for end, letter in enumerate(text):
        left -= _width(letter)
        if left < 0:
            return f"{text[:end].rstrip()}…", size
    return text, size


def _width(letter: str) -> float:
    """Greatest width in ems; accents add nothing."""
    base = unicodedata.normalize("NFD", letter)[0]
    return 0.65 if base in _NARROW else 0.88 if base in _CAPITALS else 1.2
