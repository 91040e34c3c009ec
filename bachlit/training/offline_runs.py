"""W&B's offline runs: uploaded later, and one curve if a fit is resumed.

`wandb sync` of wandb 0.31, tried with a server on one machine, adds a part that was begun with
`resume="allow"` to the run that has its id, if there is one, after the last step of that run. Any other part, one begun
with "never" too, replaces that run. Options of all parts are kept, but only the last part's summary.
"""

import csv
import os
import re
import secrets
import shlex
from contextlib import suppress
from pathlib import Path


def identify(run_id: str | None, mode: str, *, goes_on: bool, before: str | None = None) -> dict[str, str | None]:
    """Choose a run's id, and whether W&B may add to a run with that id.

    A new run is never added to another and never replaces one: online W&B refuses an id that is taken; offline nobody
    can tell, so the run gets a new one.

    Args:
        run_id: The wanted id; None lets W&B make one up.
        mode: "online" or "offline".
        goes_on: Whether W&B has the run under `run_id`.
        before: The id that the run had before, if known.

    >>> identify("first", "online", goes_on=False)
    {'id': 'first', 'resume': 'never'}
    >>> identify("my first", "online", goes_on=True)
    {'id': 'my-first', 'resume': 'allow'}
    """
    if before is not None or run_id is None:
        return {"id": before, "resume": "allow"}
    # W&B takes 128 characters, and none of /\#?%: nor a few more; a shell would want the rest quoted.
    known = re.sub(r"[^\w.-]", "-", run_id)[:100]
    if goes_on:
        return {"id": known, "resume": "allow"}
    if mode == "online":
        return {"id": known, "resume": "never"}
    return {"id": f"{known}-{secrets.token_hex(3)}", "resume": "allow"}


def upload_command(files: Path, run_id: str) -> str:
    """Give the shell command that uploads all parts of an offline run, oldest first.

    One `wandb sync` of several parts stops at the first that ends in half a record, as after a kill; it uploads that
    part up to there, but none of the later.

    Args:
        files: The folder of the last part.
        run_id: The id that all parts share.
    """
    folder, whose = shlex.quote(os.path.relpath(files.parent)), shlex.quote(run_id)
    parts = [part for part in files.parent.glob("offline-run-*") if part.name.endswith(f"-{run_id}")]
    if len(parts) > 1:
        return f'for part in {folder}/offline-run-*-{whose}; do wandb sync "$part"; done'
    return f"wandb sync {folder}/{shlex.quote(files.name)}"


def last_figures(path: Path) -> dict[str, float]:
    """Read the last value of each column of a run's CSV, under W&B's names."""
    figures: dict[str, float] = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                with suppress(TypeError, ValueError):  # a row that was cut off
                    figures |= {name: float(value) for name, value in row.items() if value}
    if "step" in figures:
        figures["trainer/global_step"] = figures.pop("step")
    return figures
