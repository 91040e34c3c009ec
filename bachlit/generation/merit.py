"""Merit: by which harmonisations of one tune are ranked, as far as figures tell them from Bach's."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from bachlit.errors import CheckpointError
from bachlit.metrics import (
    colour_counts,
    final_counts,
    motion_counts,
    phrase_end_counts,
    return_counts,
    sonority_counts,
)
from bachlit.metrics.beats import attacks, beats
from bachlit.metrics.sonorities import chords_at
from bachlit.models.calibration import Weighed
from bachlit.music.chorale import REST, VOICES, Chorale

_BASS = VOICES.index("bass")
_STEP = 2

AIMED = frozenset(
    ("notes", "off_beat", "syncopated", "foreign", "sevenths", "dissonant", "five_one", "bass_steps",
     "bass_repeats", "chord_changes", "root_position", "contrary")
)  # fmt: skip
"""Figures that count by their distance from Bach's mean, above or below it. Of the others, less is better.

Nats among them would not help: a beam's pieces are all likelier than Bach's, and the less likely of them aren't better.
"""


def merit(values: Mapping[str, float], weights: Mapping[str, Weighed]) -> float:
    """Give the merit of a finished piece; among pieces under one prompt, Bach's would have the most.

    Args:
        values: Its `figures`.
        weights: Of some of them, from a model's calibration.

    Returns:
        The log odds, up to a constant, that it is Bach's rather than the model's: the sum of weights times distances
        from Bach's means, in standard deviations, taken from 0.

    >>> held = Chorale.from_pitches([[72, 67, 60, 48]] * 16)
    >>> weights = {"bare": Weighed(2.0, mean=0.0, deviation=0.5), "nats": Weighed(1.0, mean=0.25, deviation=0.25)}
    >>> merit(figures(held, None, log_prob=-8.0), weights)
    -5.0
    """
    return -sum(weighed.weight * distance(name, values[name], weighed) for name, weighed in weights.items())


def require_known(weights: Mapping[str, Weighed]) -> None:
    """Refuse weights of figures that there aren't, before any work.

    Raises:
        CheckpointError: If there is no figure of such a name.
    """
    unknown = next((name for name in weights if name not in _names()), None)
    if unknown is not None:
        raise CheckpointError(
            f"The model's calibration weighs {unknown[:40]!r}, which isn't known here; expected figures such as bare; "
            "calibrate it anew with this bachlit."
        )


@cache
def _names() -> frozenset[str]:
    return frozenset(figures(Chorale.from_pitches([[72, 67, 64, 48]] * 16), None, log_prob=0.0))


def distance(name: str, value: float, weighed: Weighed) -> float:
    """Give how much worse than Bach's mean a figure is, in standard deviations.

    >>> distance("bare", 0.0, Weighed(1.0, 0.5, 0.5)), distance("off_beat", 0.0, Weighed(1.0, 0.5, 0.5))
    (-1.0, 1.0)
    """
    away = (value - weighed.mean) / weighed.deviation
    return abs(away) if name in AIMED else away


def figures(chorale: Chorale, ends: Sequence[int] | None, log_prob: float) -> dict[str, float]:
    """Give the figures of a finished piece, as rates.

    Args:
        chorale: The piece.
        ends: Frames in which the last notes of its phrases begin; its fermatas if None.
        log_prob: The model's log-probability of it, in nats.

    Returns:
        By name: nats per frame; rates per beat, per note of the lower voices, or per phrase end; 0 where there are
        none.
    """
    motion, sounds, colour = motion_counts(chorale), sonority_counts(chorale), colour_counts(chorale, ends)
    final, phrases, returning = final_counts(chorale), phrase_end_counts(chorale, ends), return_counts(chorale)
    arrivals = phrases.sixteenths + final.sixteenths
    return {
        "nats": -log_prob / chorale.num_frames,
        "alternating": _rate(motion.alternating, motion.notes),
        "returning": _rate(motion.returning, motion.notes),
        "notes": _rate(motion.notes, motion.beats),
        "off_beat": _rate(motion.off_beat, motion.beats),
        "syncopated": _rate(motion.syncopated, motion.notes),
        "awkward": _rate(motion.awkward, motion.intervals),
        "foreign": _rate(colour.foreign, colour.notes),
        "unexplained": _rate(colour.foreign - colour.applied - colour.raised - colour.modulating, colour.notes),
        "sevenths": _rate(sounds.sevenths, sounds.beats),
        "unresolved": _rate(sounds.unresolved_sevenths, sounds.beats),
        "dissonant": _rate(sounds.dissonant, sounds.beats),
        "bare": _rate(sounds.bare, sounds.beats),
        "doubled": _rate(sounds.doubled_leading_tones, sounds.beats),
        "copies": _rate(returning.copies, returning.returns),
        "weak_final": float(not final.authentic),
        "bad_final": float(final.bare + final.dissonant),
        "other_opening": float(not final.tonic_beginnings),
        "inverted_ends": _rate(phrases.ends - phrases.in_root_position, phrases.ends),
        "five_one": _rate(phrases.five_one, phrases.ends),
        "weak_ends": _rate(phrases.weak + phrases.deceptive + phrases.other, phrases.ends),
        "unresolved_leading_tones": _rate(phrases.unresolved_leading_tones, phrases.ends),
        "restless_ends": _rate(phrases.attacks + final.attacks, arrivals),
        **_progressions(chorale),
    }


def _rate(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _progressions(chorale: Chorale) -> dict[str, float]:
    """Give how bass and harmony go from beat to beat."""
    frames = beats(chorale)[:, 0]
    named = [
        (chord.root, int(pitches[_BASS]) % 12 == chord.root)
        for pitches, chord in zip(chorale.pitches[frames], chords_at(chorale.pitches[frames]), strict=True)
        if chord is not None and chord.root is not None
    ]
    roots = np.array([root for root, _ in named])
    moves = np.diff(chorale.pitches[frames].astype(np.int64), axis=0)[:, [0, _BASS]]
    both = (chorale.pitches[frames][1:][:, [0, _BASS]] != REST) & (chorale.pitches[frames][:-1][:, [0, _BASS]] != REST)
    moves = moves[both.all(axis=1) & (moves[:, 0] != 0)]
    bass = chorale.pitches[attacks(chorale)[:, _BASS], _BASS].astype(np.int64)
    steps = np.abs(np.diff(bass))
    return {
        "chord_changes": _rate(int((np.diff(roots) != 0).sum()), len(roots) - 1),
        "root_position": _rate(sum(is_root for _, is_root in named), len(named)),
        "contrary": _rate(int((moves[:, 0] * moves[:, 1] < 0).sum()), len(moves)),
        "bass_steps": _rate(int(((steps > 0) & (steps <= _STEP)).sum()), len(steps)),
        "bass_repeats": _rate(int((steps == 0).sum()), len(steps)),
    }
