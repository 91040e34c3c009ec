"""Plot the shares of a listening test, beside BachBot's."""

import io
from typing import Literal

from bachlit.extras import require
from bachlit.serving.challenge.report import BACHBOT, EVERYONE, TITLES, Report, Share

_OURS, _THEIRS = "#8c1c13", "#7a756c"
_HEIGHT = 0.34  # inches of a row

_Row = tuple[str, float, float, float | None]  # title, ends of the interval, share if it is ours


def plotted(report: Report, kind: Literal["png", "svg"]) -> bytes:
    """Plot each share with its interval, in rows.

    Args:
        report: What is shown.
        kind: Format of the picture.

    Raises:
        MissingPackageError: If matplotlib isn't installed.
    """
    require("matplotlib", "A plot")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows: list[_Row] = [
        (_title(share), share.interval.low, share.interval.high, share.share) for share in report.shares
    ]
    published: list[_Row] = [(f"BachBot, {one.title}", one.low, one.high, None) for one in BACHBOT]
    first = sum(share.by == "listeners" for share in report.shares)
    rows = [*rows[:first], *published, *rows[first:]]
    figure = Figure(figsize=(8, 1.2 + _HEIGHT * len(rows)), dpi=120, layout="constrained")
    axes = figure.subplots()
    for row, (_, low, high, share) in enumerate(rows):
        if share is None:
            axes.plot([low, high], [row, row], "D-", color=_THEIRS)
        else:
            axes.plot([low, high], [row, row], color=_OURS, linewidth=1.5)
            axes.plot([share], [row], "o", color=_OURS)
    axes.axvline(0.5, color=_THEIRS, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(rows)), [title for title, *_ in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("right answers and interval of 95 %; guessing: 0.5")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "bachlit", "svg.fonttype": "none"}):
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def _title(share: Share) -> str:
    task = TITLES[share.task]
    name = task if share.group == EVERYONE else f"{task}, {share.by} {share.group}"
    return f"{name} ({share.listeners} listener{'s' * (share.listeners != 1)})"
