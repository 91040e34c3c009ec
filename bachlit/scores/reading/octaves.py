"""A tune that no voice could sing, moved by octaves to where one can."""

import dataclasses

import numpy as np

from bachlit.music.chorale import REST, VOICES, Chorale, Voice, move_into_range
from bachlit.scores.reading.source import warn

_OCTAVES = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5)


def sing_in_range(chorale: Chorale, *, keeping: tuple[Voice, ...] = ()) -> Chorale:
    """The voices of a chorale together in as few octaves' distance as brings them into their ranges, with a warning.

    As it is, if they are near enough there already, or if no number of octaves brings them all there.

    Args:
        chorale: Some voices; the others rest.
        keeping: Voices that stay where they are, as only their rhythm is wanted.

    >>> low = Chorale.from_pitches([[45, 0, 0, 0]] * 4, name="low")
    >>> sing_in_range(low, keeping=("soprano",)).compass
    (45, 45)
    """
    moving = [voice for voice in VOICES if voice not in keeping and chorale.only(voice).compass]
    compasses = {voice: compass for voice in moving if (compass := chorale.only(voice).compass)}
    if not compasses or move_into_range(compasses) is not None:
        return chorale
    for octaves in _OCTAVES:
        moved = {voice: (low + 12 * octaves, high + 12 * octaves) for voice, (low, high) in compasses.items()}
        if move_into_range(moved) is not None:
            distance = f"{abs(octaves)} octave{'s' * (abs(octaves) > 1)} {'up' if octaves > 0 else 'down'}"
            warn(f"The {' and '.join(moving)} of {chorale.name}: moved {distance}, to where voices sing.")
            return _moved(chorale, moving, 12 * octaves)
    return chorale


def _moved(chorale: Chorale, voices: list[Voice], semitones: int) -> Chorale:
    pitches = chorale.pitches.copy()
    for column in map(VOICES.index, voices):
        pitches[:, column] = np.where(pitches[:, column] == REST, REST, pitches[:, column] + semitones)
    return dataclasses.replace(chorale, pitches=pitches)
