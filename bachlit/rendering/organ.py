"""Synthesise a chorale as an organ, by additive synthesis; no soundfont is needed."""

import io
import wave
from functools import cache

import numpy as np
import numpy.typing as npt

from bachlit.errors import OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale
from bachlit.music.notes import notes_of

FERMATA_STRETCH = 1.5
"""Factor of the duration of a sixteenth under a fermata, in all voices."""

ATTACK, RELEASE = 0.02, 0.06
"""Seconds of attack and release, both within the note, so that repeated notes are separate."""

PARTIALS = (1.0, 0.45, 0.3, 0.2, 0.12, 0.1, 0.05, 0.06)
"""Strength of each partial: a principal, clear and not shrill."""

_PERIOD = 1 << 15  # samples of the wave table: fine enough without interpolation
_LOUDNESS = 0.23  # per voice: four together can't clip
# Left and right gain of each voice, at most 1.
_PLACES = {"soprano": (1.0, 0.6), "alto": (0.7, 0.95), "tenor": (0.95, 0.7), "bass": (0.6, 1.0)}

_Sound = npt.NDArray[np.float32]


def wav(chorale: Chorale, *, tempo: float = 80.0, rate: int = 22_050, stereo: bool = True) -> bytes:
    """Synthesise a chorale as a 16-bit WAV file; the same chorale gives the same bytes.

    Args:
        chorale: The music.
        tempo: Quarters per minute, 10 to 1000.
        rate: Samples per second, 8000 to 192000. Pitches above half of it are silent.
        stereo: Left and right, else their mean.

    Raises:
        OptionError: If tempo or rate is out of range.

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


def play(chorale: Chorale, *, tempo: float = 80.0, rate: int = 22_050) -> _Sound:
    """Synthesise samples (N, 2) between -1 and 1, left and right."""
    if not 10 <= tempo <= 1000 or not 8_000 <= rate <= 192_000:
        raise OptionError(
            f"The tempo is {tempo:g} and the rate {rate}; expected 10 to 1000 quarters per minute and 8000 to 192000 "
            "samples per second."
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
    """Times in seconds of the frames' edges, (T + 1,).

    >>> frame_times(Chorale.from_pitches([[67, 64, 60, 48]] * 2), tempo=60).tolist()
    [0.0, 0.25, 0.5]
    """
    sixteenth = 60 / tempo / FRAMES_PER_QUARTER
    return np.concatenate([[0.0], np.cumsum(sixteenth * np.where(chorale.fermatas, FERMATA_STRETCH, 1.0))])


def _tone(pitch: int, length: int, rate: int) -> _Sound:
    """Samples of a note."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    table = _table(sum(1 for number in range(1, len(PARTIALS) + 1) if number * frequency < rate / 2))
    phases = (np.arange(length) * (frequency / rate * _PERIOD)).astype(np.int64) & (_PERIOD - 1)
    tone: _Sound = table[phases] * _envelope(length, rate)
    return tone


def _envelope(length: int, rate: int) -> _Sound:
    """Envelope with cosine attack and release; both shorter in short notes."""
    share = min(1.0, length / rate / (2 * (ATTACK + RELEASE)))
    rising, falling = (_rise(max(1, round(share * seconds * rate))) for seconds in (ATTACK, RELEASE))
    envelope = np.ones(length, np.float32)
    envelope[: len(rising)] *= rising[:length]
    envelope[-len(falling) :] *= falling[::-1][-length:]
    return envelope


@cache
def _rise(length: int) -> _Sound:
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)


@cache
def _table(num_partials: int) -> _Sound:
    """Period of the first partials, with a peak of 1; partials above half the rate would alias."""
    angle = 2 * np.pi * np.arange(_PERIOD) / _PERIOD
    period = sum(
        (strength * np.sin(number * angle) for number, strength in enumerate(PARTIALS[:num_partials], start=1)),
        np.zeros(_PERIOD),
    )
    return (period / max(float(np.abs(period).max()), 1e-9)).astype(np.float32)
