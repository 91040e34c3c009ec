"""Spell MIDI pitches in a key."""

from collections.abc import Sequence
from typing import NamedTuple

from bachlit.music.chorale import REST
from bachlit.music.keys import FIFTHS, Key


class Spelling(NamedTuple):
    """Spelling of a pitch: step A to G, alteration in semitones, octave (4 begins at middle C)."""

    step: str
    alter: int
    octave: int


def spell(pitch: int, key: Key, *, leads: int = 0) -> Spelling:
    """Spell a pitch in a key, as one of twelve neighbours on the line of fifths.

    In C major those are E-flat to G-sharp, in A minor B-flat to D-sharp, and one fifth further before a step of a
    semitone: D-sharp leads to E, A-flat to G. Double accidentals occur only as minor's raised sixth or seventh degree.
    A church mode is spelled as the major or minor key of its tonic, with its own notes.
    Of 21,206 notes in 92 of Bach's chorales all but 15 are spelled as in music21's corpus (39 without regard to the
    next note).

    Args:
        pitch: MIDI pitch.
        key: The written key.
        leads: 1 if the voice moves a semitone up next, -1 if a semitone down, else 0.

    >>> [spell(pitch, Key(0, "major")).step for pitch in (60, 61, 63, 66, 68, 70)]
    ['C', 'C', 'E', 'F', 'G', 'B']
    >>> spell(59, Key(-6, "major")), spell(67, Key(5, "minor"))  # C-flat, and the leading note F-double-sharp
    (Spelling(step='C', alter=-1, octave=4), Spelling(step='F', alter=2, octave=4))
    >>> spell(63, Key(0, "major")).step, spell(63, Key(0, "major"), leads=1).step
    ('E', 'D')
    >>> spell(65, Key(0, "locrian")).step  # B minor alone would have an E-sharp
    'F'
    """
    lowest, key = key.fifths - 1, key.parallel  # a mode's own notes begin there
    lowest = min(lowest, key.fifths - (2 if key.mode == "minor" else 3)) + leads
    fifths = lowest + (7 * pitch - lowest) % 12  # from C, along the line of fifths
    degree = fifths - key.fifths
    if not -8 <= fifths <= 12 and not (key.mode == "minor" and degree in (6, 8)):
        fifths += -12 if fifths > 0 else 12
    alter = (fifths + 1) // 7
    return Spelling(FIFTHS[(fifths + 1) % 7], alter, (pitch - alter) // 12 - 1)


def spell_voice(pitches: Sequence[int], key: Key | Sequence[Key]) -> list[Spelling | None]:
    """Spell the notes of a voice, each with regard to the next pitch; None for rests.

    Args:
        pitches: MIDI pitches, 0 a rest.
        key: The key, or one per note.

    >>> [name and name.step for name in spell_voice([63, 63, 64, 0, 63, 62], Key())]
    ['D', 'D', 'E', None, 'E', 'D']
    """
    spellings: list[Spelling | None] = []
    ahead = after = REST  # the next note's pitch, and the next that differs from it
    keys = [key] * len(pitches) if isinstance(key, Key) else key
    for pitch, own_key in zip(reversed(pitches), reversed(keys), strict=True):
        if pitch == REST:
            spellings.append(None)
            continue
        if pitch != ahead:
            ahead, after = pitch, ahead
        leads = after - pitch if after != REST and abs(after - pitch) == 1 else 0
        spellings.append(spell(pitch, own_key, leads=leads))
    return spellings[::-1]
