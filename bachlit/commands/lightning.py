"""`bachlit fit | validate | test | predict`: refuse what can be known before Lightning is loaded, then run."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from bachlit.commands.functions import asks_for_help, refuse_unimportable
from bachlit.commands.loading import loading
from bachlit.commands.options import Words
from bachlit.errors import CheckpointError, OptionError
from bachlit.models.runs import LIGHTNINGS_WORDS, ROOT, check_name, located, refuse_no_checkpoint, refuse_taken

_ALL = (
    *("help", "config", "print_config", "seed_everything", "trainer", "model", "data", "checkpoint"),
    *("ckpt_path", "weights_only"),
)
_FIGURES = (*_ALL, "verbose")
GROUPS = {
    "fit": (*_ALL, "run", "curves", "last"),
    "validate": _FIGURES,
    "test": _FIGURES,
    "predict": (*_ALL, "return_predictions", "decoder", "rules", "strict", "seed", "output", "overwrite"),
}
"""First words of each command's options: those of Lightning are known only once it is loaded."""

_ELSEWHERE = ("trainer.logger", "trainer.default_root_dir", "trainer.fast_dev_run")


def run(command: str, args: Sequence[str]) -> None:
    """Run one of Lightning's commands.

    Args:
        command: fit, validate, test or predict.
        args: Its options.

    Raises:
        BachlitError: If an option, a checkpoint or the data must be put right.
    """
    words = Words.of(args)
    if not asks_for_help(words):
        _refuse(command, words)
    with loading():
        if command == "fit" and _logs_to_wandb(words):
            # First: wandb's data classes look through all modules that are loaded, of which Lightning has thousands.
            with suppress(Exception):  # which the logger reports when it begins, and does without
                import wandb.apis.public  # noqa: F401
        from bachlit.commands import train
    train.run(command, words)


def _refuse(command: str, words: Words) -> None:
    """Refuse options that no part of a command has, names that can't be used, and what isn't there.

    Raises:
        BachlitError: If there is one.
    """
    for name in words.names:
        first = name.partition(".")[0]
        if first not in GROUPS[command]:
            near = get_close_matches(first, GROUPS[command], n=1, cutoff=0.7)
            if near:
                raise OptionError(
                    f"There is no option --{name}; expected --{near[0]}{name.removeprefix(first)}; correct it, or "
                    "leave it out."
                )
            raise OptionError(f"unrecognized arguments: --{name}. See bachlit {command} --help.")
    words.refuse_missing_configs()
    refuse_unimportable(words.modules)
    for name in words.values_of("run"):
        check_name(name)
        if words.value_of("ckpt_path") != "last" and not _may_be_elsewhere(words):
            refuse_taken(ROOT / name)
    if (path := named_checkpoint(command, words)) is not None and not path.is_dir():
        refuse_no_checkpoint(path)


def _logs_to_wandb(words: Words) -> bool:
    """Check whether a fit is likely to begin a run of W&B: by default it does."""
    off = os.environ.get("WANDB_MODE") == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1")
    trainers = [config.options.get("trainer") for config in words.configs]
    chosen = any(isinstance(one, Mapping) and "logger" in one for one in trainers)
    return not (off or chosen or asks_for_help(words) or words.values_of("trainer.logger"))


def _may_be_elsewhere(words: Words) -> bool:
    """Check whether options may put a fit's folder elsewhere than into runs, or have none made."""
    trainers = [config.options.get("trainer") for config in words.configs]
    given = {*words.names, *(f"trainer.{name}" for one in trainers if isinstance(one, Mapping) for name in one)}
    return any(name == "trainer" or name.startswith(_ELSEWHERE) for name in given)


def named_checkpoint(command: str, words: Words) -> Path | None:
    """Find what --ckpt_path names: a file, a run's checkpoint or a model's folder; None for a word of Lightning's.

    Raises:
        CheckpointError: If a fit is to resume from a folder.
    """
    typed, fit = words.value_of("ckpt_path"), command == "fit"
    if typed is None or (fit and typed in LIGHTNINGS_WORDS):
        return None
    found = located(typed, root=Path(words.value_of("trainer.logger.save_dir") or ROOT), going_on=fit)
    path = found if found.exists() else Path(typed)
    if fit and path.is_dir():
        raise CheckpointError(
            f"A fit can't resume from the folder {path}; expected a checkpoint that `bachlit fit` wrote; name that, or "
            "leave --ckpt_path out."
        )
    return path
