"""`python -m bachlit.distill`: lessons from teachers, for `bachlit fit --data.lessons.path`."""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from bachlit.classes import import_all
from bachlit.distill.inventing import invent
from bachlit.distill.teaching import encoded, ensemble_of, soft_targets
from bachlit.encoding import Tokens
from bachlit.errors import BachlitError, OptionError
from bachlit.evaluation.held_out import folds_for, source_of
from bachlit.files.keeping import Arrays, Work, keep
from bachlit.models.language_model import LanguageModel
from bachlit.models.runs import located
from bachlit.music.chorale import Chorale
from bachlit.training.lessons import Taught, lessons_file
from bachlit.training.windows import Lesson

_BARE = 0.4  # share of the invented pieces without fermatas, where these may be unknown


def main(args: Sequence[str] | None = None) -> int:
    """Write lessons: the mean predictions of teachers on their training fold, and on music that they invent.

    Started again, it goes on where it was cut off.
    """
    parser = argparse.ArgumentParser(prog="python -m bachlit.distill", description=main.__doc__)
    parser.add_argument(
        "--teacher", type=Path, action="append", required=True, help="as --checkpoint elsewhere; may be repeated"
    )
    parser.add_argument("--output", type=Path, default=Path("lessons.safetensors"), help="the file of lessons")
    parser.add_argument("--views", type=int, default=5, help="keys over which each teacher is averaged")
    parser.add_argument("--invented", type=int, default=4, help="variants of each piece that the teachers write")
    parser.add_argument("--seed", type=int, default=0, help="of the variants")
    parser.add_argument("--limit", type=int, default=0, help="number of pieces; 0 for all of the training fold")
    parser.add_argument("--import", dest="modules", action="append", default=[], help="a module of your own to import")
    options = parser.parse_args(args)
    try:
        import_all(options.modules)
        _distill(options)
    except BachlitError as error:
        print(f"python -m bachlit.distill: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("python -m bachlit.distill: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _distill(options: argparse.Namespace) -> None:
    if min(options.views, 1 + options.invented, 1 + options.limit, 1 + options.seed) < 1:
        raise OptionError(
            f"{options.views} views, {options.invented} variants, a limit of {options.limit} and seed {options.seed} "
            "can't be used; expected at least one view, and no number below 0; correct them."
        )
    paths = [located(path) for path in options.teacher]
    models = [LanguageModel.load(path) for path in paths]
    teacher = ensemble_of(models, options.views)
    chorales = [*folds_for([source_of(path) for path in paths])["train"]][: options.limit or None]
    work = Work(options.output.with_name(f"{options.output.stem}-work"), _described(options, models, chorales))
    own = [encoded(teacher.voiced_encoding, chorale) for chorale in chorales]
    print(f"{len(models)} teachers, {len(chorales)} pieces, {sum(c.num_frames for c in chorales)} frames", flush=True)
    taught = [Taught(chorale.name, [], []) for chorale in chorales]
    for index, variant in _numbered(own):
        targets = work.arrays(f"own-{index}", lambda some=variant: _targets(teacher, [*some.values()]))  # type: ignore[misc]
        for place, (piece, tokens) in enumerate(variant.items()):
            taught[piece].own.append(Lesson(tokens, targets[f"ids-{place}"], targets[f"shares-{place}"]))
        print(f"Own pieces, variant {index + 1}: taught", flush=True)
    for index in range(options.invented):
        written = work.arrays(f"invented-{index}", lambda index=index: _invented(models, chorales, options.seed, index))  # type: ignore[misc]
        pieces = [written[f"tokens-{place}"] for place in range(len(chorales))]
        targets = work.arrays(f"targets-{index}", lambda some=pieces: _targets(teacher, some))  # type: ignore[misc]
        for place, tokens in enumerate(pieces):
            taught[place].invented.append(Lesson(tokens, targets[f"ids-{place}"], targets[f"shares-{place}"]))
        print(f"Invented pieces {index + 1} of {options.invented}: written and taught", flush=True)
    keep(options.output, lessons_file(taught, teacher.voiced_encoding))
    print(options.output)


def _described(
    options: argparse.Namespace, models: Sequence[LanguageModel], chorales: Sequence[Chorale]
) -> dict[str, Any]:
    """Describe what kept work depends on; the number of variants may grow."""
    digests = [hashlib.sha256(save(model.network.state_dict())).hexdigest() for model in models]
    return {
        "teachers": digests,
        "views": options.views,
        "seed": options.seed,
        "pieces": [chorale.name for chorale in chorales],
    }


def _numbered(own: Sequence[Sequence[Tokens]]) -> list[tuple[int, dict[int, Tokens]]]:
    """Number the variants: of each piece that has one the first, then the second; tokens by piece."""
    most = max(map(len, own), default=0)
    return [
        (index, {piece: variants[index] for piece, variants in enumerate(own) if len(variants) > index})
        for index in range(most)
    ]


def _targets(teacher: LanguageModel, pieces: Sequence[Tokens]) -> Arrays:
    made = soft_targets(teacher.network, pieces)
    ids = {f"ids-{place}": one.astype(np.int16) for place, (one, _) in enumerate(made)}
    return ids | {f"shares-{place}": one.astype(np.float16) for place, (_, one) in enumerate(made)}


def _invented(models: Sequence[LanguageModel], chorales: Sequence[Chorale], seed: int, index: int) -> Arrays:
    """Write a variant of each piece; the teachers take turns, since one alone is as fast as it is unlike the others."""
    random = np.random.default_rng([seed, index])
    writer = ensemble_of([models[index % len(models)]], 1)
    bare = random.random(len(chorales)) < (_BARE if writer.voiced_encoding.unknown_fermatas else 0)
    pieces = [replace(chorale, fermatas=chorale.fermatas & ~gone) for chorale, gone in zip(chorales, bare, strict=True)]
    seeds = [int(one) for one in random.integers(2**31, size=len(chorales))]
    with torch.no_grad():
        written = invent(writer, pieces, seeds=seeds)
    return {f"tokens-{place}": tokens.astype(np.int16) for place, tokens in enumerate(written)}


if __name__ == "__main__":
    raise SystemExit(main())
