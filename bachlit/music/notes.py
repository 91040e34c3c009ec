"""Notes of a chorale, as they sound, and the names of pitches."""

import re
from typing import NamedTuple

import numpy as np

from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale, Voice
from bachlit.music.keys import STEPS

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


class Note(NamedTuple):
    """Note as it sounds, or a rest (pitch 0): one per onset."""

    pitch: int
    start: int
    length: int
    fermata: bool = False


def notes_of(chorale: Chorale, voice: Voice) -> list[Note]:
    """Notes and rests of a voice, in order, without gaps.

    A fermata over a soprano note, or over the soprano's rest, applies to every voice that sounds at its end.

    >>> notes_of(Chorale.from_pitches([[67, 60, 0, 0]] * 3 + [[69, 60, 0, 0]]), "soprano")
    [Note(pitch=67, start=0, length=3, fermata=False), Note(pitch=69, start=3, length=1, fermata=False)]
    """
    column = VOICES.index(voice)
    held = _fermata_frames(chorale)
    pitches = chorale.pitches[:, column]
    return [
        Note(int(pitches[start]), start, end - start, bool(pitches[start] != REST and held[start:end].any()))
        for start, end in _spans(chorale, column)
    ]


def name_of(pitch: int) -> str:
    """Name a MIDI pitch.

    >>> name_of(60), name_of(66)
    ('C4', 'F#4')
    """
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_named(name: str) -> int:
    """MIDI pitch of a name: a letter, sharps or flats, and an octave.

    Raises:
        ValueError: If it names no pitch of MIDI.

    >>> pitch_named("C4"), pitch_named("f#4"), pitch_named("Cb4")
    (60, 66, 59)
    """
    match = re.fullmatch(r"([A-G])(#{0,2}|b{0,2})(-1|[0-9])", name.strip(), re.IGNORECASE | re.ASCII)
    if match:
        altered = match[2].count("#") - match[2].lower().count("b")
        pitch = STEPS[match[1].upper()] + altered + 12 * (int(match[3]) + 1)
        if 0 < pitch <= 127:
            return pitch
    raise ValueError(f"it names no pitch: {name!r}; expected a letter and an octave, such as C3, F#4 or Bb2")


def _spans(chorale: Chorale, column: int) -> list[tuple[int, int]]:
    """First frame and end of each note and rest of a voice."""
    starts = [int(frame) for frame in np.flatnonzero(chorale.onsets[:, column])]
    return list(zip(starts, [*starts[1:], chorale.num_frames], strict=True))


def _fermata_frames(chorale: Chorale) -> BoolArray:
    """Mask (T,) of the frames that carry a fermata: the last of its soprano note, or its own last if that rests."""
    held = np.zeros(chorale.num_frames, dtype=np.bool_)
    for start, end in _spans(chorale, 0):
        if chorale.pitches[start, 0] != REST and chorale.fermatas[start:end].any():
            held[end - 1] = True
    edges = np.flatnonzero(np.diff(chorale.fermatas.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if not chorale.pitches[start:end, 0].any():
            held[end - 1] = True
    return held
