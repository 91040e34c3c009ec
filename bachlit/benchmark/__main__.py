"""`python -P -m bachlit.benchmark NAME`: costs, as ratios to baselines in one run."""

import argparse
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence

from bachlit.benchmark.corpus import corpus
from bachlit.benchmark.decoding import DECODERS, decoding
from bachlit.benchmark.processes import processes
from bachlit.benchmark.training import training
from bachlit.errors import BachlitError, RuleWarning
from bachlit.models.shipped import SHIPPED

BENCHMARKS: dict[str, Callable[..., Iterator[str]]] = {
    "training": training,
    "processes": processes,
    "decoding": decoding,
    "corpus": corpus,
}


def main(args: Sequence[str] | None = None) -> None:
    """Run a benchmark by name."""
    parser = argparse.ArgumentParser(prog="python -P -m bachlit.benchmark", description=__doc__)
    benchmarks = parser.add_subparsers(dest="benchmark", required=True)
    one = benchmarks.add_parser("training", help="the Trainer against a bare loop")
    one.add_argument("--steps", type=int, default=40, help="windows an epoch")
    one.add_argument("--rounds", type=int, default=8, help="the fastest is reported")
    two = benchmarks.add_parser("processes", help="two processes that train together against two that don't")
    two.add_argument("--steps", type=int, default=10, help="windows a round, of each process")
    two.add_argument("--lanes", type=int, nargs="+", default=[16, 50], metavar="NUMBER", help="of each process")
    two.add_argument("--rounds", type=int, default=8, help="the median is reported")
    other = benchmarks.add_parser("decoding", help="decoders against a plain loop")
    other.add_argument("--frames", type=int, default=32, help="sixteenths a piece")
    other.add_argument("--pieces", type=int, default=64, help="pieces at once")
    other.add_argument("--rounds", type=int, default=3, help="the fastest is reported")
    other.add_argument("--decoders", nargs="+", choices=DECODERS, default=list(DECODERS), metavar="NAME")
    other.add_argument("--checkpoints", nargs="+", default=sorted(SHIPPED), metavar="NAME", help="models")
    larger = benchmarks.add_parser("corpus", help="corpora of many sizes, from their cache and as lists")
    larger.add_argument("--times", type=int, nargs="+", default=[1, 10, 100], metavar="NUMBER", help="of Bach's corpus")
    options = vars(parser.parse_args(args))
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", category=RuleWarning)
    try:
        for line in BENCHMARKS[options.pop("benchmark")](**options):
            print(line, flush=True)
    except BachlitError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
