"""Texture: how much happens. A chorale that breaks no rule because nothing moves is no chorale."""

from typing import NamedTuple

import numpy as np

from bachlit.chorale import REST, Chorale

_LENGTHS = (1, 2, 3, 4, 6, 8)


class Texture(NamedTuple):
    """The liveliness of one or more pieces.

    Attributes:
        changing: Share of frames (but each piece's first) in which some note begins.
        attacks: Notes begun in 16 sixteenths, for soprano, alto, tenor and bass.
        stepwise: Share of the moves to another pitch that are by one or two semitones.
        lengths: Share of notes that last 1, 2, 3, 4, 6 and 8 sixteenths; the rest last otherwise.
    """

    changing: float
    attacks: tuple[float, float, float, float]
    stepwise: float
    lengths: tuple[float, ...]


def texture(*chorales: Chorale) -> Texture:
    """The texture of pieces, pooled.

    >>> halves = Chorale.from_pitches([[67, 64, 60, 48]] * 8 + [[69, 65, 60, 53]] * 8)
    >>> pooled = texture(halves)
    >>> round(pooled.changing, 3), pooled.attacks, round(pooled.stepwise, 3), pooled.lengths[-1]
    (0.067, (2.0, 2.0, 1.0, 2.0), 0.667, 0.8571428571428571)
    """
    frames = sum(chorale.num_frames for chorale in chorales)
    changes = 0
    attacks = np.zeros(4)
    steps, moves = 0, 0
    lengths: list[int] = []
    for chorale in chorales:
        begins = chorale.onsets & (chorale.pitches != REST)
        changes += int(begins[1:].any(axis=1).sum())
        attacks += begins.sum(axis=0)
        for voice in range(4):
            starts = np.flatnonzero(chorale.onsets[:, voice])
            ends = np.append(starts[1:], chorale.num_frames)
            sung = chorale.pitches[starts, voice].astype(int)
            lengths += (ends - starts)[sung != REST].tolist()
            leaps = np.abs(np.diff(sung))[(sung[1:] != REST) & (sung[:-1] != REST)]
            moves += int((leaps > 0).sum())
            steps += int(((leaps > 0) & (leaps <= 2)).sum())
    per_bar = 16 * attacks / frames
    return Texture(
        changing=changes / max(frames - len(chorales), 1),
        attacks=(float(per_bar[0]), float(per_bar[1]), float(per_bar[2]), float(per_bar[3])),
        stepwise=steps / max(moves, 1),
        lengths=tuple(lengths.count(length) / max(len(lengths), 1) for length in _LENGTHS),
    )
