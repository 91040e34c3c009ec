"""What an encoding is: the contract between chorales and the tokens that a network predicts."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from bachlit.chorale import Chorale
from bachlit.keys import Key
from bachlit.tokens import START

Tokens = npt.NDArray[np.int64]


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
    def describe(self, token: int) -> str:
        """A token in words: `67 onset`, `FERMATA`."""
