"""Held out: the pieces on which a model may be judged, and those that it was trained on."""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bachlit import corpus as corpora
from bachlit.chorale import RANGES, VOICES, Chorale, Voice
from bachlit.corpus import FOLDS, BachCorpus, Corpus, Fold
from bachlit.errors import CheckpointError, CorpusError, OptionError
from bachlit.splits import split_by_tune


class Source(NamedTuple):
    """What a checkpoint says of its data.

    Attributes:
        split: The names of the pieces of each fold; empty if it doesn't say.
        corpus: Where the pieces came from; None if it doesn't say, or by a class that isn't bachlit's.
    """

    split: dict[str, list[str]]
    corpus: Corpus | None


class HeldOut(NamedTuple):
    """Pieces to judge on.

    Attributes:
        pieces: Of the fold, in its order.
        training: Of the training fold.
        left_out: Names of the fold's pieces that can't be prompts, since a given voice is out of its range.
    """

    pieces: list[Chorale]
    training: list[Chorale]
    left_out: list[str]


def source_of(checkpoint: Path) -> Source:
    """What a checkpoint of `bachlit fit`, or the folder of a model, says of the data that it was trained on.

    Raises:
        CheckpointError: If there is no such checkpoint, or it is damaged.
    """
    try:
        if checkpoint.is_dir():
            path = checkpoint / "split.json"
            return Source(json.loads(path.read_text()) if path.is_file() else {}, None)
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        split = json.loads(content.get("ChoraleDataModule", {}).get("split", "{}"))
        options = json.loads(content.get("bachlit_options", "{}")).get("data", {}).get("corpus")
        return Source(split, _corpus(options))
    except Exception as error:  # unpickling fails in many ways
        raise CheckpointError(
            f"{checkpoint} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__}); expected a file that "
            "`bachlit fit` wrote."
        ) from error


def _corpus(options: Any) -> Corpus | None:
    """The corpus that a checkpoint's options name, if its class is bachlit's own."""
    if not isinstance(options, dict):
        return None
    module, _, name = str(options.get("class_path")).rpartition(".")
    kind = getattr(corpora, name, None) if module in ("", "bachlit.corpus") else None
    made: Corpus | None = kind(**options.get("init_args", {})) if kind is not None else None
    return made


def folds_for(sources: Sequence[Source], corpus: Corpus | None = None) -> dict[Fold, list[Chorale]]:
    """A corpus as some models divided it.

    Args:
        sources: Of each model; the division is the first one's, if it says and names pieces of this corpus.
        corpus: Where the pieces come from; if None, where those of the first model came from, or Bach in music21.

    Raises:
        CorpusError: If there is no corpus.
    """
    corpus = corpus or next((source.corpus for source in sources if source.corpus), None) or BachCorpus()
    folds = corpus.folds()
    if folds is not None:
        return folds
    chorales = corpus.chorales()
    by_name = {chorale.name: chorale for chorale in chorales}
    for split in (source.split for source in sources if source.split):
        if set().union(*split.values()) <= by_name.keys():
            return {fold: [by_name[name] for name in split.get(fold, ())] for fold in FOLDS}
    return split_by_tune(chorales)


def held_out(
    folds: Mapping[Fold, list[Chorale]],
    fold: Fold,
    *,
    sources: Sequence[Source] = (),
    missing: Sequence[str] = (),
    limit: int = 0,
) -> HeldOut:
    """The pieces of a fold on which none of some models was trained; a warning says where that can't be told.

    Args:
        folds: A divided corpus.
        fold: Which one.
        sources: Of each model.
        missing: The masks under which pieces are to be written, as letters of the voices that are free: all pieces
            must have every other voice in its range.
        limit: So many of the first, 0 for all.

    Raises:
        CorpusError: If the fold is empty.
        OptionError: If a model was trained on some of the pieces.
    """
    needed = [voice for voice in VOICES if any(voice[0].upper() not in letters for letters in missing)]
    fits = {chorale.name: _in_range(chorale, needed) for chorale in folds[fold]}
    pieces = [chorale for chorale in folds[fold] if fits[chorale.name]][: limit or None]
    if not pieces:
        raise CorpusError(f"The corpus has no pieces for the {fold} fold; expected at least one; choose another fold.")
    for source in sources:
        known = sorted({chorale.name for chorale in pieces} & set(source.split.get("train", ())))
        if known:
            raise OptionError(
                f"A model was trained on {len(known)} of the {len(pieces)} pieces, such as {known[0]}; expected pieces "
                "held out from all models; evaluate it by itself, or on another corpus or fold."
            )
        if not {chorale.name for chorale in pieces} <= set().union(*source.split.values()):
            warnings.warn(
                "A model may have been trained on some of the pieces: they aren't of the corpus that it says it knows.",
                stacklevel=2,
            )
    return HeldOut(pieces, folds["train"], [name for name, fit in fits.items() if not fit])


def _in_range(chorale: Chorale, voices: Sequence[Voice]) -> bool:
    compasses = [(RANGES[voice], chorale.only(voice).compass) for voice in voices]
    return all(its is not None and low <= its[0] <= its[1] <= high for (low, high), its in compasses)
