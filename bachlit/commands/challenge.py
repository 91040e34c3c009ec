"""`bachlit challenge report`: what the listening test of `bachlit serve` found."""

import json as as_json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from bachlit.commands.functions import run_typed
from bachlit.errors import OptionError
from bachlit.files.overwriting import refuse_replacing
from bachlit.rendering import require
from bachlit.rendering.output import write
from bachlit.serving.challenge.report import BACHBOT, TITLES, Report, Share, report_on
from bachlit.serving.challenge.store import read_answers

_KINDS: dict[str, Literal["png", "svg"]] = {".png": "png", ".svg": "svg"}
_WIDTH = 120  # columns of the table outside a terminal
_MEANING = "Right: found Bach; guessing finds 50 %."
_INTERVALS = (
    "Intervals: bootstrap over listeners; Wilson where each gave one answer; small-sample Wilson where listeners,\nor "
    "right or wrong answers, are fewer than ten."
)


def report(answers: Path, *, json: bool = False, plot: Path | None = None, overwrite: bool = False) -> None:
    """Count how often listeners found Bach, by task, experience and age, beside BachBot's published figures.

    Listeners who missed the catch are left out, and answers on pieces that a listener knew; the share of all follows.

    Args:
        answers: The database of `bachlit serve --challenge true`.
        json: Print JSON instead of a table.
        plot: A picture to draw as well, .png or .svg.
        overwrite: Replace a file at that place that bachlit didn't write, too.
    """
    found = report_on(read_answers(answers))
    if json:
        print(as_json.dumps(found.described(), indent=2, allow_nan=False))
    else:
        _print_table(found)
    if plot is not None:
        from bachlit.serving.challenge.drawing import plotted

        picture = plotted(found, _KINDS[plot.suffix.lower()])
        [path] = write([(plot, picture)], partial(refuse_replacing, inputs=[answers], overwrite=overwrite))
        if not json:
            print(f"\n{path}")


def check(answers: Path, plot: Path | None, overwrite: bool) -> None:
    """Refuse what can be known before counting; arguments are those of `report`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    if plot is not None:
        if plot.suffix.lower() not in _KINDS:
            raise OptionError(f"A plot can't be written as {plot.name!r}; expected --plot to end in .png or .svg.")
        refuse_replacing([plot], inputs=[answers], overwrite=overwrite)
        require("matplotlib", "A plot")


def run(command: str, args: Sequence[str]) -> None:
    """Run `bachlit challenge report` with its options.

    Raises:
        BachlitError: If the user has something to put right.
    """
    words = [*args]
    if words[:1] == ["report"]:
        del words[0]
    elif not {"-h", "--help"} & set(words):
        raise OptionError(
            f"bachlit {command} has one part; expected bachlit {command} report FILE.db; `bachlit serve --challenge "
            "true` opens the test."
        )
    run_typed(f"{command} report", report, words, check=check)


def _print_table(found: Report) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("task", "group", "listeners", "answers", "right", "95 %", "by"):
        table.add_column(head, justify="right" if head in ("listeners", "answers", "right", "95 %") else "left")
    by_listener = [share for share in found.shares if share.by == "listeners"]
    for share in by_listener:
        table.add_row(*_cells(share, share.group))
    for share in found.with_all:
        table.add_row(*_cells(share, "nothing left out"))
    for one in BACHBOT:
        low, high = f"{one.low:.0%}", f"{one.high:.0%}"
        table.add_row(one.title, "BachBot, 2016", "", "", low if low == high else f"{low} to {high}", "", "published")
    for share in found.shares[len(by_listener) :]:
        table.add_row(*_cells(share, f"{share.by}: {share.group}"))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table)
    print(f"\n{found.listeners} listeners, {found.answers} answers on {', '.join(found.models)}. {_MEANING}")
    print(
        f"Left out: {found.missed} listeners who missed the catch, of {found.catches} who heard it; {found.known} "
        f"answers on pieces that the listener knew.\n{_INTERVALS}"
    )


def _cells(share: Share, group: str) -> tuple[str, ...]:
    low, high, method = share.interval
    counts = (str(share.listeners), str(share.answers))
    return TITLES[share.task], group, *counts, f"{share.share:.0%}", f"{low:.0%} to {high:.0%}", method
