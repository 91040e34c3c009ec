"""`bachlit export`: a trained model as a folder that describes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from bachlit.commands.functions import run_typed
from bachlit.commands.loading import loading
from bachlit.errors import OptionError
from bachlit.files.overwriting import is_listed, refuse_replacing
from bachlit.files.writing import write_together
from bachlit.models.calibration import CALIBRATION
from bachlit.models.runs import find_model
from bachlit.models.shipped import CARD, CORPUS, DESCRIPTION, SPLIT, WEIGHTS

_FILES = (CARD, DESCRIPTION, WEIGHTS, SPLIT, CORPUS, CALIBRATION)


def run(command: str, args: Sequence[str]) -> None:
    """Run `bachlit export` with its options.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, export, args, check=refuse)


def export(
    *,
    checkpoint: list[Path] | Path,
    output: Path,
    license: str = "",  # noqa: A002  # the option's name
    half: bool = False,
    overwrite: bool = False,
) -> None:
    """Export a trained model as a folder to hand on: weights, what they were trained on, and a model card.

    Args:
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a model's folder, or a shipped model: bachlit or
            bachbot. Repeated for each of several: their weights are averaged, if they began with the same ones; one
            that is named twice counts twice.
        output: The folder; every command takes it as --checkpoint, on any machine with bachlit.
        license: Licence of the weights, such as "CC BY 4.0"; the card says so if none is stated.
        half: Store the weights in float16: half the size, and figures that change by less than a thousandth.
        overwrite: Replace files of the model's names even if bachlit didn't write them.
    """
    with loading():
        from bachlit.models.exporting import exported
    sources = _sources(checkpoint)
    check = _check(sources, overwrite)
    files = exported(*sources, half=half, terms=license)
    stale = [name for name in _FILES if name not in files and (output / name).exists()]
    if stale:
        raise OptionError(
            f"{output / stale[0]} is another model's, and this model has none; expected a new folder; choose another "
            "--output, or remove the file."
        )
    for path in _written(output, files, check):
        print(path)


def refuse(*, checkpoint: list[Path] | Path, output: Path, overwrite: bool) -> None:
    """Refuse what can be known without PyTorch; arguments are those of `export`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    check = _check(_sources(checkpoint), overwrite)
    check([output / name for name in _FILES])


def _sources(checkpoint: list[Path] | Path) -> list[Path]:
    """Find the models."""
    named = [checkpoint] if isinstance(checkpoint, Path) else checkpoint
    if not named:
        raise OptionError("The list of checkpoints is empty; expected at least one; name it by --checkpoint.")
    return [find_model(one) for one in named]


def _check(sources: Sequence[Path], overwrite: bool) -> partial[None]:
    """Make what refuses to replace the models themselves and files of others."""
    inputs = [place for one in sources for place in ([one / name for name in _FILES] if one.is_dir() else [one])]
    own = partial(is_listed, index=DESCRIPTION)
    return partial(refuse_replacing, inputs=inputs, overwrite=overwrite, own=own)


def _written(output: Path, files: Mapping[str, bytes], check: partial[None]) -> list[Path]:
    """Write the files, all or none, into a folder that is made for them.

    Raises:
        OptionError: If one can't be written, or may not be replaced.
    """
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
        return write_together([(output / name, content) for name, content in files.items()], check=check)
    except BaseException as error:  # Ctrl-C too
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise OptionError(
                f"{error.filename} can't be written ({error.strerror}); choose another --output."
            ) from error
        raise
