"""Find and count breaches of part-writing rules: parallels, crossings, spacing, ranges, leaps.

Rules compare frames that are heard one after the other, in which all pitches concerned sound: after a first ending
comes the repeat's first chord, and each such pair counts once. Bach breaks each of them now and then; what matters is
how often (`test_rules.py` has figures from JSB-16th).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.metrics.breaches import Breach, breaches_in
from bachlit.music.chorale import RANGES, REST, VOICES, BoolArray, Chorale, Voice
from bachlit.music.playing import transitions

_OCTAVE, _FIFTH = 12, 7

_PAIRS = tuple(combinations(range(4), 2))
_NEIGHBOURS = ((0, 1), (1, 2), (2, 3))
_OUTER = ((0, 3),)
_SINGLE = ((0,), (1,), (2,), (3,))


class RuleCounts(NamedTuple):
    """Breaches of each rule in a piece; add them over pieces with `total`.

    Attributes:
        frames: Length in sixteenths.
        parallel_fifths: Two voices move and are a fifth (or twelfth ...) apart before and after.
        parallel_octaves: Likewise an octave or a unison.
        similar_fifths: Parallel fifths in similar motion.
        similar_octaves: Parallel octaves in similar motion.
        hidden_fifths: The outer voices reach a fifth in similar motion, the soprano by a leap.
        hidden_octaves: Likewise into an octave.
        crossings: Frames in which a voice is below its lower neighbour, per pair.
        overlaps: Frames in which a voice goes below its lower neighbour's previous note, or above its upper one's.
        wide_soprano_alto: Frames in which they are more than an octave apart.
        wide_alto_tenor: Likewise.
        out_of_range: Frames of notes outside their voice's range.
        wide_leaps: Leaps of more than an octave.
    """

    frames: int = 0
    parallel_fifths: int = 0
    parallel_octaves: int = 0
    similar_fifths: int = 0
    similar_octaves: int = 0
    hidden_fifths: int = 0
    hidden_octaves: int = 0
    crossings: int = 0
    overlaps: int = 0
    wide_soprano_alto: int = 0
    wide_alto_tenor: int = 0
    out_of_range: int = 0
    wide_leaps: int = 0


def rule_counts(chorale: Chorale) -> RuleCounts:
    """Count the breaches of a chorale.

    >>> fifths = Chorale.from_pitches([[72, 67, 60, 48], [74, 67, 62, 50], [74, 67, 59, 43]])
    >>> counts = rule_counts(fifths)  # soprano, tenor and bass all go up a tone
    >>> counts.parallel_octaves, counts.parallel_fifths, counts.hidden_octaves
    (3, 0, 0)
    >>> rule_counts(Chorale.from_pitches([[60, 64, 55, 48]])).crossings
    1
    """
    return RuleCounts(chorale.num_frames, **{name: len(found) for name, found in rule_breaches(chorale).items()})


def rule_breaches(chorale: Chorale, ranges: Mapping[Voice, tuple[int, int]] = RANGES) -> dict[str, list[Breach]]:
    """List the breaches that `rule_counts` counts, by the names of its counts.

    Args:
        chorale: The music.
        ranges: Lowest and highest pitch of each voice.

    >>> fifths = Chorale.from_pitches([[72, 67, 60, 48], [74, 67, 62, 50], [74, 67, 59, 43]])
    >>> rule_breaches(fifths)["parallel_octaves"][0]
    Breach(frame=1, voices=(0, 2), before=0)
    """
    pitches = chorale.pitches.astype(np.int64)
    sounding = pitches != REST
    upper, lower = pitches[:, :3], pitches[:, 1:]  # (T, 3) neighbours
    before, after = transitions(chorale).T  # (N,)
    moves = pitches[after] - pitches[before]  # (N, 4)
    (fifths, octaves), similar = parallel_motion(chorale)
    hidden_fifths, hidden_octaves = _hidden(pitches[before], pitches[after])
    too_wide = (upper - lower > _OCTAVE) & sounding[:, :3] & sounding[:, 1:]  # (T, 3)
    lowest, highest = np.array([ranges[voice] for voice in VOICES]).T
    outside = sounding & ((pitches < lowest) | (pitches > highest))
    leaps = (np.abs(moves) > _OCTAVE) & sounding[after] & sounding[before]
    every = range(chorale.num_frames)

    def moving(mask: BoolArray, voices: Sequence[tuple[int, ...]]) -> list[Breach]:
        return breaches_in(mask, after.tolist(), voices, before.tolist())

    overlaps = [
        *moving(_below(upper[after], lower[before]), _NEIGHBOURS),
        *moving(_below(upper[before], lower[after]), _NEIGHBOURS),
    ]
    return {
        "parallel_fifths": moving(fifths, _PAIRS),
        "parallel_octaves": moving(octaves, _PAIRS),
        "similar_fifths": moving(fifths & similar, _PAIRS),
        "similar_octaves": moving(octaves & similar, _PAIRS),
        "hidden_fifths": moving(hidden_fifths[:, None], _OUTER),
        "hidden_octaves": moving(hidden_octaves[:, None], _OUTER),
        "crossings": breaches_in(_below(upper, lower), every, _NEIGHBOURS),
        "overlaps": sorted(overlaps),
        "wide_soprano_alto": breaches_in(too_wide[:, :1], every, _NEIGHBOURS[:1]),
        "wide_alto_tenor": breaches_in(too_wide[:, 1:2], every, _NEIGHBOURS[1:2]),
        "out_of_range": breaches_in(outside, every, _SINGLE),
        "wide_leaps": moving(leaps, _SINGLE),
    }


def parallel_motion(chorale: Chorale) -> tuple[BoolArray, BoolArray]:
    """Masks of parallel fifths and octaves (2, N, 6) of all pairs of voices, and of similar motion (N, 6).

    N are the transitions from frame to frame, as they are heard.

    >>> fifths = Chorale.from_pitches([[72, 65, 60, 48], [74, 67, 60, 48]])
    >>> parallel_motion(fifths)[0].sum(axis=(1, 2)).tolist()
    [1, 0]
    """
    pitches = chorale.pitches.astype(np.int64)
    before, after = transitions(chorale).T
    upper, lower = np.array(_PAIRS).T
    moves = pitches[after] - pitches[before]  # (N, 4)
    sounding = (pitches[after] != REST) & (pitches[before] != REST) & (moves != 0)
    interval = np.abs(pitches[:, upper] - pitches[:, lower]) % _OCTAVE  # (T, 6)
    same = sounding[:, upper] & sounding[:, lower] & (interval[after] == interval[before])
    similar: BoolArray = moves[:, upper] * moves[:, lower] > 0
    return np.stack([same & (interval[after] == size) for size in (_FIFTH, 0)]), similar


def _hidden(before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> tuple[BoolArray, BoolArray]:
    """Mask (N,) hidden fifths and octaves of the outer voices, from pitches (N, 4) to pitches (N, 4)."""
    soprano, bass = (after - before)[:, [0, 3]].T  # (N,) moves
    sounding = (before[:, [0, 3]] != REST).all(axis=1) & (after[:, [0, 3]] != REST).all(axis=1)
    leaps = (soprano * bass > 0) & (np.abs(soprano) > 2) & sounding
    old, new = (np.abs(pitches[:, 0] - pitches[:, 3]) % _OCTAVE for pitches in (before, after))
    fifths, octaves = (leaps & (new == size) & (old != size) for size in (_FIFTH, 0))
    return fifths, octaves


def _below(upper: npt.NDArray[np.int64], lower: npt.NDArray[np.int64]) -> BoolArray:
    """Mask where an upper voice is below its lower neighbour."""
    mask: BoolArray = (upper < lower) & (upper != REST) & (lower != REST)
    return mask
