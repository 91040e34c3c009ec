"""Held out: the pieces on which a model may be judged, and those that it was trained on."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bachlit import corpus as corpora
from bachlit.corpus import FOLDS, BachCorpus, Chosen, Corpus, Fold, ScoreCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.errors import CheckpointError, CorpusError, EncodingError, OptionError, PromptError
from bachlit.evaluation.rows import free_cells
from bachlit.generation.prompts import move_for
from bachlit.metrics import Passages
from bachlit.models.checkpoints import read_checkpoint
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt


class Source(NamedTuple):
    """What a checkpoint says of its data.

    Attributes:
        split: The names of the pieces of each fold; empty if it doesn't say.
        corpus: Where the pieces came from; None if it doesn't say.
        foreign: The path of the corpus's class, if that isn't one of bachlit's: it isn't imported.
    """

    split: Mapping[str, Sequence[str]] = MappingProxyType({})
    corpus: Corpus | None = None
    foreign: str = ""

    def training(self) -> list[Chorale]:
        """The pieces that the model was trained on, as far as its corpus still has them."""
        names = set(self.split.get("train", ()))
        if not names or self.foreign:
            return []
        try:
            return [chorale for chorale in (self.corpus or BachCorpus()).chorales() if chorale.name in names]
        except CorpusError:  # a folder that is elsewhere now
            return []


class HeldOut(NamedTuple):
    """Pieces to judge on.

    Attributes:
        pieces: Of the fold, in its order.
        training: What the models were trained on, or, where they don't say, the corpus's training fold.
        left_out: Names of the fold's pieces that can't be written, and why not.
        doubts: What speaks against the pieces' being held out, in sentences.
    """

    pieces: list[Chorale]
    training: Sequence[Chorale]
    left_out: Mapping[str, str] = MappingProxyType({})
    doubts: Sequence[str] = ()


def source_of(checkpoint: Path) -> Source:
    """What a checkpoint of `bachlit fit`, or the folder of a model, says of the data that it was trained on.

    Raises:
        CheckpointError: If there is no such checkpoint, or it is damaged.
    """
    content = {} if checkpoint.is_dir() else read_checkpoint(checkpoint)
    try:
        if checkpoint.is_dir():
            path = checkpoint / "split.json"
            return Source(_split(path.read_text(encoding="utf-8")) if path.is_file() else {})
        split = _split(content.get("ChoraleDataModule", {}).get("split", "{}"))
        options = json.loads(content.get("bachlit_options", "{}")).get("data", {}).get("corpus")
        return Source(split, *_corpus(options))
    except Exception as error:  # what says something else than bachlit would may say anything
        raise CheckpointError(
            f"{checkpoint} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__}); expected a file that "
            "`bachlit fit` wrote."
        ) from error


def _split(text: str) -> Mapping[str, Sequence[str]]:
    """The names of the pieces of each fold, as JSON."""
    split = json.loads(text)
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in split.values()):
        raise TypeError("a fold is a list of names")
    return split  # type: ignore[no-any-return]


def _corpus(options: Any) -> tuple[Corpus | None, str]:
    """The corpus that a checkpoint's options name, or the path of its class if that isn't bachlit's own."""
    if not isinstance(options, dict):
        return None, ""
    path = options["class_path"]
    if not re.fullmatch(r"[\w.]{1,200}", path):
        raise ValueError("no path of a class")
    module, _, name = path.rpartition(".")
    kind = getattr(corpora, name, None) if module in ("", "bachlit.corpus") else None
    if not (isinstance(kind, type) and issubclass(kind, Corpus)):
        return None, path
    # Which pieces they are, and neither where they are kept nor by how many processes they are read.
    kinds = {"path": str, "quantize": bool, "repeats": bool}
    chosen = {name: value for name, value in options.get("init_args", {}).items() if name in kinds}
    if not all(isinstance(value, kinds[name]) for name, value in chosen.items()):
        raise TypeError("no options of a corpus")
    alone = {"workers": 1} if issubclass(kind, ScoreCorpus) else {}  # no processes are started for a folder it names
    return kind(**chosen, **alone), ""


