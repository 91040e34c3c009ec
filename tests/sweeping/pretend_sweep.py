"""`bachlit sweep` in its own process, with pretended fits."""

import signal
import sys
from pathlib import Path

from bachlit.__main__ import main
from bachlit.sweeping import fitting, study
from bachlit.sweeping.definition import Sweep

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background has it ignored
    fitting.FIT[:] = [sys.executable, str(Path(__file__).with_name("pretend_fit.py"))]
    study.BEAT, study.GRACE = 1, 2
    Sweep.check = lambda self, parse: None  # type: ignore[method-assign]  # Lightning takes seconds to import
    sys.exit(main(["sweep", *sys.argv[1:]]))
