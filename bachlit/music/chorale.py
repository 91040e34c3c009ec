"""Chorale: four voices on a grid of sixteenths, the central value of the package."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bachlit.errors import ChoraleError
from bachlit.music.keys import Key, estimate_key, semitones_home

Voice = Literal["soprano", "alto", "tenor", "bass"]
VOICES: tuple[Voice, ...] = get_args(Voice)
TimeSignature = tuple[int, int]
REST = 0
FRAMES_PER_QUARTER = 4

# Bach's own ranges in four-part chorales: lowest and highest MIDI pitch.
RANGES: dict[Voice, tuple[int, int]] = {"soprano": (57, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (36, 64)}

LARGEST_MOVE = 6
"""Most semitones by which a given voice may be outside its range: the model reads it transposed by that."""

C_MAJOR = Key()

IntArray = npt.NDArray[np.int16]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Chorale:
    """Four voices on a grid: one row per sixteenth (a frame), columns soprano, alto, tenor, bass.

    The arrays are copied and read-only. A melody is a chorale whose other voices rest.

    Attributes:
        pitches: (T, 4) MIDI pitches, 0 a rest.
        onsets: (T, 4) true where a note or a rest begins. Neighbouring rests are one rest.
        fermatas: (T,) true on every frame of a soprano note with a fermata.
        time_signature: Numerator and denominator.
        pickup: Sixteenths before the first full measure; 0 if the piece begins with one.
        key: The written key.
        title: Title to print above the music.
        name: Identifier, unique in its corpus: `bwv269`, a file's stem.

    Raises:
        ChoraleError: If shapes differ, it is empty, a pitch is no MIDI pitch, a pitch changes without an onset, or the
            pickup doesn't fit the measure.

    >>> two_beats = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 60, 53]] * 4)
    >>> two_beats.num_frames, two_beats.measure_length
    (8, 16)
    >>> two_beats.onsets[4].tolist()
    [True, True, False, True]
    """

    pitches: IntArray
    onsets: BoolArray
    fermatas: BoolArray
    time_signature: TimeSignature = (4, 4)
    pickup: int = 0
    key: Key = C_MAJOR
    title: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Copy, check and freeze the arrays."""
        pitches = np.array(self.pitches)
        onsets = np.array(self.onsets, dtype=np.bool_)
        fermatas = np.array(self.fermatas, dtype=np.bool_)
        _check_arrays(pitches, onsets, fermatas)
        pitches = pitches.astype(np.int16)
        resting = pitches == REST
        onsets[1:][resting[1:]] = ~resting[:-1][resting[1:]]
        onsets[0] = True
        _check_onsets(pitches, onsets)
        _check_metre(self.time_signature, self.pickup)
        for field, array in (("pitches", pitches), ("onsets", onsets), ("fermatas", fermatas)):
            array.setflags(write=False)
            object.__setattr__(self, field, array)
        object.__setattr__(self, "key", Key(*self.key))

    @classmethod
    def from_pitches(cls, pitches: npt.ArrayLike, *, pickup: int = 0, name: str = "") -> "Chorale":
        """Make a chorale from pitches (T, 4) alone: onsets where the pitch changes, an estimated key."""
        array = np.asarray(pitches)
        onsets = np.ones(array.shape, dtype=np.bool_)
        if array.ndim == 2:
            onsets[1:] = array[1:] != array[:-1]
        fermatas = np.zeros(len(onsets), np.bool_)
        chorale = cls(pitches=array, onsets=onsets, fermatas=fermatas, pickup=pickup, name=name)
        return dataclasses.replace(chorale, key=estimate_key(chorale.pitches))

    @property
    def num_frames(self) -> int:
        """T, length in sixteenths."""
        return len(self.pitches)

    @property
    def measure_length(self) -> int:
        """Sixteenths in a full measure."""
        numerator, denominator = self.time_signature
        return 16 * numerator // denominator

    @property
    def compass(self) -> tuple[int, int] | None:
        """Lowest and highest pitch, or None if all voices rest."""
        sounding = self.pitches[self.pitches != REST]
        return (int(sounding.min()), int(sounding.max())) if sounding.size else None

    def transpose(self, semitones: int) -> "Chorale":
        """Transpose by semitones, with the key.

        Raises:
            ChoraleError: If a note would leave MIDI's pitches 1 to 127.
        """
        pitches = np.where(self.pitches == REST, REST, self.pitches + semitones)
        if self.compass and not 0 < self.compass[0] + semitones <= self.compass[1] + semitones <= 127:
            raise ChoraleError(
                f"Transposing {self.name or 'the chorale'} by {semitones} semitones leaves MIDI's pitches 1 to 127; "
                "choose a smaller interval."
            )
        return dataclasses.replace(self, pitches=pitches, key=self.key.transpose(semitones))

    def only(self, *voices: Voice) -> "Chorale":
        """Keep some voices; the others rest."""
        silent = [column for column, voice in enumerate(VOICES) if voice not in voices]
        pitches = self.pitches.copy()
        pitches[:, silent] = REST
        return dataclasses.replace(self, pitches=pitches)

    def __eq__(self, other: object) -> bool:
        """Compare all notes and metadata."""
        if not isinstance(other, Chorale):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays don't hash


