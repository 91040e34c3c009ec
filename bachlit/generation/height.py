"""Height: the transposition after which a tune lies where a choir sings well."""

import warnings

import numpy as np

from bachlit.errors import HearingWarning
from bachlit.music.chorale import REST, VOICES, IntArray, Voice
from bachlit.music.prompt import Prompt

# Of each voice in Bach's chorales, over pieces: median of the median pitch, and its 5 and 95 % points; the 5 % point of
# the lowest pitch, the 95 % point of the highest.
_MIDDLE: dict[Voice, float] = {"soprano": 71.0, "alto": 65.0, "tenor": 59.5, "bass": 51.0}
_USUAL: dict[Voice, tuple[float, float]] = {
    "soprano": (67.0, 74.0), "alto": (62.0, 68.0), "tenor": (57.0, 62.0), "bass": (48.0, 54.0),
}  # fmt: skip
_SUNG: dict[Voice, tuple[int, int]] = {"soprano": (60, 79), "alto": (55, 74), "tenor": (50, 69), "bass": (36, 62)}

# Semitones away from the middle that a sharp or flat of the signature, and a semitone outside the compass, are worth.
_ACCIDENTAL, _OUTSIDE = 0.7, 3.0
_MOST_MOVED = 72


def sung_move(prompt: Prompt) -> int:
    """Find the semitones that bring given voices to where a choir sings well, 0 if they lie there.

    Of the moves, the best has the voices' medians nearest Bach's, few notes outside the usual compass, and few sharps
    or flats.

    Args:
        prompt: What is given.
    """
    sung = _sung(prompt)
    usual = all(_USUAL[voice][0] <= np.median(pitches) <= _USUAL[voice][1] for voice, pitches in sung.items())
    if usual and not any(_outside(voice, pitches, 0) for voice, pitches in sung.items()):
        return 0
    possible = [move for move in range(-_MOST_MOVED, _MOST_MOVED + 1) if _in_midi(prompt, move)]
    return min(possible, key=lambda move: (_cost(prompt, sung, move), abs(move)))


def moved_to_sing(prompt: Prompt) -> int:
    """Find the semitones as `sung_move` does, and say by how many and to which key the prompt is moved."""
    move = sung_move(prompt)
    chorale = prompt.chorale
    if move:
        warnings.warn(
            f"{chorale.name or 'The tune'} is moved {'up' if move > 0 else 'down'} by {abs(move)} "
            f"semitone{'s' * (abs(move) > 1)}, to {chorale.key.transpose(move)}, where a choir sings well.",
            HearingWarning,
            stacklevel=2,
        )
    return move


def _sung(prompt: Prompt) -> dict[Voice, IntArray]:
    """Given pitches of each voice, one per sixteenth; voices without any are left out."""
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    return {voice: line[line != REST] for voice, line in zip(VOICES, pitches.T, strict=True) if line.any()}


def _in_midi(prompt: Prompt, move: int) -> bool:
    compass = prompt.chorale.compass
    return compass is None or 0 < compass[0] + move <= compass[1] + move <= 127


def _outside(voice: Voice, pitches: IntArray, move: int) -> int:
    """Semitones by which a moved voice leaves the usual compass."""
    low, high = _SUNG[voice]
    return max(0, low - int(pitches.min()) - move) + max(0, int(pitches.max()) + move - high)


def _cost(prompt: Prompt, sung: dict[Voice, IntArray], move: int) -> float:
    """Semitones from the middle, with what else counts."""
    away = sum(
        abs(float(np.median(pitches)) + move - _MIDDLE[voice]) + _OUTSIDE * _outside(voice, pitches, move)
        for voice, pitches in sung.items()
    )
    return away + _ACCIDENTAL * abs(prompt.chorale.key.transpose(move).fifths)
