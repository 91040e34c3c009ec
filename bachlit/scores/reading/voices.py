"""Find the voices among the parts of a score, and move them into range."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bachlit.errors import ScoreError
from bachlit.music.chorale import REST, VOICES, Chorale, Voice, move_into_range
from bachlit.scores.reading.score import Part
from bachlit.scores.reading.source import warn

_OCTAVES = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5)
_TUNE = re.compile(r"\b(melod\w*|tune|vocals?|voices?|sing\w*|lead|solo|cantus|canto|c\.? ?f\.?)\b", re.IGNORECASE)


def named_parts(path: Path, parts: Sequence[Part], voices: Sequence[Voice]) -> dict[Voice, Part]:
    """Find the parts of some voices. A single part is a single voice, whatever its name.

    Raises:
        ScoreError: If it is unclear which parts they are.
    """
    chosen = choose(parts, voices) or ({voices[0]: parts[0]} if len(voices) == len(parts) == 1 else None)
    if chosen is not None:
        return chosen
    names = [voice.capitalize() for voice in voices]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    raise ScoreError(
        f"{path} has {len(parts)} part{'s' * (len(parts) != 1)}, and it is unclear which "
        f"{'is' if len(voices) == 1 else 'are'} {listed}; expected parts named so, only these, or four in order."
    )


def parts_of_voices(path: Path, parts: Sequence[Part]) -> dict[Voice, Part]:
    """Find the parts of all voices that a score has; if unclear, take its tune as the soprano."""
    chosen = choose(parts, VOICES)
    if chosen is not None:
        return chosen
    names = _names(parts)
    named = {voice: parts[names.index(voice)] for voice in VOICES if voice in names}
    others = [part for part, name in zip(parts, names, strict=True) if name not in named]
    if len(parts) == 1 and others:
        return {"soprano": parts[0]}
    if (others and "soprano" not in named) or any(names.count(voice) > 1 for voice in named):
        # The part with the tune: one named so, else the top one.
        tune = next((part for part in others or parts if _TUNE.search(part.name)), (others or parts)[0])
        left_out = [part for part in parts if part is not tune]
        warn(f"{path}: the tune is taken from {_called([tune])}; left out: {_called(left_out)}.")
        return {"soprano": tune}
    if others:
        warn(f"{path}: parts that are no voice are left out: {_called(others)}.")
    return named


def _called(parts: Sequence[Part]) -> str:
    """Names of parts for a message, on one line."""
    names = [" ".join(part.name.split())[:40] or "one without a name" for part in parts]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def choose(parts: Sequence[Part], voices: Sequence[Voice]) -> dict[Voice, Part] | None:
    """Find the parts of some voices by name, else by position among four; None if unclear."""
    names = _names(parts)
    # A name used twice (Soprano, Soprano) identifies nothing.
    places = {voice: names.index(voice) for voice in VOICES if names.count(voice) == 1}
    if all(voice in places for voice in voices):
        return {voice: parts[places[voice]] for voice in voices}
    if len(parts) == len(VOICES) and all(VOICES.index(voice) == place for voice, place in places.items()):
        return {voice: parts[VOICES.index(voice)] for voice in voices}
    return None


def _names(parts: Sequence[Part]) -> list[str]:
    return [part.name.strip().lower() for part in parts]


def sing_in_range(chorale: Chorale, *, keeping: tuple[Voice, ...] = ()) -> Chorale:
    """Move voices together by the fewest octaves that bring them into their ranges, with a warning.

    The chorale is unchanged if they are already near enough, or if no number of octaves fits them all.

    Args:
        chorale: Some voices; the others rest.
        keeping: Voices to leave, since only their rhythm is used.

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
