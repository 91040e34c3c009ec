"""Prompt: a chorale with some cells given and the others free."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from bachlit.errors import PromptError
from bachlit.music.chorale import VOICES, BoolArray, Chorale, Voice
from bachlit.music.measures import whole_bars


@dataclass(frozen=True, eq=False, repr=False)
class Prompt:
    """Chorale of which some cells are given and the others are to be composed.

    Length, fermatas and metadata are always given.

    Attributes:
        chorale: Holds the given notes; free cells are ignored.
        given: (T, 4) true where a cell is given.
        rhythm: (T, 4) true where only the rhythm of a cell (onset, hold or rest) is given and the pitch is free; None
            for no cells. Given cells take precedence.
        phrase_ends: (T,) true on the last notes of phrases, which count in place of the fermatas; None for the
            fermatas. What is written keeps the chorale's own fermatas.
        found: Whether these were found, and may be wrong: rules keep to them, but a model that knows of unknown
            fermatas isn't told them.

    Raises:
        PromptError: If the shapes differ.

    >>> melody = Chorale.from_pitches([[67, 0, 0, 0]] * 4)
    >>> Prompt.voices(melody, "soprano").given.all(axis=0).tolist()
    [True, False, False, False]
    >>> Prompt.voices(melody, "soprano")
    <Prompt of soprano, in <Chorale 1 bar of 4/4, G major, soprano G4>>
    """

    chorale: Chorale
    given: BoolArray
    rhythm: BoolArray = None  # type: ignore[assignment]  # an array once it is made
    phrase_ends: BoolArray | None = None
    found: bool = False

    def __post_init__(self) -> None:
        """Check the masks and make them read-only."""
        shape = self.chorale.pitches.shape
        given = np.array(self.given, np.bool_)
        rhythm = np.array(np.zeros(shape) if self.rhythm is None else self.rhythm, np.bool_)
        for mask in (given, rhythm):
            if mask.shape != shape:
                raise PromptError(f"A prompt's mask has the shape {mask.shape}; expected the chorale's {shape}.")
        for field, mask in (("given", given), ("rhythm", rhythm & ~given)):
            mask.setflags(write=False)
            object.__setattr__(self, field, mask)
        if self.phrase_ends is not None:
            ends = np.array(self.phrase_ends, np.bool_)
            if ends.shape != shape[:1]:
                raise PromptError(f"A prompt's phrase ends have the shape {ends.shape}; expected {shape[:1]}.")
            ends.setflags(write=False)
            object.__setattr__(self, "phrase_ends", ends)

    def __repr__(self) -> str:
        voices = [voice for column, voice in enumerate(VOICES) if self.given[:, column].all()]
        whole = self.given.sum() == len(voices) * len(self.given)
        given = ", ".join(voices) or "nothing" if whole else f"{self.given.mean():.0%} of all cells"
        return f"<Prompt of {given}, in {self.chorale!r}>"

    @classmethod
    def voices(cls, chorale: Chorale, *voices: Voice) -> "Prompt":
        """Give whole voices, leave the others free.

        Args:
            chorale: Holds the voices.
            voices: Names of those that are given.

        Raises:
            PromptError: If a name isn't one of the four voices.
        """
        given = np.zeros(chorale.pitches.shape, np.bool_)
        given[:, _columns(voices)] = True
        return cls(chorale, given)

    @classmethod
    def bars(cls, chorale: Chorale, first: int, last: int, *kept: Voice) -> "Prompt":
        """Free some bars of a four-part chorale, give all the rest.

        Bars go by their printed numbers. A pickup is bar 0 as well; a split bar is both its halves.

        Args:
            chorale: Four voices.
            first: Number of the first free bar.
            last: Number of the last free bar.
            kept: Voices given in these bars as well.

        Raises:
            PromptError: If there is no such bar, the last comes before the first, a voice never sounds, or a name
                isn't one of the four voices.

        >>> chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 40, pickup=4)
        >>> np.flatnonzero(~Prompt.bars(chorale, 0, 1, "bass").given[:, 0]).tolist() == list(range(20))
        True
        """
        name = chorale.name or "the chorale"
        silent = [voice for voice in VOICES if chorale.only(voice).compass is None]
        if silent:
            raise PromptError(f"The {silent[0]} of {name} never sounds; to recompose bars, harmonise it first.")
        begin, end = _span(chorale, name, first, last)
        given = np.ones(chorale.pitches.shape, np.bool_)
        given[begin:end] = False
        given[:, _columns(kept)] = True
        return cls(chorale, given)

    @property
    def heard(self) -> Chorale:
        """The chorale as a model hears it: phrase ends as fermatas."""
        if self.phrase_ends is None:
            return self.chorale
        return dataclasses.replace(self.chorale, fermatas=self.phrase_ends)

    def with_rhythm(self, *voices: Voice) -> "Prompt":
        """Give the rhythm of some voices as well; their pitches stay free.

        Raises:
            PromptError: If a voice never sounds, has no free cells, or isn't one of the four.
        """
        rhythm = self.rhythm.copy()
        name = self.chorale.name or "the chorale"
        for voice, column in zip(voices, _columns(voices), strict=True):
            if self.chorale.only(voice).compass is None:
                raise PromptError(f"The {voice} of {name} never sounds, so it has no rhythm to keep; name another.")
            if self.given[:, column].all():
                raise PromptError(f"The {voice} of {name} is given already, rhythm and pitches; name a free voice.")
            rhythm[:, column] = True
        return dataclasses.replace(self, rhythm=rhythm)


def _span(chorale: Chorale, name: str, first: int, last: int) -> tuple[int, int]:
    """Find the first frame of a bar, and the end of another; the last one is sought from the first one on."""
    bars = whole_bars(chorale.measures)
    numbers = [bar.number for bar in bars]
    if bars[0].position and "0" not in numbers:
        numbers[0] = "0"
    absent = [bar for bar in (first, last) if str(bar) not in numbers]
    if absent:
        raise PromptError(
            f"There is no bar {absent[0]} in {name}; expected {numbers[0]} to {numbers[-1]} (0 is a pickup)."
        )
    begin = numbers.index(str(first))
    following = [index for index in range(begin, len(numbers)) if numbers[index] == str(last)]
    if not following:
        raise PromptError(f"Bar {last} comes before bar {first}; swap the two.")
    end = following[0]
    while end + 1 in following:
        end += 1
    return bars[begin].start, bars[end].end


def _columns(voices: tuple[Voice, ...]) -> list[int]:
    unknown = [voice for voice in voices if voice not in VOICES]
    if unknown:
        raise PromptError(f"There is no voice {unknown[0]!r}; expected one of {', '.join(VOICES)}.")
    return [VOICES.index(voice) for voice in voices]
