"""`python -P -m bachlit.benchmark [PART ...]`: how long people wait, as ratios to what the same run measures."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt

from bachlit.benchmark.floors import machine
from bachlit.benchmark.measuring import QUICK, Size
from bachlit.benchmark.processes import processes
from bachlit.benchmark.programs import folder, start
from bachlit.benchmark.report import Report, compare, read
from bachlit.benchmark.training import training
from bachlit.benchmark.writing import bars, piece, pieces
from bachlit.errors import BachlitError, HearingWarning, OptionError, RangeWarning, RuleWarning

PARTS: dict[str, Callable[[Size, Report], None]] = {
    "machine": machine,
    "piece": piece,
    "bars": bars,
    "pieces": pieces,
    "folder": folder,
    "start": start,
    "training": training,
    "processes": processes,
}


def main(args: Sequence[str] | None = None) -> None:
    """Measure the parts asked for, all if none."""
    parser = ArgumentParser(prog="python -P -m bachlit.benchmark", description=__doc__)
    parser.add_argument("parts", nargs="*", type=Literal[tuple(PARTS)], help=f"{', '.join(PARTS)}; all if none.")
    parser.add_argument("--output", type=Path | None, help="A file for the figures, as JSON.")
    parser.add_argument("--against", type=Path | None, help="Such a file of another run: print before and after.")
    parser.add_argument("--tunes", type=PositiveInt | None, help="How many tunes the folder holds.")
    parser.add_argument("--quick", type=bool, default=False, help="Try the same code on next to nothing.")
    options = parser.parse_args(None if args is None else list(args))
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    for kind in (RuleWarning, HearingWarning, RangeWarning):
        warnings.filterwarnings("ignore", category=kind)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        before = None if options.against is None else read(options.against)
        if options.output is not None and not os.access(options.output.parent, os.W_OK):
            raise OptionError(f"{options.output} can't be written; expected a file in a folder that can; correct it.")
        size = QUICK if options.quick else Size()
        size = size if options.tunes is None else replace(size, tunes=options.tunes)
        report = Report(tunes=size.tunes, quick=options.quick)
        for name in options.parts or PARTS:
            PARTS[name](size, report)
        if options.output is not None:
            report.save(options.output)
        if before is not None:
            report.say("")
            for line in compare(before, report.contents()):
                report.say(line)
    except BachlitError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
