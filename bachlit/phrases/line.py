"""Line: the notes of a tune with their places in the bars, as phrase finders see it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bachlit.errors import ChoraleError
from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.keys import estimate_key
from bachlit.music.measures import beats_in, whole_bars
from bachlit.music.notes import notes_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Line:
    """Notes of a tune; rests belong to the note before them.

    Attributes:
        pitches: (N,) MIDI pitches.
        frames: (N,) where notes begin.
        places: (N + 1,) the same, and the tune's end, in bars: whole numbers are downbeats.
        lengths: (N,) how long notes sound, in bars.
        beats: Beats in a bar: two in 6/8.
        tonic: Pitch class.
        minor: Whether the third over the tonic is minor.
        ends: (N,) true for the last note of each phrase, where that is known.
    """

    pitches: Integers
    frames: Integers
    places: Floats
    lengths: Floats
    beats: int
    tonic: int
    minor: bool
    ends: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def num_notes(self) -> int:
        """N."""
        return len(self.pitches)

    @property
    def gaps(self) -> Floats:
        """(N,) time from the beginning of each note to the next one's, or to the tune's end, in bars."""
        return np.diff(self.places)


def line_of(chorale: Chorale, voice: Voice = "soprano") -> Line:
    """Take the line of a voice.

    Raises:
        ChoraleError: If the voice never sounds.

    >>> line = line_of(Chorale.from_pitches([[67, 0, 0, 0]] * 4 + [[69, 0, 0, 0]] * 16, pickup=4))
    >>> line.pitches.tolist(), line.places.tolist()
    ([67, 69], [-0.25, 0.0, 1.0])
    """
    notes = notes_of(chorale, voice)
    sung = [note for note in notes if note.pitch != REST]
    if not sung:
        raise ChoraleError(f"The {voice} of {chorale.name or 'the chorale'} never sounds; expected a tune in it.")
    places = _places(chorale)
    starts = [note.start for note in sung]
    key = estimate_key(chorale.pitches[:, VOICES.index(voice)], chorale.key)
    written = chorale.key if chorale.key.parallel != chorale.key else key
    return Line(
        pitches=np.array([note.pitch for note in sung]),
        frames=np.array(starts),
        places=places[[*starts, chorale.num_frames]],
        lengths=places[[note.start + note.length for note in sung]] - places[starts],
        beats=beats_in(chorale.time_signature),
        tonic=written.tonic,
        minor=written.parallel.mode == "minor",
        ends=np.array([note.fermata for note in sung]),
    )


def _places(chorale: Chorale) -> Floats:
    """Place of each frame and of the end in bars, (T + 1,)."""
    places = np.empty(chorale.num_frames + 1)
    bars = whole_bars(chorale.measures)
    downbeat = -1.0 if bars[0].position else 0.0
    for bar in bars:
        full = max(bar.full, bar.position + bar.length)
        places[bar.start : bar.end + 1] = downbeat + (bar.position + np.arange(bar.length + 1)) / full
        downbeat += 1.0
    return places
