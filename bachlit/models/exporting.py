"""Export a model: a folder that describes itself, from a checkpoint or another model's folder."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from bachlit.encoding import SatbEncoding
from bachlit.errors import CheckpointError, OptionError
from bachlit.files.marks import digest, seal
from bachlit.files.reading import read_bounded
from bachlit.models.averaging import averaged
from bachlit.models.calibration import Calibration
from bachlit.models.cards import facts_of, listed, options_block, sizes_of, table, without_places
from bachlit.models.language_model import LanguageModel
from bachlit.models.recorded import Recorded, recorded
from bachlit.models.shipped import CARD, CORPUS, DESCRIPTION, SPLIT, WEIGHTS
from bachlit.rendering.escaping import in_markdown

_UNKNOWN = "not known"
# Corpora of bachlit whose scores come from music21.
_MUSIC21S = ("BachCorpus", "BachBotCorpus")
_CHOOSING = ("quantize", "repeats")  # options of a corpus that choose pieces, wherever they lie


def exported(
    path: Path,
    *others: Path,
    half: bool = False,
    terms: str = "",
    calibration: Calibration | None = None,
) -> dict[str, bytes]:
    """Make the files of a folder that describes a model to those who have never seen its run.

    The card says what is recorded, and of the rest that it isn't known. A folder's own card is kept.

    Args:
        path: A checkpoint of `bachlit fit`, or a model's folder.
        others: More of them: the weights become the mean of all. Figures and calibrations aren't the mean's, and a
            card of the first model's own is not either.
        half: Store the weights in float16 instead of as they are.
        terms: The licence of the weights; empty if none is stated.
        calibration: A new one; None for the model's own.

    Returns:
        Contents by name: weights, description, card, and where they are known split, corpus and calibration.

    Raises:
        CheckpointError: If there is no model, or it is damaged.
        OptionError: If models can't be averaged: they are built otherwise, or were trained on other pieces.
    """
    paths = [path, *others]
    records = [recorded(one) for one in paths]
    known, model = records[0], _mean(paths, records) if others else LanguageModel.load(path)
    model.calibration = calibration or model.calibration
    precision = torch.float16 if half or all(map(_is_half, paths)) else None
    files = model.contents(precision=precision)
    if known.split:
        files[SPLIT] = _json({fold: list(names) for fold, names in known.split.items()})
    if corpus := _corpus(known):
        files[CORPUS] = _json(corpus)
    weights = f"{len(files[WEIGHTS]) / 1e6:.3g} MB in {'float16' if precision else 'float32'}"
    own = None if others else _own_card(path)
    if own is None:
        files[CARD] = _card(model, records, weights, terms).encode()
    else:
        notes = [
            *([f"The weights are {weights}."] if half else []),
            *([f"The calibration is new: {_calibration(model)}."] if calibration else []),
            *([_terms(terms)] if terms else []),
        ]
        files[CARD] = _continued(own, notes).encode()
    description = model.describe() | {"files": {name: digest(files[name]) for name in files if name != DESCRIPTION}}
    files[DESCRIPTION] = seal(_json(description), ".json")
    return files


def _mean(paths: Sequence[Path], records: Sequence[Recorded]) -> LanguageModel:
    """Average models of the same split."""
    splits = [{fold: sorted(names) for fold, names in known.split.items()} for known in records]
    model = averaged([LanguageModel.load(path) for path in paths], [str(path) for path in paths])
    for path, split in zip(paths, splits, strict=True):
        if split != splits[0]:
            raise OptionError(
                f"{path} and {paths[0]} don't record the same pieces for training, so what their mean has seen isn't "
                "known; expected the same split; leave one out."
            )
    return model


def modules_of(model: LanguageModel) -> list[str]:
    """List the modules of the user's own that hold a model's classes."""
    modules = {type(part).__module__ for part in (model.network, model.encoding)}
    return sorted(module for module in modules if not module.startswith("bachlit."))


def _is_half(path: Path) -> bool:
    """Tell whether a folder has its weights in half precision."""
    if not path.is_dir():
        return False
    with safe_open(path / WEIGHTS, "pt") as weights:
        return all(weights.get_slice(name).get_dtype() in ("F16", "I64") for name in weights.keys())  # noqa: SIM118


def _corpus(known: Recorded) -> dict[str, Any] | None:
    """Describe the corpus without places on the machine that trained the model; None if unknown."""
    options = known.corpus
    if not isinstance(options, Mapping) or not isinstance(options.get("class_path"), str):
        return None
    arguments = options.get("init_args")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    chosen = {name: arguments[name] for name in _CHOOSING if isinstance(arguments.get(name), bool)}
    return {"class_path": options["class_path"], "init_args": chosen}


def _card(model: LanguageModel, records: Sequence[Recorded], weights: str, terms: str) -> str:
    """Write the page of a model that has none, in Markdown; of a mean, from the records of all."""
    known, alone = records[0], len(records) == 1
    corpus = (_corpus(known) or {}).get("class_path", _UNKNOWN)
    epochs = known.figures.get("epoch")
    course = [f"{epochs:g} epochs" if epochs is not None else "", f"{known.steps:,} steps" if known.steps else ""]
    if not alone:
        course = [f"{len(records)} models, whose weights were averaged"]
    facts = {
        **facts_of(model),
        "corpus": corpus,
        "pieces": f"{sizes_of(known.split)}, named in {SPLIT}" if known.split else _UNKNOWN,
        "trained": ", ".join(filter(None, course)) or _UNKNOWN,
        "seed": _each(str(one.options.get("seed_everything", _UNKNOWN)) for one in records),
        "trained with": _each(listed(one.versions) or _UNKNOWN for one in records),
        "weights": weights,
        "calibration": _calibration(model),
        "exported by": f"bachlit {version('bachlit')}",
    }
    parts = [
        f"# Model card: {in_markdown(type(model.network).__name__)}",
        "A language model of four-part chorales, in the format of bachlit. `bachlit export` wrote this page from what "
        "the model's files record.",
        table(("", ""), *facts.items()),
        f"## Use it\n\n{_use(model)}",
        f"## Figures\n\n{_figures(known if alone else Recorded())}",
    ]
    if options := {name: known.options[name] for name in ("model", "data") if name in known.options}:
        fit = "fit" if alone else "first model's fit"
        parts.append(f"## Options of the {fit}\n\n{options_block(without_places(options))}")
    parts.append(f"## Licence\n\n{_terms(terms)} {_corpus_terms(corpus)}")
    return "\n\n".join(parts) + "\n"


def _each(facts: Iterable[str]) -> str:
    """Tell a fact of several models, once if it is the same."""
    return "; ".join(dict.fromkeys(facts))


def _own_card(path: Path) -> str | None:
    """Read the card of a folder; None if it has none, or a link, which may lead to a secret of the user's.

    Raises:
        CheckpointError: If it is larger than any card.
    """
    place = path / CARD
    if not path.is_dir() or place.is_symlink() or not place.is_file():
        return None
    try:
        return read_bounded(place).decode(errors="replace")
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{place} can't be read ({error}); expected a card; remove it, or get it anew."
        ) from error


def _continued(card: str, notes: Sequence[str]) -> str:
    """Add to a card of the model's own what this export changed or states."""
    if not notes:
        return card
    lines = "\n".join(f"- {note}" for note in notes)
    return f"{card.rstrip()}\n\n## Exported by bachlit {version('bachlit')}\n\n{lines}\n"