def folds_for(sources: Sequence[Source], corpus: Corpus | None = None) -> Mapping[Fold, Sequence[Chorale]]:
    """A corpus as some models divided it.

    Args:
        sources: Of each model; the division is the first one's that says and names pieces of this corpus.
        corpus: Where the pieces come from; if None, where those of the first model came from, or Bach in music21.

    Raises:
        CorpusError: If there is no corpus.
        OptionError: If the first model's corpus is of a class that isn't bachlit's.
    """
    first = sources[0] if sources else Source()
    if corpus is None and first.foreign:
        raise OptionError(
            f"The checkpoint's pieces came from {first.foreign}, which isn't imported here; if you trust it, name it: "
            f"--corpus {first.foreign}."
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
        raise CorpusError(f"The checkpoint's corpus isn't here: {error} Say where it is: --corpus {kind}.") from error
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
    """The pieces of a fold on which none of some models was trained, and which all of them can write.

    The training fold is no fold to judge on: asked for by name, it shows what models remember, and a doubt says so.

    Args:
        folds: A divided corpus.
        fold: Which one.
        models: Each with what it says of its data.
        missing: The masks under which the pieces are to be written, as letters of the voices that are free.
        limit: So many of the first, 0 for all.

    Raises:
        CorpusError: If the fold is empty, or none of its pieces can be written.
        OptionError: If a model was trained on some of the pieces of another fold than the training fold.
    """
    faults = {chorale.name: _fault(chorale, [model for model, _ in models], missing) for chorale in folds[fold]}
    pieces = [chorale for chorale in folds[fold] if not faults[chorale.name]][: limit or None]
    left_out = {name: fault for name, fault in faults.items() if fault}
    if not pieces:
        said = next(iter(left_out.values()), "it is empty")
        raise CorpusError(
            f"The {fold} fold has no piece that can be written ({said}); expected at least one; choose another fold or "
            "corpus."
        )
    doubts: list[str] = []
    training: list[Chorale] = []
    for _, source in models:
        its = source.training()
        known = [] if fold == "train" else _known(pieces, source, its)
        if known:
            raise OptionError(
                f"A model was trained on {len(known)} of the {len(pieces)} pieces, such as {known[0]}; expected pieces "
                "held out from all models; evaluate it by itself, or on another corpus or fold."
            )
        doubts += [] if fold == "train" else _doubts(pieces, source, its)
        training += its
    if fold == "train":
        doubts.append("These are pieces to train on: the figures say what is remembered, not what is learned.")
    return HeldOut(pieces, training or folds["train"], left_out, list(dict.fromkeys(doubts)))


def _fault(chorale: Chorale, models: Sequence[LanguageModel], missing: Sequence[str]) -> str:
    """Why a piece can't be judged, or nothing."""
    try:
        for model in models:
            model.encoding.encode(model.at_home(chorale))
            for letters in missing:
                move_for(Prompt(chorale, ~free_cells(chorale, letters)), model.keys)
    except (EncodingError, PromptError) as error:
        return str(error)
    return ""


def _known(pieces: Sequence[Chorale], source: Source, training: Sequence[Chorale]) -> list[str]:
    """The names of the pieces that a model was trained on: of the same name, and half the notes where these are known.

    Half, as one corpus may play the repeats that another leaves out.
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
    """What to say of a model whose training pieces may be among the pieces under other names."""
    if len(training) < max(1, len(source.split.get("train", ()))):
        return ["What a model was trained on isn't known here, so some of the pieces may be among it."]
    passages = Passages(training)
    same = [chorale.name for chorale in pieces if passages.longest(chorale).frames == chorale.num_frames]
    if same:
        return [f"Note for note, in some key, a model was trained on {len(same)} of the pieces: {', '.join(same)}."]
    return []
