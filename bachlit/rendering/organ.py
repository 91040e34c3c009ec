"""Organ: a chorale as sound, a few sines a pipe; no soundfont and no player is needed."""

import io
import wave
from functools import cache

import numpy as np
import numpy.typing as npt

from bachlit.errors import OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale
from bachlit.music.notes import notes_of

FERMATA_STRETCH = 1.5
"""How many times as long a sixteenth under a fermata lasts, in all voices."""

ATTACK, RELEASE = 0.02, 0.06
"""Seconds in which a note comes and goes. Both lie within it, so that a repeated note is heard to begin again."""

PARTIALS = (1.0, 0.45, 0.3, 0.2, 0.12, 0.1, 0.05, 0.06)
"""How strong each partial of a pipe is: a principal, clear and not shrill."""

_PERIOD = 1 << 15  # samples of a wave table: so fine that reading it without interpolation is not heard
_LOUDNESS = 0.23  # of a voice: four together can't clip
# Left and right of each voice: apart enough to be told, near enough to blend. No number is above 1.
_PLACES = {"soprano": (1.0, 0.6), "alto": (0.7, 0.95), "tenor": (0.95, 0.7), "bass": (0.6, 1.0)}

Sound = npt.NDArray[np.float32]


def wav(chorale: Chorale, *, tempo: float = 80.0, rate: int = 22_050, stereo: bool = True) -> bytes:
    """A chorale as a WAV file of 16 bits; the same chorale gives the same bytes.

    Args:
        chorale: What to play.
        tempo: Quarters a minute.
        rate: Samples a second. Pitches above half of it are silent: at 22050 those from MIDI pitch 125.
        stereo: Left and right, or else their mean.

    Raises:
        OptionError: If tempo or rate can't be played.

    >>> with wave.open(io.BytesIO(wav(Chorale.from_pitches([[67, 64, 60, 48]] * 16), tempo=60))) as file:
    ...     file.getnchannels(), file.getnframes() / file.getframerate()
    (2, 4.0)
    """
    sound = play(chorale, tempo=tempo, rate=rate)
    sound = sound if stereo else sound.mean(axis=1, keepdims=True)  # (N, 2) or (N, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(sound.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.rint(sound * 32_767).astype("<i2").tobytes())
    return file.getvalue()


def play(chorale: Chorale, *, tempo: float = 80.0, rate: int = 22_050) -> Sound:
    """A chorale as samples (N, 2) between -1 and 1, left and right; see `wav`."""
    if not 10 <= tempo <= 1000 or not 8_000 <= rate <= 192_000:
        raise OptionError(
            f"A tempo of {tempo:g} quarters a minute at {rate} samples a second can't be played; expected 10 to 1000 "
            "and 8000 to 192000."
        )
    edges = np.rint(frame_times(chorale, tempo) * rate).astype(np.int64)
    sound = np.zeros((edges[-1], 2), np.float32)
    for voice in VOICES:
        track = np.zeros(edges[-1], np.float32)
        for note in notes_of(chorale, voice):
            if note.pitch:
                begin, end = edges[note.start], edges[note.start + note.length]
                track[begin:end] = _tone(note.pitch, int(end - begin), rate)
        sound += _LOUDNESS * track[:, None] * np.array(_PLACES[voice], np.float32)
    return sound


def frame_times(chorale: Chorale, tempo: float) -> npt.NDArray[np.float64]:
    """Seconds at which each frame begins, and at which the last ends: (T + 1,).

    >>> frame_times(Chorale.from_pitches([[67, 64, 60, 48]] * 2), tempo=60).tolist()
    [0.0, 0.25, 0.5]
    """
    sixteenth = 60 / tempo / FRAMES_PER_QUARTER
    return np.concatenate([[0.0], np.cumsum(sixteenth * np.where(chorale.fermatas, FERMATA_STRETCH, 1.0))])


def _tone(pitch: int, length: int, rate: int) -> Sound:
    """A note of so many samples, from silence to silence."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    table = _table(sum(1 for number in range(1, len(PARTIALS) + 1) if number * frequency < rate / 2))
    phases = (np.arange(length) * (frequency / rate * _PERIOD)).astype(np.int64) & (_PERIOD - 1)
    tone: Sound = table[phases] * _envelope(length, rate)
    return tone


def _envelope(length: int, rate: int) -> Sound:
    """Up and down in half a cosine each: an edge would click. Short notes shorten both."""
    share = min(1.0, length / rate / (2 * (ATTACK + RELEASE)))
    rising, falling = (_rise(max(1, round(share * seconds * rate))) for seconds in (ATTACK, RELEASE))
    envelope = np.ones(length, np.float32)
    envelope[: len(rising)] *= rising[:length]
    envelope[-len(falling) :] *= falling[::-1][-length:]
    return envelope


@cache
def _rise(length: int) -> Sound:
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)


@cache
def _table(num_partials: int) -> Sound:
    """One period of so many partials, 1 at its peak: those above half the rate would sound as other tones."""
    angle = 2 * np.pi * np.arange(_PERIOD) / _PERIOD
    period = sum(
        (strength * np.sin(number * angle) for number, strength in enumerate(PARTIALS[:num_partials], start=1)),
        np.zeros(_PERIOD),
    )
    return (period / max(float(np.abs(period).max()), 1e-9)).astype(np.float32)
