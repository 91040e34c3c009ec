"""What a corpus is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

from bachlit.music.chorale import Chorale

Fold = Literal["train", "valid", "test"]
FOLDS: tuple[Fold, ...] = ("train", "valid", "test")


class Corpus(ABC):
    """A source of chorales."""

    @abstractmethod
    def chorales(self) -> Sequence[Chorale]:
        """Every chorale, always in the same order, each with a `name` of its own.

        A list will do; of a corpus that is larger than memory, a sequence that reads a piece when it is asked for.

        Raises:
            CorpusError: If the corpus isn't there or holds no chorale.
        """

    def folds(self) -> Mapping[Fold, Sequence[Chorale]] | None:
        """The corpus's own division for training, validation and test, or None if it has none."""
        return None
