"""Find the checkpoint that a command works with, the run that a fit goes on with, and its folder."""

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bachlit.commands.options import Words
from bachlit.commands.recalled import FORGOTTEN, Recalled, recall
from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import BEFORE, LAST, read_options
from bachlit.models.runs import (
    LIGHTNINGS_WORDS,
    ROOT,
    RunFolder,
    check_name,
    folder_named,
    located,
    new_name,
    old_root,
    run_folders,
)
from bachlit.models.shipped import PRETRAINED

# Options of the data that say nothing of a run.
_OF_NO_RUN = ("data.prompts", "data.voice", "data.quantize", "data.corpus.cache")


def describes_a_run(words: Words) -> bool:
    """Tell whether anything was typed of the model and the data of a run."""
    return bool(words.configs) or any(
        name.startswith(("model", "data")) and not name.startswith(_OF_NO_RUN) for name in words.names
    )


def find_checkpoint(command: str, words: Words) -> tuple[Recalled, Words]:
    """Read the checkpoint that --ckpt_path names by a file, a run or a model, or the model that ships.

    Args:
        command: fit, validate, test or predict.
        words: What was typed after it.

    Returns:
        What it remembers, and the words for the parser, with a file for --ckpt_path; without it, for a model's folder
        holds weights alone, which Lightning can't read.

    Raises:
        CheckpointError: If it can't be used.
    """
    typed, fit = words.value_of("ckpt_path"), command == "fit"
    if typed is None or (fit and typed in LIGHTNINGS_WORDS):
        return recall(None if fit else PRETRAINED, typed=words.paths, told=words.names), words
    if not typed or typed in LIGHTNINGS_WORDS:
        raise CheckpointError(
            f"--ckpt_path {typed!r} can't be used; expected one file that `bachlit fit` wrote: --ckpt_path FILE."
        )
    found = located(typed, root=Path(words.value_of("trainer.logger.save_dir") or ROOT), going_on=fit)
    path = found if found.exists() else Path(typed)
    if fit and path.is_dir():
        raise CheckpointError(
            f"{path} is a model alone, and a fit goes on with its optimiser, too; expected a checkpoint that "
            "`bachlit fit` wrote; name that, or leave --ckpt_path out."
        )
    recalled = recall(path, typed=words.paths, told=words.names)
    return recalled, words.having("ckpt_path", None if path.is_dir() else str(path))


def find_last(words: Words, options: Any, plain: Mapping[str, Any]) -> Path | None:
    """Find the checkpoint that `--ckpt_path last` means: that of the named run, or of the newest with these options.

    Args:
        words: What was typed.
        options: The fit's parsed options.
        plain: The same as plain data.

    Returns:
        The checkpoint; None if the fit begins, of which a warning tells.

    Raises:
        CheckpointError: If the run that was named has other options, or its checkpoints are damaged.
        OptionError: If its name can't be one.
    """
    name, root, typed = _name(options), _root(options), options["checkpoint"]["dirpath"]
    if name is None:
        folders = [Path(typed)] if typed else run_folders(root)
        compared: tuple[str, ...] = ("model", "data", "seed_everything")
    else:
        folder = folder_named(name, root)
        folders = [] if folder is None else [folder]
        compared = ("model", "data") if describes_a_run(words) else ()
    others: list[tuple[Path, list[str]]] = []
    for folder in folders:
        lasts = [(Path(typed) if typed else folder / "checkpoints") / last for last in (LAST, BEFORE)]
        found, run = _whole(lasts)
        lines = differences(plain, {part: run[part] for part in compared if part in run})
        if found is not None and not lines:
            return found
        if found is not None:
            others.append((folder, lines))
        elif name is not None and any(path.is_file() for path in lasts):
            raise CheckpointError(
                f"The run {name} has no whole checkpoint left; expected one to go on from; begin another run with "
                "--run."
            )
    if others and name is not None:
        listed = "\n  ".join(others[0][1])
        raise CheckpointError(
            f"The run {name} has other options than these:\n  {listed}\nexpected its own; correct them, or name "
            "another run with --run."
        )
    warning = f"{root} has no {LAST} yet, so a fit begins."
    if others:
        folder, lines = others[0]
        more = f" ({len(others) - 1} older ones, too)" if len(others) > 1 else ""
        warning = f"A fit begins, for the run {folder}{more} has other options: {'; '.join(lines[:5])}"
    elif name is not None:
        warning = f"The run {name} has no {LAST} in {root} yet, so it begins."
    warnings.warn(warning, stacklevel=2)
    return None


