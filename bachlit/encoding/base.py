"""What an encoding is: the contract between chorales and the tokens that a network predicts."""

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key
from bachlit.tokens import START

Tokens = npt.NDArray[np.int64]


class Kind(IntEnum):
    """What a token does in time. Whoever chooses a voice's token chooses its kind, the rhythm, and then its pitch."""

    MARK = 0
    """Belongs to no voice: a frame's beginning, a fermata, END."""
    ONSET = 1
    """Begins a note."""
    HOLD = 2
    """Holds one on."""
    REST = 3
    """Keeps a voice silent."""


class Encoding(ABC):
    """Turns a chorale into token ids: a start, its tokens, END (ids in `bachlit.tokens`).

    An encoding is plain data: `config` rebuilds it, so a checkpoint can name it.
    """

    slot_names: tuple[str, ...]
    """The kinds of target by which losses and accuracies are reported."""

    frame_size: int = 1
    """Tokens in a frame where that is fixed, else 1; windows hold whole frames."""

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The keyword arguments that rebuild this encoding, as plain data."""

    @property
    @abstractmethod
    def vocabulary_size(self) -> int:
        """V, the number of token ids."""

    def start(self, key: Key) -> int:
        """The token with which a piece in a key begins: START, unless the encoding tells keys apart."""
        return START

    @abstractmethod
    def encode(self, chorale: Chorale) -> Tokens:
        """The tokens of a chorale, (1 + N,): its start, then the N targets, of which the last is END.

        Raises:
            EncodingError: If a note is outside what the encoding can express.
        """

    @abstractmethod
    def slots(self, targets: Tokens) -> Tokens:
        """Which of `slot_names` each of a whole piece's targets (N,) belongs to, (N,)."""

    @abstractmethod
    def completes_frame(self) -> npt.NDArray[np.bool_]:
        """(V,) true for the tokens that stand for exactly one frame each, so that counting them counts frames."""

    @abstractmethod
    def kinds(self) -> Tokens:
        """(V,) the `Kind` of each token, by which losses are split into those of marks, of rhythm and of pitch."""

    @abstractmethod
    def describe(self, token: int) -> str:
        """A token in words: `67 onset`, `FERMATA`."""
