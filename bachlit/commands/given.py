"""Harmony that is given with a score, as rules."""

from bachlit.decoding import ChordTones, Rules
from bachlit.music.chorale import Chorale
from bachlit.music.measures import whole_bars


def given_harmony(chorale: Chorale, chords, figured_bass, voices) -> Rules:
    if chords is None:
        return Rules()
    tones = ChordTones(chords=chords)
    tones.refuse_misfit([bar.length for bar in whole_bars(chorale.measures)])
    return Rules((tones,))
