"""Jsb16Corpus: the benchmark of published models of Bach's chorales."""

import json
from pathlib import Path

import numpy as np

from bachlit.corpus.base import FOLDS, Corpus, Fold
from bachlit.errors import CorpusError
from bachlit.music.chorale import Chorale


class Jsb16Corpus(Corpus):
    """JSB-16th: `train.json`, `valid.json` and `test.json`, with their division.

    A file is a list of pieces, a piece a list of frames, a frame four MIDI pitches from soprano to bass (-1 a rest).
    Notes begin where the pitch changes.

    Args:
        path: Folder of the files.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def chorales(self) -> list[Chorale]:
        """Read the folds, one after another."""
        return [chorale for fold in self.folds().values() for chorale in fold]

    def folds(self) -> dict[Fold, list[Chorale]]:
        """Read the published division; a missing file is an empty fold."""
        folds = {fold: self._fold(fold) for fold in FOLDS}
        if not any(folds.values()):
            raise CorpusError(f"{self.path} holds no train.json, valid.json or test.json; expected JSB-16th's files.")
        return folds

    def _fold(self, fold: Fold) -> list[Chorale]:
        path = self.path / f"{fold}.json"
        if not path.is_file():
            return []
        try:
            pieces = json.loads(path.read_text(encoding="utf-8"))
            return [
                Chorale.from_pitches(np.maximum(np.asarray(piece), 0), name=f"{fold}-{index}")
                for index, piece in enumerate(pieces)
            ]
        except OSError as error:
            raise CorpusError(f"{path} can't be opened ({error.strerror}); expected a readable file.") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise CorpusError(
                f"{path} isn't a fold of JSB-16th ({error}); expected lists of frames of four pitches."
            ) from error
