"""Chorale: four voices on a grid of sixteenths, the central value of the package."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from bachlit.errors import ChoraleError
from bachlit.music.keys import Key, checked_keys, estimate_key, semitones_home
from bachlit.music.measures import (
    Measure,
    check_metre,
    checked_measures,
    checked_order,
    cut_measures,
    frames_per_measure,
    regular_measures,
)
from bachlit.music.measures import TimeSignature as TimeSignature  # noqa: PLC0414  # other rooms know it from here

Voice = Literal["soprano", "alto", "tenor", "bass"]
VOICES: tuple[Voice, ...] = get_args(Voice)
REST = 0
FRAMES_PER_QUARTER = 4

# Bach's own ranges in four-part chorales: lowest and highest MIDI pitch.
RANGES: dict[Voice, tuple[int, int]] = {"soprano": (57, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (36, 64)}

LARGEST_MOVE = 6
"""Most semitones by which a given voice may be outside its range: the model reads it transposed by that."""

C_MAJOR = Key()

IntArray = npt.NDArray[np.int16]
BoolArray = npt.NDArray[np.bool_]


class Source(Protocol):
    """The score that a chorale is the grid of; what is given comes back from it."""

    def transpose(self, semitones: int) -> "Source":
        """Transpose the whole score by semitones."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Chorale:
    """Four voices on a grid: one row per sixteenth (a frame), columns soprano, alto, tenor, bass.

    The arrays are copied and read-only. A melody is a chorale whose other voices rest. A notebook shows the score, with
    a player.

    Attributes:
        pitches: (T, 4) MIDI pitches, 0 a rest.
        onsets: (T, 4) true where a note or a rest begins. Neighbouring rests are one rest.
        fermatas: (T,) true on every frame of a soprano note with a fermata.
        time_signature: Numerator and denominator, at the beginning.
        pickup: Sixteenths before the first full measure; 0 if the piece begins with one.
        key: The written key, at the beginning.
        title: Title to print above the music.
        name: Identifier, unique in its corpus: `bwv269`, a file's stem.
        bars: The measures, where they aren't those of one metre after a pickup; otherwise empty. Time signature and
            pickup follow from them.
        keys: Later changes of key: first frame and key, in order.
        order: Indices of the measures in order of playing, where repeats or jumps change it; otherwise empty.
        source: The score that it was read from; not compared.

    Raises:
        ChoraleError: If shapes differ, it is empty, a pitch is no MIDI pitch, a pitch changes without an onset, the
            pickup doesn't fit the measure, the measures don't fill the piece, or a key or a measure to play is outside
            it.

    >>> two_beats = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 60, 53]] * 4)
    >>> two_beats.num_frames, two_beats.measure_length
    (8, 16)
    >>> two_beats.onsets[4].tolist()
    [True, True, False, True]
    >>> two_beats
    <Chorale 1 bar of 4/4, C major, soprano G4 to A4, alto E4 to F4, tenor C4, bass C3 to F3>
    """

    pitches: IntArray
    onsets: BoolArray
    fermatas: BoolArray
    time_signature: TimeSignature = (4, 4)
    pickup: int = 0
    key: Key = C_MAJOR
    title: str = ""
    name: str = ""
    bars: tuple[Measure, ...] = ()
    keys: tuple[tuple[int, Key], ...] = ()
    order: tuple[int, ...] = ()
    source: Source | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Copy, check and freeze the arrays; leave out what goes without saying."""
        pitches = np.array(self.pitches)
        onsets = np.array(self.onsets, dtype=np.bool_)
        fermatas = np.array(self.fermatas, dtype=np.bool_)
        _check_arrays(pitches, onsets, fermatas)
        pitches = pitches.astype(np.int16)
        resting = pitches == REST
        onsets[1:][resting[1:]] = ~resting[:-1][resting[1:]]
        onsets[0] = True
        _check_onsets(pitches, onsets)
        for field, array in (("pitches", pitches), ("onsets", onsets), ("fermatas", fermatas)):
            array.setflags(write=False)
            object.__setattr__(self, field, array)
        object.__setattr__(self, "key", Key(*self.key))
        if self.bars:
            self._set_bars(checked_measures(self.bars, len(pitches)))
        check_metre(self.time_signature, self.pickup)
        if self.keys:
            object.__setattr__(self, "keys", checked_keys(self.key, self.keys, len(pitches)))
        if self.order:
            object.__setattr__(self, "order", checked_order(self.order, len(self.measures)))

    def _set_bars(self, bars: tuple[Measure, ...]) -> None:
        """Take time signature and pickup from the measures; drop measures that follow from the two."""
        first = bars[0]
        pickup = first.full - first.position if first.position else 0
        regular = regular_measures(len(self.pitches), first.time_signature, pickup)
        object.__setattr__(self, "time_signature", first.time_signature)
        object.__setattr__(self, "pickup", pickup)
        object.__setattr__(self, "bars", () if bars == regular else bars)

    @classmethod
    def from_pitches(cls, pitches: npt.ArrayLike, *, pickup: int = 0, name: str = "") -> "Chorale":
        """Make a chorale from pitches alone: onsets where the pitch changes, an estimated key.

        Args:
            pitches: (T, 4) MIDI pitches, 0 a rest.
            pickup: Sixteenths before the first full measure.
            name: Identifier, such as `bwv269`.

        Raises:
            ChoraleError: If the shape is another, or a pitch is no MIDI pitch.
        """
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
        """Sixteenths in a full measure of the first metre."""
        return frames_per_measure(self.time_signature)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """All measures as written, in order; they fill the piece."""
        return self.bars or regular_measures(self.num_frames, self.time_signature, self.pickup)

    def key_at(self, frame: int) -> Key:
        """Key in force at a frame.

        >>> chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 8)
        >>> str(dataclasses.replace(chorale, keys=((4, Key(1)),)).key_at(4))
        'G major'
        """
        return next((key for start, key in reversed(self.keys) if start <= frame), self.key)

    @property
    def compass(self) -> tuple[int, int] | None:
        """Lowest and highest pitch, or None if all voices rest."""
        sounding = self.pitches[self.pitches != REST]
        return (int(sounding.min()), int(sounding.max())) if sounding.size else None

    def transpose(self, semitones: int) -> "Chorale":
        """Transpose by semitones, with the keys and the source.

        Raises:
            ChoraleError: If a note would leave MIDI's pitches 1 to 127.
        """
        pitches = np.where(self.pitches == REST, REST, self.pitches + semitones)
        if self.compass and not 0 < self.compass[0] + semitones <= self.compass[1] + semitones <= 127:
            raise ChoraleError(
                f"Transposing {self.name or 'the chorale'} by {semitones} semitones leaves MIDI's pitches 1 to 127; "
                "choose a smaller interval."
            )
        return dataclasses.replace(
            self,
            pitches=pitches,
            key=self.key.transpose(semitones),
            keys=tuple((frame, key.transpose(semitones)) for frame, key in self.keys),
            source=self.source.transpose(semitones) if self.source is not None and semitones else self.source,
        )

    def only(self, *voices: Voice) -> "Chorale":
        """Keep some voices; the others rest."""
        silent = [column for column, voice in enumerate(VOICES) if voice not in voices]
        pitches = self.pitches.copy()
        pitches[:, silent] = REST
        return dataclasses.replace(self, pitches=pitches)

    def __eq__(self, other: object) -> bool:
        """Compare all notes and metadata; the source isn't."""
        if not isinstance(other, Chorale):
            return NotImplemented
        for field in dataclasses.fields(self):
            value, expected = getattr(self, field.name), getattr(other, field.name)
            same = np.array_equal(value, expected) if isinstance(value, np.ndarray) else value == expected
            if field.compare and not same:
                return False
        return True

    __hash__ = None  # type: ignore[assignment]  # arrays don't hash

    def __repr__(self) -> str:
        from bachlit.music.describing import described  # noqa: PLC0415  # which knows chorales

        return f"<Chorale {described(self)}>"

    def _repr_html_(self) -> str:
        """Show the score in a notebook."""
        if display is None:
            import bachlit.rendering.notebook  # noqa: PLC0415, F401  # registers itself; draws only here
        assert display is not None
        return display(self)


