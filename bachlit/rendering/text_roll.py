"""Draw a piano roll in letters, where nothing that engraves is installed."""

from itertools import pairwise

import numpy as np

from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.notes import name_of


def text_roll(chorale: Chorale) -> str:
    """Draw a piano roll in letters: a row per pitch, a column per sixteenth.

    Args:
        chorale: The music.

    Returns:
        Lines of equal length. A note is its voice's first letter and a line as long as it lasts; in a unison the higher
        voice is seen. Bars are numbered above, and `^` is a fermata.

    >>> print(text_roll(Chorale.from_pitches([[67, 64, 64, 62]] * 4 + [[65, 64, 64, 62]] * 4)))
       |1       |
     G4|S---    |
    F#4|        |
     F4|    S---|
     E4|A-------|
    Eb4|        |
     D4|B-------|
    """
    low, high = chorale.compass or (60, 60)
    cells = np.full((high - low + 1, chorale.num_frames), " ")
    for column, voice in reversed(list(enumerate(VOICES))):
        sounding = np.flatnonzero(chorale.pitches[:, column] != REST)
        letters = np.where(chorale.onsets[sounding, column], voice[0].upper(), "-")
        cells[high - chorale.pitches[sounding, column], sounding] = letters
    numbers = np.full(chorale.num_frames, " ")
    for measure in chorale.measures:
        number = measure.number[: measure.length]
        numbers[measure.start : measure.start + len(number)] = list(number)
    rows = [("", numbers)]
    if chorale.fermatas.any():
        rows.append(("", np.where(chorale.fermatas & chorale.onsets[:, 0], "^", " ")))
    rows += [(name_of(pitch), row) for pitch, row in zip(range(high, low - 1, -1), cells, strict=True)]
    edges = [*(measure.start for measure in chorale.measures), chorale.num_frames]
    return "\n".join(
        "|".join([f"{head:>3}", *("".join(row[begin:end]) for begin, end in pairwise(edges)), ""]) for head, row in rows
    )
