"""Announce the weights that a command uses, in one line on stderr."""

import sys
from pathlib import Path

from bachlit.models.checkpoints import epochs_in
from bachlit.models.runs import run_of
from bachlit.models.shipped import SHIPPED


def announce(*models: Path) -> None:
    """Print which models a command uses: those that ship, folders or checkpoints."""
    sys.stderr.write(f"bachlit: with {'; '.join(map(_described, models))}\n")


def _described(model: Path) -> str:
    if model in SHIPPED.values():
        return f"{model.name}, which ships"
    if model.is_dir():
        return str(model)
    run, epochs = run_of(model), epochs_in(model)
    facts = [f"run {run.name}"] if run else []
    facts += [f"epoch {epochs}"] if epochs else []
    return f"{model} ({', '.join(facts)})" if facts else str(model)
