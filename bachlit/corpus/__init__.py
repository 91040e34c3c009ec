"""Sources of chorales: Bach in music21, folders of scores, JSB-16th."""

from bachlit.corpus.bachbot import BachBotCorpus
from bachlit.corpus.base import FOLDS, Corpus, Fold
from bachlit.corpus.jsb16 import Jsb16Corpus
from bachlit.corpus.pieces import Chosen
from bachlit.corpus.scores import BachCorpus, FolderCorpus, ScoreCorpus

__all__ = [
    "FOLDS", "BachBotCorpus", "BachCorpus", "Chosen", "Corpus", "Fold", "FolderCorpus", "Jsb16Corpus",
    "ScoreCorpus",
]  # fmt: skip
