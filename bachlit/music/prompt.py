"""Prompt: which cells of a chorale's grid are given, and so must come back as they are."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from bachlit.errors import PromptError
from bachlit.music.chorale import VOICES, BoolArray, Chorale, Voice


@dataclass(frozen=True, eq=False)
class Prompt:
    """A chorale of which some cells are given and the others are to be written.

    Length, fermatas and metadata are always the chorale's.

    Attributes:
        chorale: Holds the given notes; what stands in the free cells doesn't matter.
        given: (T, 4) true where a cell is given.
        rhythm: (T, 4) true where only the rhythm of a cell is given: whether a note begins, is held, or none sounds is
            the chorale's, the pitch is free. No cell's if None; where a cell is given whole, that counts.

    Raises:
        PromptError: If the shapes differ.

    >>> melody = Chorale.from_pitches([[67, 0, 0, 0]] * 4)
    >>> Prompt.voices(melody, "soprano").given.all(axis=0).tolist()
    [True, False, False, False]
    """

    chorale: Chorale
    given: BoolArray
    rhythm: BoolArray = None  # type: ignore[assignment]  # an array once it is made

    def __post_init__(self) -> None:
        """Check and freeze the masks."""
        shape = self.chorale.pitches.shape
        given = np.array(self.given, np.bool_)
        rhythm = np.array(np.zeros(shape) if self.rhythm is None else self.rhythm, np.bool_)
        for mask in (given, rhythm):
            if mask.shape != shape:
                raise PromptError(f"A prompt's mask has the shape {mask.shape}, expected {shape} as the chorale's.")
        for field, mask in (("given", given), ("rhythm", rhythm & ~given)):
            mask.setflags(write=False)
            object.__setattr__(self, field, mask)

    @classmethod
    def voices(cls, chorale: Chorale, *voices: Voice) -> "Prompt":
        """Whole voices are given, the others free.

        Raises:
            PromptError: If a name isn't one of the four voices.
        """
        given = np.zeros(chorale.pitches.shape, np.bool_)
        given[:, _columns(voices)] = True
        return cls(chorale, given)

    @classmethod
    def bars(cls, chorale: Chorale, first: int, last: int, *kept: Voice) -> "Prompt":
        """Some bars of a four-part chorale are free, all else is given.

        Bars are numbered as in print: bar 1 is the first full measure, a pickup is bar 0.

        Args:
            chorale: Four voices.
            first: The first free bar.
            last: The last one, free too.
            kept: Voices that are given in these bars as well.

        Raises:
            PromptError: If there is no such bar, the last comes before the first, a voice of the chorale never sounds,
                or a name isn't one of the four voices.

        >>> chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 40, pickup=4)
        >>> np.flatnonzero(~Prompt.bars(chorale, 0, 1, "bass").given[:, 0]).tolist() == list(range(20))
        True
        """
        name = chorale.name or "the chorale"
        silent = [voice for voice in VOICES if chorale.only(voice).compass is None]
        if silent:
            raise PromptError(
                f"The {silent[0]} of {name} never sounds; expected four voices, of which to recompose some bars; "
                "harmonise it as a whole first."
            )
        full = chorale.measure_length
        lowest = 0 if chorale.pickup else 1
        highest = -(-(chorale.num_frames - chorale.pickup) // full)
        absent = [bar for bar in (first, last) if not lowest <= bar <= highest]
        if absent:
            raise PromptError(
                f"There is no bar {absent[0]} in {name}; expected {lowest} to {highest}, where a pickup is bar 0 and "
                "the first full bar is 1."
            )
        if first > last:
            raise PromptError(f"Bar {last} comes before bar {first}; expected the first bar first; swap the two.")
        given = np.ones(chorale.pitches.shape, np.bool_)
        given[max(0, chorale.pickup + (first - 1) * full) : chorale.pickup + last * full] = False
        given[:, _columns(kept)] = True
        return cls(chorale, given)

    def with_rhythm(self, *voices: Voice) -> "Prompt":
        """This prompt, but the free cells of some voices keep the chorale's rhythm.

        Raises:
            PromptError: If a voice never sounds or has no free cells, or a name isn't one of the four voices.
        """
        rhythm = self.rhythm.copy()
        name = self.chorale.name or "the chorale"
        for voice, column in zip(voices, _columns(voices), strict=True):
            if self.chorale.only(voice).compass is None:
                raise PromptError(
                    f"The {voice} of {name} never sounds; expected a voice whose rhythm can be kept; name another."
                )
            if self.given[:, column].all():
                raise PromptError(
                    f"The {voice} of {name} is given whole; expected a free voice whose rhythm can be kept; name "
                    "another, or don't give this one."
                )
            rhythm[:, column] = True
        return dataclasses.replace(self, rhythm=rhythm)


def _columns(voices: tuple[Voice, ...]) -> list[int]:
    unknown = [voice for voice in voices if voice not in VOICES]
    if unknown:
        raise PromptError(f"There is no voice {unknown[0]!r}; expected one of {', '.join(VOICES)}.")
    return [VOICES.index(voice) for voice in voices]
