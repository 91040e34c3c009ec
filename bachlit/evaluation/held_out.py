"""Held-out pieces: choose pieces that no model was trained on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from bachlit import corpus as corpora
from bachlit.classes import imported
from bachlit.corpus import FOLDS, BachCorpus, Chosen, Corpus, Fold, ScoreCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.errors import CheckpointError, CorpusError, EncodingError, OptionError, PromptError
from bachlit.evaluation.rows import free_cells
from bachlit.generation.prompts import move_for
from bachlit.metrics import Passages, arrivals_at
from bachlit.models.language_model import LanguageModel
from bachlit.models.recorded import recorded
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt

# Options of a corpus that say nothing about its pieces.
_OF_A_MACHINE = ("cache", "workers")


class Source(NamedTuple):
    """Data of a model, as recorded in its checkpoint.

    Attributes:
        split: Names of the pieces per fold; empty if unknown.
        corpus: Corpus of the pieces; None if unknown.
        foreign: Class path of the corpus if it is neither one of bachlit's nor imported, which isn't imported; or the
            name of one of bachlit's whose folder the model doesn't name.
    """

    split: Mapping[str, Sequence[str]] = MappingProxyType({})
    corpus: Corpus | None = None
    foreign: str = ""

    def training(self) -> list[Chorale]:
        """Training pieces of the model, as far as its corpus still has them."""
        names = set(self.split.get("train", ()))
        if not names or self.foreign:
            return []
        try:
            return [chorale for chorale in (self.corpus or BachCorpus()).chorales() if chorale.name in names]
        except CorpusError:  # a folder that was moved
            return []


class HeldOut(NamedTuple):
    """Held-out pieces.

    Attributes:
        pieces: In the order of the fold.
        training: Training pieces of the models, or the corpus's training fold if unknown.
        left_out: Pieces that can't be composed, with reasons.
        doubts: Reasons to doubt that the pieces are held out, in sentences.
        ends: Frames in which the last notes of each piece's phrases begin; empty for those under fermatas.
        bach: Bach's pieces to compare with; empty for the pieces themselves.
        tunes: Whether the pieces are tunes without Bach.
        fold: The fold that they are of; empty if unknown.
    """

    pieces: list[Chorale]
    training: Sequence[Chorale]
    left_out: Mapping[str, str] = MappingProxyType({})
    doubts: Sequence[str] = ()
    ends: Sequence[Sequence[int]] = ()
    bach: Sequence[Chorale] = ()
    tunes: bool = False
    fold: str = ""

    def __repr__(self) -> str:
        return f"<HeldOut: {len(self.pieces)} {'tunes' if self.tunes else 'pieces'}, {len(self.training)} for training>"

    def without_fermatas(self) -> "HeldOut":
        """Take the pieces' fermatas away; their phrases still end there, and Bach keeps his."""
        ends = self.ends or [[arrival.start for arrival in arrivals_at(piece)] for piece in self.pieces]
        bare = [replace(piece, fermatas=np.zeros(piece.num_frames, np.bool_)) for piece in self.pieces]
        return self._replace(pieces=bare, ends=ends, bach=self.bach or self.pieces)

    def beside(
        self,
        tunes: Sequence[Chorale],
        *,
        models: Sequence[LanguageModel],
        missing: Sequence[str],
        ends: Sequence[Sequence[int]] = (),
        limit: int = 0,
    ) -> "HeldOut":
        """Put tunes in the place of the pieces, which remain as Bach's.

        Args:
            tunes: Sopranos, whose other voices rest.
            models: Models that must be able to harmonise them.
            missing: Masks, as letters of the voices to compose.
            ends: Frames in which the last notes of each tune's phrases begin; empty for those under fermatas.
            limit: Number of tunes, 0 for all.

        Raises:
            OptionError: If a mask isn't ATB.
            CorpusError: If no tune can be harmonised.
        """
        if set(missing) != {"ATB"}:
            raise OptionError(
                f"Tunes have no other voices, but {', '.join(missing)} are to be composed; expected ATB; leave "
                "--missing out."
            )
        faults = {tune.name: _fault(tune, models, missing) for tune in tunes}
        usable = [index for index, tune in enumerate(tunes) if not faults[tune.name]][: limit or None]
        if not usable:
            reason = next(iter(faults.values()), "there is none")
            raise CorpusError(f"No tune can be harmonised ({reason}); choose others.")
        left_out = {name: fault for name, fault in faults.items() if fault}
        return self._replace(
            pieces=[tunes[index] for index in usable],
            left_out=left_out,
            doubts=(),
            ends=[ends[index] for index in usable] if ends else (),
            bach=self.pieces,
            tunes=True,
        )


