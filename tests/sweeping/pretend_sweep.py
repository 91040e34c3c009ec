"""`bachlit sweep` in a process of its own, whose fits are pretended."""

import sys
from pathlib import Path

from bachlit.__main__ import main
from bachlit.sweeping import fitting
from bachlit.sweeping.definition import Sweep

if __name__ == "__main__":
    fitting.FIT[:] = [sys.executable, str(Path(__file__).with_name("pretend_fit.py"))]
    Sweep.check = lambda self, parse: None  # type: ignore[method-assign]  # Lightning takes seconds to import
    sys.exit(main(["sweep", *sys.argv[1:]]))