display: Callable[[Chorale], str] | None = None
"""Makes the HTML by which a notebook shows a chorale; `bachlit.rendering.notebook` sets it."""


def move_into_range(
    compasses: Mapping[Voice, tuple[int, int]], ranges: Mapping[Voice, tuple[int, int]] = RANGES
) -> int | None:
    """Smallest transposition (up to `LARGEST_MOVE`) that brings voices into range; None if none does.

    Args:
        compasses: Lowest and highest pitch of each voice.
        ranges: Lowest and highest pitch that each may have.

    >>> move_into_range({"soprano": (55, 79)}), move_into_range({"soprano": (40, 50)})
    (2, None)
    """
    for move in sorted(range(-LARGEST_MOVE, LARGEST_MOVE + 1), key=abs):
        if all(
            ranges[voice][0] <= low + move <= high + move <= ranges[voice][1]
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

    Measures keep their numbers; the order of playing and the source are left out.

    >>> cut(Chorale.from_pitches([[67, 64, 60, 48]] * 8), 2, 5).onsets[:, 0].tolist()
    [True, False, False]
    """
    onsets = chorale.onsets[first:last].copy()
    onsets[0] = True
    pitches, fermatas = chorale.pitches[first:last], chorale.fermatas[first:last]
    return dataclasses.replace(
        chorale,
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        key=chorale.key_at(first),
        bars=cut_measures(chorale.measures, first, last),
        keys=tuple((frame - first, key) for frame, key in chorale.keys if first < frame < last),
        order=(),
        source=None,
    )


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
