"""Surprise: what a model finds unlikely in a chorale, per beat and note."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bachlit.checking.sentences import note_at, pitch_name
from bachlit.metrics import beats
from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.measures import Place, place_of

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel

UNLIKELY = 0.002
"""Probability below which a note is remarked: Bach's own held-out chorales have one such note in 90."""


class Beat(NamedTuple):
    """Surprise of a beat.

    Attributes:
        start: Its first frame.
        end: The frame after its last.
        place: Bar and beat.
        nats: Of all that its sixteenths sound, given what is before.
    """

    start: int
    end: int
    place: Place
    nats: float


class Unlikely(NamedTuple):
    """Note that the model hardly expects.

    Attributes:
        frame: Where it begins.
        place: Bar and beat.
        voice: Who sings it.
        note: Its name.
        probability: The model's, given all before and, of the same sixteenth, what the encoding puts first (soprano,
            bass, alto, tenor).
        likeliest: The note that the model expects most.
        likeliest_probability: Of that note.
    """

    frame: int
    place: Place
    voice: Voice
    note: str
    probability: float
    likeliest: str
    likeliest_probability: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data, without its frame."""
        return {"bar": self.place.bar, "beat": self.place.beat, **dict(zip(self._fields[2:], self[2:], strict=True))}


def surprise(model: "LanguageModel", chorale: Chorale, below: float = UNLIKELY) -> tuple[list[Beat], list[Unlikely]]:
    """Measure the surprise of each beat, and list the unlikely notes.

    Args:
        model: Reads the chorale.
        chorale: Four voices, in any key.
        below: Probability under which a note is unlikely.

    Raises:
        CheckpointError: If the model's tokens don't tell the voices apart.
        EncodingError: If a pitch has no token.
    """
    from bachlit.models.inspecting import pitch_probabilities  # noqa: PLC0415  # PyTorch takes seconds

    probabilities = pitch_probabilities(model, chorale)  # (T, 4, 128)
    own = np.take_along_axis(probabilities, chorale.pitches[:, :, None].astype(np.int64), 2)[:, :, 0]  # (T, 4)
    nats = -np.log(np.maximum(own, np.finfo(np.float64).tiny)).sum(axis=1)
    by_beat = [
        Beat(start, end, place_of(chorale.measures, start), float(nats[start:end].sum()))
        for start, end in beats(chorale).tolist()
    ]
    expected = own == probabilities.max(axis=2)  # of a model that is never sure
    attacks = chorale.onsets & (chorale.pitches != REST) & (own < below) & ~expected
    unlikely: list[Unlikely] = []
    for frame, voice in np.argwhere(attacks).tolist():
        best = int(probabilities[frame, voice].argmax())
        unlikely.append(
            Unlikely(
                frame,
                place_of(chorale.measures, frame),
                VOICES[voice],
                note_at(chorale, frame, voice),
                float(own[frame, voice]),
                pitch_name(best, chorale.key_at(frame)),
                float(probabilities[frame, voice, best]),
            )
        )
    return by_beat, unlikely