def source_of(checkpoint: Path) -> Source:
    """Read the data of a model from a checkpoint of `bachlit fit`, or a model's folder.

    Args:
        checkpoint: A file or a folder.

    Raises:
        CheckpointError: If the checkpoint doesn't exist or is damaged.
    """
    known = recorded(checkpoint)
    try:
        return Source(known.split, *_corpus(known.corpus))
    except Exception as error:  # a foreign file may hold anything
        raise CheckpointError(
            f"{checkpoint} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__})."
        ) from error


def _corpus(options: Any) -> tuple[Corpus | None, str]:
    """Make the corpus of a checkpoint's options.

    Returns:
        The corpus, or its class path if it is neither bachlit's nor imported, or its name if its folder isn't known.
    """
    if not isinstance(options, dict):
        return None, ""
    path = options["class_path"]
    if not re.fullmatch(r"[\w.]{1,200}", path):
        raise ValueError("no path of a class")
    module, _, name = path.rpartition(".")
    kind = getattr(corpora, name, None) if module in ("", "bachlit.corpus") else None
    if not (isinstance(kind, type) and issubclass(kind, Corpus)):
        return _own_corpus(path, options.get("init_args", {}))
    # Options that choose pieces, not where they are cached or how they are read.
    kinds = {"path": str, "quantize": bool, "repeats": bool}
    chosen = {name: value for name, value in options.get("init_args", {}).items() if name in kinds}
    if not all(isinstance(value, kinds[name]) for name, value in chosen.items()):
        raise TypeError("no options of a corpus")
    if "path" in signature(kind).parameters and "path" not in chosen:
        return None, name  # an exported model doesn't name its trainer's folder
    # Start no processes for a folder that the file names.
    alone = {"workers": 1} if issubclass(kind, ScoreCorpus) else {}
    return kind(**chosen, **alone), ""


def _own_corpus(path: str, arguments: Mapping[str, Any]) -> tuple[Corpus | None, str]:
    """Make a corpus of a class of the user's that is imported, of arguments in which nothing is a class."""
    kind = imported(path)
    plain = all(value is None or isinstance(value, str | bool | int | float) for value in arguments.values())
    if not (plain and isinstance(kind, type) and issubclass(kind, Corpus)):
        return None, path
    return kind(**{name: value for name, value in arguments.items() if name not in _OF_A_MACHINE}), ""


def folds_for(sources: Sequence[Source], corpus: Corpus | None = None) -> Mapping[Fold, Sequence[Chorale]]:
    """Divide a corpus as some models did.

    Args:
        sources: Data of each model; the first known division that fits the corpus is used.
        corpus: Source of the pieces; if None, the first model's, or Bach in music21.

    Raises:
        CorpusError: If there is no corpus.
        OptionError: If the class of the first model's corpus is neither bachlit's nor imported.
    """
    first = sources[0] if sources else Source()
    if corpus is None and first.foreign:
        if "." in first.foreign or not hasattr(corpora, first.foreign):
            raise OptionError(
                f"The checkpoint's corpus is {first.foreign}, which isn't imported here; if you trust it, add --import "
                f"{first.foreign.rpartition('.')[0]}, or --corpus {first.foreign} with its options."
            )
        raise OptionError(
            f"The model's corpus is a {first.foreign} whose folder the model doesn't name; expected it in --corpus; "
            f"add --corpus {first.foreign} --corpus.path FOLDER."
        )
    try:
        folds = (corpus or first.corpus or BachCorpus()).folds()
        if folds is not None:
            return folds
        chorales = (corpus or first.corpus or BachCorpus()).chorales()
    except CorpusError as error:
        if corpus is not None or first.corpus is None:
            raise
        kind = type(first.corpus).__name__
        raise CorpusError(f"The checkpoint's corpus is missing: {error} Name it by --corpus {kind}.") from error
    by_name = {chorale.name: index for index, chorale in enumerate(chorales)}
    for split in (source.split for source in sources if source.split):
        if set().union(*split.values()) <= by_name.keys():
            return {fold: Chosen(chorales, [by_name[name] for name in split.get(fold, ())]) for fold in FOLDS}
    return split_by_tune(chorales)


