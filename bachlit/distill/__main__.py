"""`python -m bachlit.distill`: lessons from teachers, for `bachlit fit --data.lessons.path`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bachlit.distill.preparing import Plan, Preparation, prepare_all
from bachlit.errors import BachlitError, OptionError
from bachlit.files.keeping import keep
from bachlit.training.lessons import lessons_file


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
    parser.add_argument(
        "--workers", type=int, default=1, help="processes side by side, each with one thread and all teachers"
    )
    parser.add_argument("--import", dest="modules", action="append", default=[], help="a module of your own to import")
    options = parser.parse_args(args)
    try:
        _distill(options)
    except BachlitError as error:
        print(f"python -m bachlit.distill: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("python -m bachlit.distill: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _distill(options: argparse.Namespace) -> None:
    if min(options.views, options.workers, 1 + options.invented, 1 + options.limit, 1 + options.seed) < 1:
        raise OptionError(
            f"{options.views} views, {options.workers} workers, {options.invented} variants, a limit of "
            f"{options.limit} and seed {options.seed} can't be used; expected at least one view and one worker, and no "
            "number below 0; correct them."
        )
    plan = Plan(
        options.teacher,
        options.output.with_name(f"{options.output.stem}-work"),
        views=options.views,
        invented=options.invented,
        seed=options.seed,
        limit=options.limit,
        modules=options.modules,
    )
    preparation = Preparation(plan)
    print(preparation, flush=True)
    for number, part in enumerate(prepare_all(preparation, workers=options.workers), 1):
        print(f"{number} of {len(preparation.parts)} parts: {part}", flush=True)
    keep(options.output, lessons_file(preparation.taught(), preparation.encoding))
    print(options.output)


if __name__ == "__main__":
    raise SystemExit(main())
