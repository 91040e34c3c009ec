"""Sound of a pair: two clips alike in all but their notes."""

import io
import wave
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import Chorale
from bachlit.rendering import wav
from bachlit.serving.challenge.excerpts import TEMPO
from bachlit.serving.challenge.store import Task

RATE = 16_000
"""Samples per second: the organ's highest partials lie below half of it."""

_LOUDNESS = 0.12  # root of the mean square of all clips; four voices stay far from clipping
_BEFORE, _AFTER = 0.25, 0.5  # seconds of silence


class Pair(NamedTuple):
    """Two clips, one by Bach.

    Attributes:
        task: What they ask.
        name: Bach's piece with its frames, and what it is compared with.
        tune: Number of Bach's hymn tune.
        model: The model that wrote the other clip.
        decoder: Its decoder with all options, as JSON.
        seed: Its random seed.
        bach: Bach's clip, a WAV file.
        other: The other clip, as long as Bach's.
    """

    task: Task
    name: str
    tune: int
    model: str
    decoder: str
    seed: int
    bach: bytes
    other: bytes

    @property
    def seconds(self) -> float:
        """Length of each clip."""
        with wave.open(io.BytesIO(self.bach)) as file:
            return float(file.getnframes() / file.getframerate())


def clips(bach: Chorale, other: Chorale) -> tuple[bytes, bytes]:
    """Play two pieces of equal length by the same organ, equally long and loud, as WAV files of equally many bytes.

    >>> one = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
    >>> first, second = clips(one, one.transpose(2))
    >>> len(first) == len(second), first[:44] == second[:44]
    (True, True)
    """
    samples = [_samples(wav(piece, tempo=TEMPO, rate=RATE, stereo=False)) for piece in (bach, other)]
    length = max(map(len, samples))  # the sums of seconds may round to one sample more
    first, second = (_file(one, length) for one in samples)
    return first, second


def _samples(content: bytes) -> npt.NDArray[np.float64]:
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def _file(samples: npt.NDArray[np.float64], length: int) -> bytes:
    """Make a WAV file of fixed loudness with silence around it; two of one length differ in their samples alone."""
    loudness = np.sqrt(np.mean(samples**2))
    before, after = round(_BEFORE * RATE), round(_AFTER * RATE)
    sound = np.zeros(before + length + after)
    sound[before : before + len(samples)] = samples * (_LOUDNESS * 32_767 / max(loudness, 1e-9))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(np.clip(np.rint(sound), -32_768, 32_767).astype("<i2").tobytes())
    return file.getvalue()
