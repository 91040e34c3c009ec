"""Headings: a title on one line, made to fit the room above the music."""

import string
import unicodedata

from bachlit.scores.writing.musicxml import one_line

SMALLEST = 12
"""Pixels: a title that is still too long at this size is shortened."""

# Guessed widths in ems, no letter's less than in DejaVu, whose letters are wide: an SVG's reader has fonts of his own.
_NARROW = {*string.ascii_lowercase, *string.digits, *" .,;:!?'-()\N{RIGHT SINGLE QUOTATION MARK}"} - {"m", "w"}
_CAPITALS = {*string.ascii_uppercase} - {"M", "W"}


def heading(title: str, room: float, size: float) -> tuple[str, float]:
    r"""A title as it is drawn, and how large.

    Args:
        title: As the chorale has it.
        room: Its greatest width in pixels.
        size: Of the letters in pixels, if there is room; a longer title is smaller, then shortened.

    Returns:
        The text, empty if nothing can be drawn, and the size.

    >>> heading(" Ein feste Burg\n", room=500, size=26)
    ('Ein feste Burg', 26)
    >>> heading("Ein feste Burg ist unser Gott", room=100, size=26)
    ('Ein feste…', 12)
    """
    text = one_line(title)
    if not text:
        return "", size
    size = min(size, max(SMALLEST, int(room / sum(map(_width, text)))))
    if size * sum(map(_width, text)) <= room:
        return text, size
    left = room / size - _width("…")
    for end, letter in enumerate(text):
        left -= _width(letter)
        if left < 0:
            return f"{text[:end].rstrip()}…", size
    return text, size


def _width(letter: str) -> float:
    """At most so many ems; an accent adds nothing."""
    base = unicodedata.normalize("NFD", letter)[0]
    return 0.65 if base in _NARROW else 0.88 if base in _CAPITALS else 1.2
