"""Base class of encodings, between chorales and tokens."""

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from bachlit.errors import EncodingError, OptionError
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.keys import Key
from bachlit.tokens import START

Tokens = npt.NDArray[np.int64]


class Kind(IntEnum):
    """Rhythmic kind of a token: a voice's token is a kind, then a pitch."""

    MARK = 0
    """No voice: a frame's beginning, a fermata, END."""
    ONSET = 1
    """Begins a note."""
    HOLD = 2
    """Holds a note."""
    REST = 3
    """Rests."""


class Encoding(ABC):
    """Base class: encodes a chorale as token ids, from a start token to END (`bachlit.tokens`).

    `config` rebuilds an encoding, so that checkpoints can store it.
    """

    slot_names: tuple[str, ...]
    """Groups of targets by which losses and accuracies are reported."""

    frame_size: int = 1
    """Tokens per frame if fixed, else 1; windows hold whole frames."""

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Keyword arguments that rebuild this encoding, as plain data."""

    @property
    @abstractmethod
    def vocabulary_size(self) -> int:
        """V, number of token ids."""

    def start(self, key: Key) -> int:
        """Token that begins a piece in a key: START, unless the encoding has key tokens."""
        return START

    @abstractmethod
    def encode(self, chorale: Chorale) -> Tokens:
        """Encode a chorale as tokens (1 + N,): the start token, then N targets, the last of them END.

        Raises:
            EncodingError: If the encoding can't express a note.
        """

    @abstractmethod
    def slots(self, targets: Tokens) -> Tokens:
        """Slot (index into `slot_names`) of each target (N,) of a whole piece."""

    @abstractmethod
    def completes_frame(self) -> npt.NDArray[np.bool_]:
        """Mask (V,) of the tokens that occur once per frame, to count frames."""

    @abstractmethod
    def kinds(self) -> Tokens:
        """`Kind` of each token (V,), to split losses into marks, rhythm and pitch."""

    @abstractmethod
    def describe(self, token: int) -> str:
        """Name a token, such as `67 onset` or `FERMATA`."""


def check_pitches(pitches: npt.NDArray[np.integer], lowest: int, highest: int, name: str) -> None:
    """Check that an encoding has tokens for the pitches (T, 4) of a piece.

    Raises:
        EncodingError: If one is outside its compass.
    """
    outside = (pitches != REST) & ((pitches < lowest) | (pitches > highest))
    if outside.any():
        frame, voice = (int(index[0]) for index in np.nonzero(outside))
        raise EncodingError(
            f"{name or 'The chorale'} has the pitch {pitches[frame, voice]} in the {VOICES[voice]} at frame {frame}; "
            f"expected {lowest} to {highest}; transpose it, or widen the encoding's compass."
        )


def check_compass(lowest: int, highest: int) -> None:
    """Check the lowest and highest MIDI pitch of an encoding.

    Raises:
        OptionError: If they aren't pitches in this order.
    """
    if not 0 < lowest <= highest <= 127:
        raise OptionError(f"The compass is {lowest} to {highest}; expected MIDI pitches from 1 to 127, lowest first.")
