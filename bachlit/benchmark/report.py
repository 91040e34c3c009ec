"""Figures of a run: printed, kept as JSON, compared with those of another run."""

import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from bachlit.errors import OptionError
from bachlit.files.reading import read_bounded
from bachlit.files.writing import write_whole

_FORMAT = 1
_ALIKE = ("processor", "cores", "system", "python", "torch", "threads", "tunes", "quick")
"""Names of what two runs must share to be compared."""


class Report:
    """Print figures as they come, and keep them by name.

    A name is `PART.ROW.FIGURE`, and the figure's last word is its unit: `s` seconds, `mb` megabytes, `gflops`, `mflop`,
    `per_s` a second; else it is a ratio.

    Args:
        tunes: In a folder.
        quick: Whether the run is a trial of next to nothing.
    """

    def __init__(self, *, tunes: int, quick: bool = False) -> None:
        self.about: dict[str, Any] = {
            "format": _FORMAT,
            "bachlit": version("bachlit"),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "tunes": tunes,
            "quick": quick,
        }
        self._part = ""
        self.figures: dict[str, float] = {}

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, flush=True)

    def begin(self, part: str, meaning: str) -> None:
        """Begin a part: its rows come next."""
        self._part = part
        self.say(f"\n{part}: {meaning}")

    def row(self, name: str, meaning: str, **figures: float) -> None:
        """Print a row's figures and keep them; those that aren't known, NaN, are left out."""
        known = {key: value for key, value in figures.items() if math.isfinite(value)}
        self.figures |= {f"{self._part}.{name}.{key}": value for key, value in known.items()}
        shown = "  ".join(f"{key} {_shown(value)}" for key, value in known.items())
        self.say(f"  {name}: {meaning}\n      {shown}" if meaning else f"  {name}: {shown}")

    def contents(self) -> dict[str, Any]:
        """Give all as flat, plain data."""
        return {**self.about, **self.figures}

    def save(self, path: Path) -> None:
        """Write the figures as JSON."""
        write_whole(path, (json.dumps(self.contents(), indent=2) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    """Read what `Report.save` wrote.

    Raises:
        OptionError: If it isn't that.
    """
    try:
        contents = json.loads(read_bounded(path))
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{path} can't be read ({type(error).__name__}); expected what --output wrote; name such a file."
        ) from error
    if (
        not isinstance(contents, dict)
        or contents.get("format") != _FORMAT
        or not all(isinstance(value, int | float) for name, value in contents.items() if "." in name)
    ):
        raise OptionError(
            f"{path} holds no figures of format {_FORMAT}; expected what --output wrote; measure them anew."
        )
    return contents


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Compare two runs, figure by figure.

    Args:
        before: From `read`.
        after: Likewise, or `Report.contents`.

    Yields:
        Lines: warnings of what makes the runs unlike, then each figure before, after, and after / before.
    """
    for key in _ALIKE:
        if before.get(key) != after.get(key):
            yield f"warning: {key} was {before.get(key)}, is {after.get(key)}; only ratios may be compared"
    names = [name for name in after if "." in name]
    yield f"{'figure':<44}{'before':>10}{'after':>10}{'after / before':>16}"
    for name in names:
        if name in before:
            ratio = after[name] / before[name] if before[name] else math.nan
            yield f"{name:<44}{_shown(before[name]):>10}{_shown(after[name]):>10}{ratio:>14.2f} x"
    parts = {name.partition(".")[0] for name in names}
    for kind, mine, other in (("new", after, before), ("gone", before, after)):
        lone = [name for name in mine if name.partition(".")[0] in parts and name not in other]
        if lone:
            yield f"{kind}: {', '.join(lone)}"


def _shown(value: float) -> str:
    """Format three digits, without an exponent.

    >>> _shown(0.01234), _shown(6.5432), _shown(123.4), _shown(12345.6)
    ('0.0123', '6.54', '123', '12346')
    """
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, digits)}f}"


def _processor() -> str:
    """Name the processor's model as far as the system does."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
