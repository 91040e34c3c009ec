"""`python -m bachlit.phrases`: train a phrase finder, and compare it with rules from the literature."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bachlit.corpus.base import Fold
from bachlit.corpus.scores import BachCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.errors import BachlitError
from bachlit.phrases.baselines import Grouper, LocalBoundaries
from bachlit.phrases.decoding import PhraseLengths
from bachlit.phrases.essen import essen_folds
from bachlit.phrases.evaluating import Finder, table
from bachlit.phrases.finding import PhraseFinder
from bachlit.phrases.line import Line, line_of
from bachlit.phrases.training import train

Folds = Mapping[Fold, Sequence[Line]]

# Finders that know Bach alone are in doubt about folk songs: more phrases than usual, for the same F1.
_BACH_LENGTHS = PhraseLengths(bias=-0.5)


def main(args: Sequence[str] | None = None) -> int:
    """Train on Bach's chorales, or on folk songs too; print a table of all finders on both corpora."""
    parser = argparse.ArgumentParser(prog="python -m bachlit.phrases", description=main.__doc__)
    parser.add_argument("--essen", action="store_true", help="learn from the Essen collection too: non-commercial only")
    parser.add_argument("--output", type=Path, default=Path("phrases"), help="folder of the weights")
    parser.add_argument("--weights", type=Path, action="append", help="compare weights of a folder; train none")
    parser.add_argument("--networks", type=int, default=2, help="how many, averaged")
    parser.add_argument("--epochs", type=int, help="passes over the tunes: 40, or 7 with --essen")
    parser.add_argument("--seed", type=int, default=0, help="of the first network; the next has the next")
    options = parser.parse_args(args)
    try:
        given = [(str(folder), PhraseFinder.load(folder)) for folder in options.weights or ()]
        chorales = BachCorpus().chorales()
        bach = {fold: list(map(line_of, pieces)) for fold, pieces in split_by_tune(chorales).items()}
        essen = {fold: list(map(line_of, songs)) for fold, songs in essen_folds(chorales).items()}
        finders: list[tuple[str, Finder]] = [
            ("local boundaries (Cambouropoulos 2001)", LocalBoundaries()),
            ("Grouper (Temperley 2001)", Grouper()),
        ]
        if options.weights:
            finders += given
        else:
            finder = _trained(bach, essen if options.essen else None, options)
            finder.save(options.output)
            finders.append((str(options.output), PhraseFinder.load(options.output)))
    except BachlitError as error:
        print(f"python -m bachlit.phrases: {error}", file=sys.stderr)
        return 2
    print(table(finders, [("Bach " + fold, bach[fold]) for fold in ("valid", "test")]
                + [("Bach held out", [*bach["valid"], *bach["test"]])]
                + [("Essen " + fold, essen[fold]) for fold in ("valid", "test")]))  # fmt: skip
    return 0


def _trained(bach: Folds, essen: Folds | None, options: argparse.Namespace) -> PhraseFinder:
    epochs = options.epochs or (7 if essen else 40)
    seeds = range(options.seed, options.seed + options.networks)
    if essen is None:
        return PhraseFinder([train(bach["train"], epochs=epochs, seed=seed) for seed in seeds], _BACH_LENGTHS)
    lines = [*bach["train"], *essen["train"]]
    return PhraseFinder([train(lines, epochs=epochs, hidden=64, batch=64, varying=0.3, seed=seed) for seed in seeds])


if __name__ == "__main__":
    raise SystemExit(main())