def run_folder(words: Words, options: Any, going_on: Path | None) -> RunFolder:
    """Choose the folder of a fit's run: that which was named, that of the run that goes on, or a new one.

    Args:
        words: What was typed.
        options: The fit's parsed options.
        going_on: The checkpoint from which it goes on, if it does.

    Raises:
        OptionError: If the run's name can't be one.
    """
    root, name = _root(options), _name(options)
    if name is not None:
        found = folder_named(name, root)
        return RunFolder(
            found or root / name, begun=found is not None and words.value_of("ckpt_path") == "last", named=True
        )
    if going_on is not None and going_on.name in (LAST, BEFORE):
        folder = going_on.resolve().parents[1]
        if folder.parent in (root.resolve(), old_root(root).resolve()):
            return RunFolder(Path(os.path.relpath(folder)), begun=True, named=True)
    return RunFolder(root / new_name([config.path for config in words.configs]), begun=False, named=False)


def _root(options: Any) -> Path:
    """Give the folder of a fit's runs, as its parsed options have it."""
    if options["trainer"]["logger"] is False:
        return Path(options["trainer"]["default_root_dir"] or ".") / ROOT
    csv = _csv(options)
    return ROOT if csv is None else Path(csv.save_dir, csv.name or "")


def _csv(options: Any) -> Any:
    """Find the CSV logger's own options; None if no such logger is typed."""
    loggers = options["trainer"]["logger"]
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        if str(getattr(logger, "class_path", "")).endswith("CSVLogger"):
            return logger.init_args
    return None


def _name(options: Any) -> str | None:
    """Name a fit's run: by --run, else by the version of its CSV logger, as a sweep names its trials.

    Raises:
        OptionError: If it can't be named so.
    """
    name, csv = options["run"], _csv(options)
    if name is None and csv is not None and csv.version is not None:
        name = f"version_{csv.version}" if isinstance(csv.version, int) else csv.version
    return None if name is None else check_name(name)


def _whole(paths: Sequence[Path]) -> tuple[Path | None, Mapping[str, Any]]:
    """Find the first checkpoint that is whole, and its options; warn of those that aren't."""
    for path in paths:
        if path.is_file():
            try:
                return path, read_options(path)
            except CheckpointError as error:
                warnings.warn(str(error), stacklevel=2)
    return None, {}


def differences(typed: Any, run: Any) -> list[str]:
    """List the options of the model and the data in which a command differs from a run, a line each.

    Places that machines may have elsewhere don't count, nor do options that the run, of an older bachlit, doesn't have,
    nor those within a class that isn't the run's.

    Args:
        typed: The command's options.
        run: Those that the run's checkpoint remembers.

    >>> differences({"data": {"lanes": 2, "window": 64}}, {"data": {"lanes": 3, "window": 64.0}})
    ['--data.lanes is 2 here, 3 in the run']
    """
    here, there = dict(_flat(typed)), dict(_flat(run))
    differing = [name for name in there if name not in FORGOTTEN and here.get(name) != there[name]]
    return [
        f"--{name} is {_shown(here.get(name))} here, {_shown(there[name])} in the run"
        for name in sorted(differing)
        if not any(name.startswith(f"{outer}.") for outer in differing)
    ]


def _flat(options: Any, option: str = "") -> Iterator[tuple[str, Any]]:
    """List options by their dotted names; that of a class has its path."""
    if not isinstance(options, Mapping):
        yield option, options
        return
    for name, value in options.items():
        within = name in ("class_path", "init_args", "dict_kwargs")
        yield from _flat(value, option if within else f"{option}.{name}".lstrip("."))


def _shown(value: Any) -> str:
    return "not set" if value is None else value if isinstance(value, str) else json.dumps(value)