def _use(model: LanguageModel) -> str:
    modules = modules_of(model)
    imports = "".join(f" --import {module}" for module in modules)
    lines = [f"bachlit harmonize tune.mid --checkpoint FOLDER{imports}"]
    lines += [f"bachlit evaluate --fold test --checkpoint FOLDER{imports}"]
    if not isinstance(model.encoding, SatbEncoding):  # it can't write
        lines = [f"bachlit validate --ckpt_path FOLDER{imports}"]
    needs = ""
    if modules:
        names = " and ".join(f"`{module}`" for module in modules)
        needs = f" It needs the module {names}, which isn't part of bachlit: ask whoever gave you the model for it."
    commands = "\n".join(lines)
    return f"`FOLDER` is the folder of this page.{needs}\n\n```bash\n{commands}\n```"


def _figures(known: Recorded) -> str:
    """Write the figures that were logged with these weights."""
    figures = {name: value for name, value in known.figures.items() if name.startswith(("val/", "train/"))}
    if not figures:
        return f"They are {_UNKNOWN}: the model's files record none."
    rows = [(name, f"{value:.4g}") for name, value in figures.items()]
    about = "Logged with these weights: `val` on validation pieces, `train` on training pieces with dropout."
    return f"{about}\n\n{table(('figure', 'value'), *rows)}"


def _calibration(model: LanguageModel) -> str:
    rules, figures = model.calibration.rules, model.calibration.figures
    if not rules and not figures:
        return "none"
    return f"numbers of rules ({len(rules)}), weights of figures for ranking ({len(figures)})"


def _terms(terms: str) -> str:
    stated = f"The licence of these weights: {in_markdown(terms)}."
    return stated if terms else "No licence of these weights is stated: ask whoever trained them."


def _corpus_terms(corpus: str) -> str:
    package, _, name = corpus.rpartition(".")
    if name in _MUSIC21S and package in ("", "bachlit.corpus"):
        return (
            "The weights were trained on chorales from music21, some of whose encodings may not be used commercially: "
            "ask before you sell what uses them."
        )
    return "The terms of the pieces that the weights were trained on are not known here."


def _json(content: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(content, indent=2)}\n".encode()
