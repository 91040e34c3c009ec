"""Prompt: which cells of a chorale's grid are given, and so must come back as they are."""

from dataclasses import dataclass

import numpy as np

from bachlit.chorale import VOICES, BoolArray, Chorale, Voice
from bachlit.errors import PromptError


@dataclass(frozen=True, eq=False)
class Prompt:
    """A chorale of which some cells are given and the others are to be written.

    Length, fermatas and metadata are always the chorale's.

    Attributes:
        chorale: Holds the given notes; what stands in the free cells doesn't matter.
        given: (T, 4) true where a cell is given.

    Raises:
        PromptError: If the shapes differ.

    >>> melody = Chorale.from_pitches([[67, 0, 0, 0]] * 4)
    >>> Prompt.voices(melody, "soprano").given.all(axis=0).tolist()
    [True, False, False, False]
    """

    chorale: Chorale
    given: BoolArray

    def __post_init__(self) -> None:
        """Check and freeze the mask."""
        given = np.array(self.given, np.bool_)
        if given.shape != self.chorale.pitches.shape:
            raise PromptError(
                f"A prompt's mask has the shape {given.shape}, expected {self.chorale.pitches.shape} as the chorale's."
            )
        given.setflags(write=False)
        object.__setattr__(self, "given", given)

    @classmethod
    def voices(cls, chorale: Chorale, *voices: Voice) -> "Prompt":
        """Whole voices are given, the others free.

        Raises:
            PromptError: If a name isn't one of the four voices.
        """
        unknown = [voice for voice in voices if voice not in VOICES]
        if unknown:
            raise PromptError(f"There is no voice {unknown[0]!r}; expected one of {', '.join(VOICES)}.")
        given = np.zeros(chorale.pitches.shape, np.bool_)
        given[:, [VOICES.index(voice) for voice in voices]] = True
        return cls(chorale, given)
