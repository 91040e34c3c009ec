"""Synthesise a chorale as an organ, by additive synthesis; no soundfont is needed."""

import io
import wave
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.errors import OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale, Voice
from bachlit.scores.source import exact_notes, tempos_of

FERMATA_STRETCH = 1.5
"""Factor of the duration of a sixteenth under a fermata, in all voices."""

ATTACK, RELEASE = 0.02, 0.06
"""Seconds of attack and release, both within the note, so that repeated notes are separate."""

PARTIALS = (1.0, 0.45, 0.3, 0.2, 0.12, 0.1, 0.05, 0.06)
"""Strength of each partial: a principal, clear and not shrill."""

_SLOWEST, _FASTEST = 10.0, 1000.0  # quarters per minute
_PERIOD = 1 << 15  # samples of the wave table: fine enough without interpolation
_LOUDNESS = 0.23  # per voice: four together can't clip
# Left and right gain of each voice, at most 1.
_PLACES = {"soprano": (1.0, 0.6), "alto": (0.7, 0.95), "tenor": (0.95, 0.7), "bass": (0.6, 1.0)}

_LOUD, _SOFT = 2 * _LOUDNESS, 2 * _LOUDNESS * 10 ** (-12 / 20)  # of the voice to practise and the others

_Sound = npt.NDArray[np.float32]


class Tone(NamedTuple):
    """Note as it is played: MIDI pitch, start and length in frames, which may be fractions."""

    pitch: int
    start: float
    length: float


class Tempo(NamedTuple):
    """Tempo from a frame on, in quarters per minute."""

    frame: float
    quarters: float


def wav(
    chorale: Chorale,
    *,
    tempo: float | None = None,
    rate: int = 22_050,
    stereo: bool = True,
    loud: Voice | None = None,
) -> bytes:
    """Synthesise a chorale as a 16-bit WAV file; the same chorale gives the same bytes.

    Args:
        chorale: The music.
        tempo: Quarters per minute, 10 to 1000; if None the tempos of its source, 80 if it has none.
        rate: Samples per second, 8000 to 192000. Pitches above half of it are silent.
        stereo: Left and right, else their mean.
        loud: Voice to practise: the others are 12 dB softer.

    Raises:
        OptionError: If tempo or rate is out of range.

    >>> with wave.open(io.BytesIO(wav(Chorale.from_pitches([[67, 64, 60, 48]] * 16), tempo=60))) as file:
    ...     file.getnchannels(), file.getnframes() / file.getframerate()
    (2, 4.0)
    """
    return _file(play(chorale, tempo=tempo, rate=rate, loud=loud), rate, stereo=stereo)


def wav_of(
    voices: Mapping[Voice, Iterable[Tone]],
    tempi: Sequence[Tempo],
    end: float,
    *,
    rate: int = 22_050,
    stereo: bool = True,
    loud: Voice | None = None,
) -> bytes:
    """Synthesise notes as a 16-bit WAV file, as `play_notes` does."""
    return _file(play_notes(voices, tempi, end, rate=rate, loud=loud), rate, stereo=stereo)


def play(chorale: Chorale, *, tempo: float | None = None, rate: int = 22_050, loud: Voice | None = None) -> _Sound:
    """Synthesise samples (N, 2) of a chorale between -1 and 1, left and right."""
    if tempo is not None:
        _check(tempo, rate)
    voices = {
        voice: [
            Tone(note.pitch, float(note.start), float(note.end - note.start)) for note in exact_notes(chorale, voice)
        ]
        for voice in VOICES
    }
    return play_notes(voices, tempi_of(chorale, tempo), chorale.num_frames, rate=rate, loud=loud)


