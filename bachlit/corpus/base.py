"""What a corpus is."""

from abc import ABC, abstractmethod
from typing import Literal

from bachlit.chorale import Chorale

Fold = Literal["train", "valid", "test"]
FOLDS: tuple[Fold, ...] = ("train", "valid", "test")


class Corpus(ABC):
    """A source of chorales."""

    @abstractmethod
    def chorales(self) -> list[Chorale]:
        """Every chorale, always in the same order, each with a `name` of its own.

        Raises:
            CorpusError: If the corpus isn't there or holds no chorale.
        """

    def folds(self) -> dict[Fold, list[Chorale]] | None:
        """The corpus's own division for training, validation and test, or None if it has none."""
        return None
