"""`bachlit evaluate`: evaluate models times decoders on a held-out fold."""

from __future__ import annotations

import shlex
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bachlit.classes import path_of
from bachlit.commands.batch import jobs_of
from bachlit.commands.functions import run_typed
from bachlit.commands.loading import loading
from bachlit.commands.progress import progress
from bachlit.corpus import Corpus, Fold
from bachlit.errors import OptionError, ScoreError
from bachlit.files.marks import digest, seal
from bachlit.files.overwriting import is_listed, refuse_replacing
from bachlit.files.writing import write_together
from bachlit.generation.choices import PhraseChoice
from bachlit.metrics import arrivals_at
from bachlit.models.runs import find_model
from bachlit.models.shipped import PRETRAINED, SHIPPED
from bachlit.music.chorale import Chorale
from bachlit.rendering import MissingPackageError, require_engraver
from bachlit.scores import line_ends, refuse_missing

if TYPE_CHECKING:
    from bachlit.decoding import Decoder
    from bachlit.evaluation.evaluating import Evaluation
    from bachlit.evaluation.figures import Figure
    from bachlit.evaluation.harmonizers import Harmonizer

_WIDTH = 132  # columns of the table outside a terminal
_MOST_RESAMPLES = 20_000  # each figure of 400 pieces takes 64 MB
_FILES = ("evaluation.json", "evaluation.csv", "evaluation.md", "pieces.csv", "index.html")
_IS_OWN = partial(is_listed, index=_FILES[0])


