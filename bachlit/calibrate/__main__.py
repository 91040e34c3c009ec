"""`python -m bachlit.calibrate`: numbers of rules and weights of figures for a model, in minutes of one core."""

import argparse
import hashlib
import math
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from bachlit.calibrate.candidates import prompt_for, rivals
from bachlit.calibrate.numbers import Step, badness, figures_in, figures_under, next_numbers, usual_numbers
from bachlit.calibrate.reporting import fitted, report
from bachlit.classes import import_all
from bachlit.corpus.tunes import group_by_tune
from bachlit.errors import BachlitError, OptionError, RuleWarning
from bachlit.evaluation.held_out import folds_for, held_out, source_of
from bachlit.files.keeping import Work, keep
from bachlit.models.calibration import CALIBRATION, Calibration
from bachlit.models.exporting import exported
from bachlit.models.language_model import LanguageModel
from bachlit.models.runs import located
from bachlit.models.shipped import DESCRIPTION, PRETRAINED
from bachlit.music.chorale import Chorale

_REPORT = "report.md"
_TRIED = 8  # numbers of rules
_PIECES = 40  # most on which they are tried


def main(args: Sequence[str] | None = None) -> int:
    """Fit a model's numbers of rules and weights of figures to Bach, on its validation fold.

    Writes a folder with the calibrated model, which `--checkpoint` takes, and a report. Started again, it goes on where
    it was cut off.
    """
    parser = argparse.ArgumentParser(prog="python -m bachlit.calibrate", description=main.__doc__)
    parser.add_argument("--checkpoint", type=Path, default=PRETRAINED, help="as for bachlit harmonize")
    parser.add_argument("--output", type=Path, default=Path("calibrated"), help="folder of the calibrated model")
    parser.add_argument("--seed", type=int, default=0, help="of decoders that draw, and of the critic")
    parser.add_argument("--import", dest="modules", action="append", default=[], help="a module of your own to import")
    parser.add_argument("--limit", type=int, default=0, help="number of pieces; 0 for all of the fold")
    options = parser.parse_args(args)
    warnings.filterwarnings("ignore", category=RuleWarning)
    try:
        import_all(options.modules)
        _calibrate(located(options.checkpoint), options.output, options.seed, options.limit)
    except BachlitError as error:
        print(f"python -m bachlit.calibrate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("python -m bachlit.calibrate: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _calibrate(checkpoint: Path, output: Path, seed: int, limit: int) -> None:
    if limit < 0:
        raise OptionError(f"The limit is {limit}; expected at least 0, which stands for all; correct it.")
    taken = next((name for name in (DESCRIPTION, CALIBRATION, _REPORT) if (output / name).exists()), None)
    if taken is not None and not (output / "work" / "options.json").is_file():
        raise OptionError(
            f"{output} has a {taken} already; expected a new folder, or an earlier calibration's; choose another "
            "--output."
        )
    model, source = LanguageModel.load(checkpoint), source_of(checkpoint)
    folds = folds_for([source])
    found = held_out(folds, "valid", models=[(model, source)], missing=["ATB"], limit=limit)
    pieces = sorted(found.pieces, key=lambda piece: piece.num_frames)  # a batch takes as long as its longest
    tunes = group_by_tune(pieces)
    if len(set(tunes)) < 2:
        raise OptionError(
            "The validation fold has a single tune; expected at least 2, to fit and to judge; raise --limit."
        )
    work = Work(output / "work", {"weights": _digest(model), "seed": seed, "pieces": [piece.name for piece in pieces]})
    steps, bach = _sought(model, pieces, work)
    best = min(steps, key=lambda step: badness(step.figures, bach))
    model.calibration = Calibration(best.numbers)
    print("Harmonising and ranking ...", flush=True)
    ranking = fitted(rivals(model, pieces, tunes, work=work, seed=seed), seed)
    calibration = Calibration(best.numbers, ranking.weights)
    for name, content in exported(checkpoint, calibration=calibration).items():
        keep(output / name, content)
    text = report(steps, best, bach, ranking)
    keep(output / _REPORT, text.encode())
    print(text)
    print(output / CALIBRATION)


def _sought(model: LanguageModel, pieces: Sequence[Chorale], work: Work) -> tuple[list[Step], dict[str, float]]:
    """Try numbers of rules; return what was tried, and Bach's figures."""
    some = pieces[:: max(1, len(pieces) // _PIECES)][:_PIECES]
    prompts = [prompt_for(piece, stripped=False) for piece in some]
    bach = figures_in(some)
    steps: list[Step] = []
    numbers = usual_numbers()
    for tried in range(_TRIED):
        figures = work.data(f"numbers-{tried}", lambda numbers=numbers: figures_under(model, prompts, numbers))  # type: ignore[misc]
        steps.append(Step(numbers, figures))
        away = math.sqrt(badness(figures, bach))
        print(f"Numbers {tried + 1} of {_TRIED}: figures differ from those aimed at by {away:.0%}", flush=True)
        numbers = next_numbers(steps, bach)
    return steps, bach


def _digest(model: LanguageModel) -> str:
    """Digest of a model's weights."""
    return hashlib.sha256(save(model.network.state_dict())).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