def move_into_range(compasses: Mapping[Voice, tuple[int, int]]) -> int | None:
    """Smallest transposition (up to `LARGEST_MOVE`) that brings voices into range; None if none does.

    Args:
        compasses: Lowest and highest pitch of each voice.

    >>> move_into_range({"soprano": (55, 79)}), move_into_range({"soprano": (40, 50)})
    (2, None)
    """
    for move in sorted(range(-LARGEST_MOVE, LARGEST_MOVE + 1), key=abs):
        if all(
            RANGES[voice][0] <= low + move <= high + move <= RANGES[voice][1]
            for voice, (low, high) in compasses.items()
        ):
            return move
    return None


def move_home(chorale: Chorale) -> Chorale:
    """Transpose to C major or A minor, by the estimated key."""
    return chorale.transpose(home_move(chorale))


def home_move(chorale: Chorale) -> int:
    """Semitones by which `move_home` transposes."""
    return semitones_home(estimate_key(chorale.pitches, chorale.key))


def cut(chorale: Chorale, first: int, last: int) -> Chorale:
    """Cut the frames from the first to before the last; all voices begin anew there.

    >>> cut(Chorale.from_pitches([[67, 64, 60, 48]] * 8), 2, 5).onsets[:, 0].tolist()
    [True, False, False]
    """
    onsets = chorale.onsets[first:last].copy()
    onsets[0] = True
    pitches, fermatas = chorale.pitches[first:last], chorale.fermatas[first:last]
    return dataclasses.replace(chorale, pitches=pitches, onsets=onsets, fermatas=fermatas)


def _check_arrays(pitches: npt.NDArray[np.generic], onsets: BoolArray, fermatas: BoolArray) -> None:
    if pitches.ndim != 2 or pitches.shape[1] != len(VOICES) or len(pitches) == 0:
        raise ChoraleError(
            f"A chorale's pitches have the shape {pitches.shape}, expected (T, 4) with T at least 1: one row per "
            "sixteenth, columns soprano, alto, tenor, bass."
        )
    if onsets.shape != pitches.shape or fermatas.shape != pitches.shape[:1]:
        raise ChoraleError(
            f"Shapes {pitches.shape}, {onsets.shape}, {fermatas.shape} don't fit; expected (T, 4), (T, 4) and (T,)."
        )
    if not np.issubdtype(pitches.dtype, np.integer) or not ((pitches >= 0) & (pitches <= 127)).all():  # type: ignore[operator]
        raise ChoraleError("A chorale's pitches must be whole numbers from 0 (a rest) to 127, as in MIDI.")


def _check_onsets(pitches: IntArray, onsets: BoolArray) -> None:
    moved = (pitches[1:] != pitches[:-1]) & ~onsets[1:]
    if moved.any():
        frame, voice = (int(index[0]) for index in np.nonzero(moved))
        raise ChoraleError(f"The {VOICES[voice]} changes pitch at frame {frame + 1} without an onset; set it there.")


def _check_metre(time_signature: TimeSignature, pickup: int) -> None:
    numerator, denominator = time_signature
    if numerator < 1 or denominator not in (1, 2, 4, 8, 16):
        raise ChoraleError(
            f"The time signature {numerator}/{denominator} doesn't fit a grid of sixteenths; "
            "expected a denominator of 1, 2, 4, 8 or 16."
        )
    if not 0 <= pickup < 16 * numerator // denominator:
        raise ChoraleError(
            f"A pickup of {pickup} sixteenths doesn't fit {numerator}/{denominator}; expected less than a measure."
        )
