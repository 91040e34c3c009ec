"""`python -P -m bachlit.benchmark NAME`: costs, as ratios to baselines in one run."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence

from jsonargparse import auto_cli

from bachlit.benchmark.corpus import corpus
from bachlit.benchmark.decoding import decoding
from bachlit.benchmark.processes import processes
from bachlit.benchmark.training import training
from bachlit.errors import BachlitError, RuleWarning

BENCHMARKS: dict[str, Callable[..., Iterator[str]]] = {
    "training": training,
    "processes": processes,
    "decoding": decoding,
    "corpus": corpus,
}


def main(args: Sequence[str] | None = None) -> None:
    """Run a benchmark by name."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", category=RuleWarning)
    try:
        for line in auto_cli(BENCHMARKS, args=args and list(args), prog="python -P -m bachlit.benchmark"):
            print(line, flush=True)
    except BachlitError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
