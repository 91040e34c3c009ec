"""A corpus of a few pieces, with folds of its own."""

from bachlit.corpus import Corpus, Fold
from bachlit.music.chorale import Chorale


class Few(Corpus):
    """The last pieces are held out, so many for validation and so many for testing."""

    def __init__(self, pieces: list[Chorale], held_out: tuple[int, int] = (2, 2)) -> None:
        self.pieces, self.held_out = pieces, held_out

    def chorales(self) -> list[Chorale]:
        return self.pieces

    def folds(self) -> dict[Fold, list[Chorale]]:
        valid, test = self.held_out
        train = len(self.pieces) - valid - test
        return {
            "train": self.pieces[:train],
            "valid": self.pieces[train : train + valid],
            "test": self.pieces[train + valid :],
        }