def play_notes(
    voices: Mapping[Voice, Iterable[Tone]],
    tempi: Sequence[Tempo],
    end: float,
    *,
    rate: int = 22_050,
    loud: Voice | None = None,
) -> _Sound:
    """Synthesise samples (N, 2) between -1 and 1, left and right.

    Args:
        voices: Notes of each voice, none of them before frame 0 or after `end`.
        tempi: Tempo from the first frame on, and its changes, in order.
        end: Length of the music in frames.
        rate: Samples per second.
        loud: Voice to practise: the others are 12 dB softer.

    Raises:
        OptionError: If tempo or rate is out of range.

    >>> tones = {"soprano": [Tone(72, 0, 8 / 3), Tone(74, 8 / 3, 8 / 3), Tone(76, 16 / 3, 8 / 3)]}  # a triplet
    >>> play_notes(tones, [Tempo(0, 60)], 8, rate=8000).shape
    (16000, 2)
    """
    for tempo in tempi:
        _check(tempo.quarters, rate, slowest=_SLOWEST / FERMATA_STRETCH)
    sound = np.zeros((round(float(_seconds([end], tempi)[0]) * rate), 2), np.float32)
    for voice, tones in voices.items():
        notes = list(tones)
        begins = np.rint(_seconds([note.start for note in notes], tempi) * rate).astype(np.int64)
        ends = np.rint(_seconds([note.start + note.length for note in notes], tempi) * rate).astype(np.int64)
        track = np.zeros(len(sound), np.float32)
        for note, first, last in zip(notes, begins.tolist(), ends.tolist(), strict=True):
            track[first:last] = _tone(note.pitch, last - first, rate)
        gain = _LOUDNESS if loud is None else _LOUD if voice == loud else _SOFT
        sound += gain * track[:, None] * np.array(_PLACES[voice], np.float32)
    return sound


def tempi_of(chorale: Chorale, quarters: float | None = None) -> list[Tempo]:
    """Tempo of a chorale and its changes: slower under fermatas.

    Args:
        chorale: The music.
        quarters: Per minute; if None the tempos of its source.

    >>> held = Chorale.from_pitches([[67, 64, 60, 48]] * 4)
    >>> tempi_of(held, 60)
    [Tempo(frame=0.0, quarters=60.0)]
    """
    written = [(float(frame), tempo) for frame, tempo in tempos_of(chorale)] if quarters is None else [(0.0, quarters)]
    held = [float(frame) for frame in np.flatnonzero(np.diff(chorale.fermatas.astype(np.int8), prepend=-1))]
    tempi = []
    for start in sorted({*held, *(frame for frame, _ in written if frame < chorale.num_frames)}):
        current = next(tempo for frame, tempo in reversed(written) if frame <= start)
        slowed = FERMATA_STRETCH if chorale.fermatas[int(start)] else 1
        tempi.append(Tempo(start, float(np.clip(current, _SLOWEST, _FASTEST)) / slowed))
    return tempi


def frame_times(chorale: Chorale, tempo: float | None) -> npt.NDArray[np.float64]:
    """Times in seconds of the frames' edges, (T + 1,).

    Args:
        chorale: The music.
        tempo: Quarters per minute, slower under fermatas; if None the tempos of its source.

    >>> frame_times(Chorale.from_pitches([[67, 64, 60, 48]] * 2), tempo=60).tolist()
    [0.0, 0.25, 0.5]
    """
    return _seconds(np.arange(chorale.num_frames + 1), tempi_of(chorale, tempo))


def _seconds(frames: npt.ArrayLike, tempi: Sequence[Tempo]) -> npt.NDArray[np.float64]:
    """Times in seconds of frames, which may be fractions."""
    at = np.asarray(frames, np.float64)
    changes = np.array([tempo.frame for tempo in tempi], np.float64)
    sixteenths = np.array([60 / tempo.quarters / FRAMES_PER_QUARTER for tempo in tempi])
    times = np.concatenate([[0.0], np.cumsum(np.diff(changes) * sixteenths[:-1])])
    index = np.maximum(np.searchsorted(changes, at, side="right") - 1, 0)
    seconds: npt.NDArray[np.float64] = times[index] + (at - changes[index]) * sixteenths[index]
    return seconds


def _check(tempo: float, rate: int, slowest: float = _SLOWEST) -> None:
    if not slowest <= tempo <= _FASTEST or not 8_000 <= rate <= 192_000:
        raise OptionError(
            f"The tempo is {tempo:g} and the rate {rate}; expected 10 to 1000 quarters per minute and 8000 to 192000 "
            "samples per second."
        )


def _file(sound: _Sound, rate: int, *, stereo: bool) -> bytes:
    """WAV file of samples (N, 2)."""
    sound = sound if stereo else sound.mean(axis=1, keepdims=True)  # (N, 2) or (N, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(sound.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.rint(sound * 32_767).astype("<i2").tobytes())
    return file.getvalue()


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
