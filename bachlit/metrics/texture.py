"""Texture: rhythmic and melodic activity, since rules are easy to keep where nothing moves."""

from typing import NamedTuple

import numpy as np

from bachlit.metrics.totals import total
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.notes import notes_of

LENGTHS = (1, 2, 3, 4, 6, 8)
"""Note lengths to distinguish, in sixteenths."""


class TextureCounts(NamedTuple):
    """Counts of a piece's texture; add them over pieces with `total`.

    Attributes:
        frames: Sixteenths.
        steps_on: Frames except the first.
        changes: Those of them in which a note begins.
        onsets_soprano: Onsets in this voice.
        onsets_alto: Likewise.
        onsets_tenor: Likewise.
        onsets_bass: Likewise.
        moves: Moves of a voice to another pitch.
        steps: Those by one or two semitones.
        notes: Number of notes.
        lasting_1: Those of one sixteenth.
        lasting_2: Likewise.
        lasting_3: Likewise.
        lasting_4: Likewise.
        lasting_6: Likewise.
        lasting_8: Likewise.
    """

    frames: int = 0
    steps_on: int = 0
    changes: int = 0
    onsets_soprano: int = 0
    onsets_alto: int = 0
    onsets_tenor: int = 0
    onsets_bass: int = 0
    moves: int = 0
    steps: int = 0
    notes: int = 0
    lasting_1: int = 0
    lasting_2: int = 0
    lasting_3: int = 0
    lasting_4: int = 0
    lasting_6: int = 0
    lasting_8: int = 0


class Texture(NamedTuple):
    """Texture of one or more pieces.

    Attributes:
        changing: Share of frames (except the first) in which a note begins.
        attacks: Onsets per 16 sixteenths, for soprano, alto, tenor and bass.
        stepwise: Share of moves by one or two semitones.
        lengths: Share of notes of 1, 2, 3, 4, 6 and 8 sixteenths.
    """

    changing: float
    attacks: tuple[float, ...]
    stepwise: float
    lengths: tuple[float, ...]


def texture_counts(chorale: Chorale) -> TextureCounts:
    """Count the texture of a piece.

    >>> halves = Chorale.from_pitches([[67, 64, 60, 48]] * 8 + [[69, 65, 60, 53]] * 8)
    >>> counts = texture_counts(halves)
    >>> counts.changes, counts.onsets_alto, counts.onsets_tenor, counts.steps, counts.moves, counts.lasting_8
    (1, 2, 1, 2, 3, 6)
    """
    pitches = chorale.pitches.astype(int)
    sounding = pitches != REST
    begins = chorale.onsets & sounding
    leaps = np.abs(np.diff(pitches, axis=0))[sounding[1:] & sounding[:-1]]
    moves, steps = int((leaps > 0).sum()), int(((leaps > 0) & (leaps <= 2)).sum())
    lengths = [note.length for voice in VOICES for note in notes_of(chorale, voice) if note.pitch != REST]
    changes = int(begins[1:].any(axis=1).sum())
    by_voice, by_length = begins.sum(axis=0).tolist(), [lengths.count(length) for length in LENGTHS]
    return TextureCounts._make(
        [chorale.num_frames, chorale.num_frames - 1, changes, *by_voice, moves, steps, len(lengths), *by_length]
    )


def texture(*chorales: Chorale) -> Texture:
    """Texture of pieces, pooled.

    >>> halves = Chorale.from_pitches([[67, 64, 60, 48]] * 8 + [[69, 65, 60, 53]] * 8)
    >>> pooled = texture(halves)
    >>> round(pooled.changing, 3), pooled.attacks, round(pooled.stepwise, 3), pooled.lengths[-1]
    (0.067, (2.0, 2.0, 1.0, 2.0), 0.667, 0.8571428571428571)
    """
    counts = total([texture_counts(chorale) for chorale in chorales])
    per_bar = 16 / counts.frames
    return Texture(
        changing=counts.changes / max(counts.steps_on, 1),
        attacks=tuple(onsets * per_bar for onsets in counts[3:7]),
        stepwise=counts.steps / max(counts.moves, 1),
        lengths=tuple(count / max(counts.notes, 1) for count in counts[-len(LENGTHS) :]),
    )