def run(command: str, args: Sequence[str]) -> None:
    """Run `bachlit evaluate` with its options.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, evaluate, args, check=check)


def evaluate(
    *,
    checkpoint: list[Path] | None = None,
    decoders: dict[str, Harmonizer | Decoder] | str = "beam,particles,sampling,greedy",
    missing: str = "ATB",
    corpus: Corpus | None = None,
    fold: Fold = "valid",
    limit: int = 0,
    seed: int = 0,
    resamples: int = 1000,
    metrics: list[Figure | str] | None = None,
    strip_fermatas: bool = False,
    phrases: PhraseChoice = "given",
    melodies: list[Path] | None = None,
    output: Path = Path("evaluation"),
    overwrite: bool = False,
) -> None:
    """Evaluate models and decoders on held-out pieces, beside Bach: table, JSON, CSV, Markdown and a page with scores.

    Args:
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a model's folder, or a shipped model: bachlit (default)
            or bachbot; the option may be repeated.
        decoders: Comma-separated names: beam, beam-strict, beam-free, gibbs, particles, sampling, greedy, greedy-free,
            a decoder's class such as Sampling, or a dotted path to your own. Or, in a --config file, a mapping from
            names to decoders with options and rules.
        missing: Letters of the voices to compose: ATB to harmonise a soprano, SATB to compose freely; several masks
            are separated by commas.
        corpus: Source of the pieces; by default the first checkpoint's.
        fold: Choose by valid; report test once; train shows what was memorised.
        limit: Number of pieces, for a quick look; 0 for all.
        seed: Seed of the first piece; piece i has seed + i.
        resamples: Bootstrap resamples, up to 20,000.
        metrics: Figures of your own: dotted paths of their classes, with commas between; the option may be repeated.
            Or, in a --config file, a list of classes with options.
        strip_fermatas: Take the fermatas away before composing; cadences are judged where Bach's phrases end.
        phrases: Phrase ends that are heard, as for harmonize: the pieces' fermatas (given), found ones where a piece
            has none (auto), or none. Pieces are judged at their own.
        melodies: Scores, or folders of scores, whose tunes are harmonised instead; Bach's row is then of the fold.
            They are judged under fermatas, or where lines of ABC end if there are none.
        output: Folder for evaluation.json, .csv and .md, pieces.csv and index.html.
        overwrite: Replace files of these names even if bachlit didn't write them.
    """
    with loading():
        from bachlit.commands.weights import announce
        from bachlit.evaluation.evaluating import evaluate as evaluate_all
        from bachlit.evaluation.figures import figures_with
        from bachlit.evaluation.harmonizers import named
        from bachlit.evaluation.held_out import folds_for, held_out, source_of
        from bachlit.evaluation.rows import letters_of
        from bachlit.models.language_model import LanguageModel

    harmonizers, figures = named(decoders), figures_with(metrics or ())
    masks = list(dict.fromkeys(map(letters_of, missing.split(","))))
    paths = list({path.resolve(): path for path in map(find_model, checkpoint or [PRETRAINED])}.values())
    models = dict(zip(_names(paths), map(LanguageModel.load, paths), strict=True))
    sources = [source_of(path) for path in paths]
    pieces = held_out(
        folds_for(sources, corpus),
        fold,
        models=list(zip(models.values(), sources, strict=True)),
        missing=masks,
        limit=0 if melodies else limit,
    )
    if melodies:
        tunes, ends = _tunes(melodies)
        pieces = pieces.beside(tunes, models=list(models.values()), missing=masks, ends=ends, limit=limit)
    if strip_fermatas:
        pieces = pieces.without_fermatas()
    _prepare(output)
    doubts = list(pieces.doubts)
    try:
        require_engraver(".svg")
    except MissingPackageError as error:
        doubts.append(f"{error} Until then the page has no scores.")
    for doubt in doubts:
        warnings.warn(doubt, stacklevel=2)
    options = {
        "--checkpoint": checkpoint,
        "--decoders": decoders,
        "--missing": missing,
        "--corpus": corpus and type(corpus).__name__,
        "--corpus.path": getattr(corpus, "path", None),
        "--fold": fold,
        "--limit": limit or None,
        "--seed": seed,
        "--resamples": resamples,
        "--metrics": _typed(metrics),
        "--strip_fermatas": str(strip_fermatas).lower() if strip_fermatas else None,
        "--phrases": phrases if phrases != "given" else None,
        "--melodies": melodies,
    }
    about = {
        "bachlit": version("bachlit"),
        "fold": fold,
        "checkpoints": [f"{path.name}, which ships" if path in SHIPPED.values() else str(path) for path in paths],
        "strip_fermatas": strip_fermatas,
        "melodies": [str(path) for path in melodies or ()],
        "command": _command(options),
    }
    announce(*paths)
    steps = len(models) * len(masks) * len(harmonizers) * len(pieces.pieces)
    with progress(steps, "Writing", "piece") as done:
        evaluation = evaluate_all(
            models,
            harmonizers,
            pieces,
            missing=masks,
            phrases=phrases,
            seed=seed,
            resamples=resamples,
            figures=figures,
            about=about,
            progress=done,
        )
    _report(evaluation, output, partial(refuse_replacing, overwrite=overwrite, own=_IS_OWN))


def check(
    *,
    checkpoint: list[Path] | None,
    limit: int,
    resamples: int,
    melodies: list[Path] | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Refuse what can be known without PyTorch; arguments are those of `evaluate`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    if limit < 0 or not 1 <= resamples <= _MOST_RESAMPLES:
        raise OptionError(
            f"The limit is {limit} and there are {resamples} resamples; expected a limit of at least 0 (0 for all) and "
            f"1 to {_MOST_RESAMPLES:,} resamples."
        )
    refuse_replacing([output / name for name in _FILES], overwrite=overwrite, own=_IS_OWN)
    for path in checkpoint or ():
        find_model(path)
    for path in melodies or ():
        if not path.is_dir():
            refuse_missing(path)


def _tunes(paths: Sequence[Path]) -> tuple[list[Chorale], list[Sequence[int]]]:
    """Read the tunes of files, folders and books of tunes, with the frames in which phrases' last notes begin.

    Phrases end under fermatas; in ABC without any before the last note, with its lines.

    Raises:
        ScoreError: If one can't be read, or has no voice to take for the soprano.
    """
    from bachlit.generation.given import prompt_of

    tunes: list[Chorale] = []
    ends: list[Sequence[int]] = []
    for job in jobs_of(paths, None):
        tune = prompt_of(job.path, tune=job.tune).chorale.only("soprano")
        if tune.compass is None:
            raise ScoreError(f"{job} has no soprano; expected a tune in the highest voice; leave it out.")
        tunes.append(replace(tune, name=job.name))
        arrivals, lines = [arrival.start for arrival in arrivals_at(tune)], line_ends(tune)
        in_lines = job.path.suffix.lower() == ".abc" and not set(arrivals) - set(lines[-1:])
        ends.append(lines if in_lines else arrivals)
    return tunes, ends


def _report(evaluation: Evaluation, output: Path, check: Callable[[Collection[Path]], None]) -> None:
    """Write the reports, print their paths and the table.

    Raises:
        OptionError: If a report can't be written.
    """
    from bachlit.evaluation import reports
    from bachlit.evaluation.page import page

    with progress(len(evaluation.rows[0].pieces), "Engraving", "piece") as done:
        html = page(evaluation, progress=done)
    others = (reports.to_csv(evaluation), reports.markdown(evaluation), reports.pieces_to_csv(evaluation), html)
    reported = {name: text.encode(errors="replace") for name, text in zip(_FILES[1:], others, strict=True)}
    index = reports.to_json(evaluation, files={name: digest(content) for name, content in reported.items()})
    reported = {_FILES[0]: seal(index.encode(), ".json")} | reported
    try:
        written = write_together([(output / name, content) for name, content in reported.items()], check=check)
    except OSError as error:
        raise OptionError(f"{error.filename} can't be written ({error.strerror}); choose another --output.") from error
    print(*written, sep="\n")
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for table in reports.tables(evaluation):
        console.print(table)
    for sentence in (*evaluation.cautions(), *reports.predictions(evaluation)):
        print(sentence)


def _names(paths: Sequence[Path]) -> list[str]:
    """Short unique names of checkpoints."""
    short = [
        f"{path.parents[1].name}/{path.stem}" if path.absolute().parent.name == "checkpoints" else path.stem
        for path in (path.absolute() for path in paths)
    ]
    often = Counter(short)
    names = [name if often[name] == 1 else str(path) for name, path in zip(short, paths, strict=True)]
    return [name.encode(errors="backslashreplace").decode() for name in names]  # other than UTF-8 can't be printed


def _prepare(output: Path) -> None:
    """Check that the reports can be written, before the work.

    Raises:
        OptionError: If they can't.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise OptionError(f"{output} can't be written to ({error.strerror}); choose another --output.") from error
    for name in _FILES:
        if (output / name).is_dir():
            raise OptionError(f"{output / name} is a folder; move it, or choose another --output.")


def _typed(metrics: Sequence[Figure | str] | None) -> list[str] | Mapping[str, object] | None:
    """Paths of figures, or a mapping for a configuration file if some may have options."""
    from bachlit.evaluation.figures import Figure

    if any(signature(type(one)).parameters for one in metrics or () if isinstance(one, Figure)):
        return {}
    return [one if isinstance(one, str) else path_of(type(one)) for one in metrics] if metrics else None


def _command(options: Mapping[str, object]) -> str:
    """The command line with these options; a configuration file is named as FILE."""
    words = ["bachlit", "evaluate"]
    for option, value in options.items():
        if isinstance(value, Mapping):
            words += ["--config", "FILE"]
        elif value is not None:
            words += [word for one in (value if isinstance(value, list) else [value]) for word in (option, str(one))]
    return shlex.join(words)
