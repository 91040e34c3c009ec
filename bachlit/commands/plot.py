"""`bachlit plot`: a model's predictions for a score, and its hidden units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bachlit.commands.functions import run_typed
from bachlit.commands.loading import loading
from bachlit.errors import OptionError
from bachlit.files.overwriting import refuse_replacing
from bachlit.models.runs import find_model
from bachlit.models.shipped import PRETRAINED
from bachlit.rendering.output import plot_places, save
from bachlit.rendering.plots import activations, piano_roll
from bachlit.scores import read_chorale, refuse_missing


def plot(
    score: Path,
    *,
    units: int = 12,
    checkpoint: Path | None = None,
    output: str | None = None,
    overwrite: bool = False,
) -> None:
    """Plot a four-part score: the notes over the model's probabilities, and its hidden units.

    Args:
        score: Four parts: MusicXML, MXL, MIDI, ABC, kern or MEI.
        units: Number of hidden units: those that correlate most with the fermatas, or with the soprano's onsets where
            there are no fermatas, or nothing else.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or one that ships: bachlit (if
            left out) or bachbot.
        output: A name to which -roll.png and -units.png are added, or a folder. The score's name if left out.
        overwrite: Replace files at these places that bachlit didn't write, too.
    """
    with loading():
        from bachlit.commands.weights import announce
        from bachlit.models import inspecting
        from bachlit.models.language_model import LanguageModel

    roll_place, units_place = plot_places(score.stem, output)
    chorale = read_chorale(score)
    path = find_model(checkpoint or PRETRAINED)
    model = LanguageModel.load(path)
    names = inspecting.unit_names(model)
    if not 1 <= units <= len(names):
        raise OptionError(f"{units} hidden units can't be shown; expected 1 to {len(names)}; set --units.")
    memory = inspecting.hidden_units(model, chorale)
    signal, called = inspecting.telling_signal(chorale)
    matches = inspecting.correlations(memory, signal)
    chosen = np.argsort(-np.abs(matches), kind="stable")[:units]
    roll = piano_roll(chorale, inspecting.pitch_probabilities(model, chorale))
    heat = activations(
        chorale,
        memory[:, chosen],
        [f"{names[unit]}  {matches[unit]:+.2f}" for unit in chosen],
        caption=f"units by correlation with {called}",
    )
    save([(roll_place, roll), (units_place, heat)], partial(refuse_replacing, inputs=[score], overwrite=overwrite))
    announce(path)


def check(score: Path, *, units: int, checkpoint: Path | None, output: str | None, overwrite: bool) -> None:
    """Refuse what can be known without PyTorch; arguments are those of `plot`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    if units < 1:
        raise OptionError(f"{units} hidden units can't be shown; expected at least 1; set --units.")
    refuse_replacing(plot_places(score.stem, output), inputs=[score], overwrite=overwrite)
    refuse_missing(score)
    if checkpoint is not None:
        find_model(checkpoint)


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of `plot` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, plot, args, check=check)
