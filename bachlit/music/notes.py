"""Notes of a chorale, as they sound."""

from typing import NamedTuple

import numpy as np

from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale, Voice


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
