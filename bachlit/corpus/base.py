"""Base class of corpora."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

from bachlit.music.chorale import Chorale

Fold = Literal["train", "valid", "test"]
FOLDS: tuple[Fold, ...] = ("train", "valid", "test")


class Corpus(ABC):
    """Base class: a source of chorales."""

    @abstractmethod
    def chorales(self) -> Sequence[Chorale]:
        """Return all chorales, in a fixed order, each with a unique `name`.

        A list, or for corpora larger than memory a sequence that reads pieces on demand.

        Raises:
            CorpusError: If the corpus is missing or empty.
        """

    def folds(self) -> Mapping[Fold, Sequence[Chorale]] | None:
        """Return the corpus's own division into training, validation and test, if it has one."""
        return None