def held_out(
    folds: Mapping[Fold, Sequence[Chorale]],
    fold: Fold,
    *,
    models: Sequence[tuple[LanguageModel, Source]] = (),
    missing: Sequence[str] = (),
    limit: int = 0,
) -> HeldOut:
    """Select the pieces of a fold that no model was trained on and all can compose.

    The training fold measures memory, not generalisation; if asked for, a doubt says so.

    Args:
        folds: A divided corpus.
        fold: The fold.
        models: Models with their data.
        missing: Masks, as letters of the voices to compose.
        limit: Number of pieces, 0 for all.

    Raises:
        CorpusError: If the fold is empty, or none of its pieces can be composed.
        OptionError: If a model was trained on pieces of the fold (other than train).
    """
    faults = {chorale.name: _fault(chorale, [model for model, _ in models], missing) for chorale in folds[fold]}
    pieces = [chorale for chorale in folds[fold] if not faults[chorale.name]][: limit or None]
    left_out = {name: fault for name, fault in faults.items() if fault}
    if not pieces:
        reason = next(iter(left_out.values()), "it is empty")
        raise CorpusError(f"The {fold} fold has no usable piece ({reason}); choose another fold or corpus.")
    trained = [source.training() for _, source in models]
    training = [chorale for chorales in trained for chorale in chorales] or folds["train"]
    if fold == "train":
        doubt = "These are training pieces: the figures show what was memorised, not what was learned."
        return HeldOut(pieces, training, left_out, [doubt], fold=fold)
    doubts: list[str] = []
    for (_, source), chorales in zip(models, trained, strict=True):
        if known := _known(pieces, source, chorales):
            raise OptionError(
                f"A model was trained on {len(known)} of the {len(pieces)} pieces, such as {known[0]}; evaluate it "
                "separately, or choose another corpus or fold."
            )
        doubts += _doubts(pieces, source, chorales)
    return HeldOut(pieces, training, left_out, list(dict.fromkeys(doubts)), fold=fold)


def _fault(chorale: Chorale, models: Sequence[LanguageModel], missing: Sequence[str]) -> str:
    """Why a piece can't be used; empty if it can."""
    try:
        for model in models:
            model.encoding.encode(model.at_home(chorale))
            for letters in missing:
                move_for(Prompt(chorale, ~free_cells(chorale, letters)), model.keys)
    except (EncodingError, PromptError) as error:
        return str(error)
    return ""


def _known(pieces: Sequence[Chorale], source: Source, training: Sequence[Chorale]) -> list[str]:
    """Names of pieces that a model was trained on: the same name and, if known, half of the notes.

    Half, since one corpus may play repeats that another leaves out.
    """
    named = set(source.split.get("train", ()))
    notes = {chorale.name: chorale for chorale in training}
    return [
        chorale.name
        for chorale in pieces
        if chorale.name in named
        and (
            chorale.name not in notes
            or 2 * Passages([notes[chorale.name]]).longest(chorale).frames >= chorale.num_frames
        )
    ]


def _doubts(pieces: Sequence[Chorale], source: Source, training: Sequence[Chorale]) -> list[str]:
    """Reasons to doubt: a model may have been trained on pieces under other names."""
    if len(training) < max(1, len(source.split.get("train", ()))):
        return ["The training pieces of a model are unknown here, so some pieces may be among them."]
    passages = Passages(training)
    same = [chorale.name for chorale in pieces if passages.longest(chorale).frames == chorale.num_frames]
    if same:
        return [f"Note for note, in some key, a model was trained on {len(same)} of the pieces: {', '.join(same)}."]
    return []
