"""Find a command's checkpoint, the run that a fit resumes, and its folder."""

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bachlit.commands.lightning import named_checkpoint
from bachlit.commands.options import Words
from bachlit.commands.recalled import FORGOTTEN, Recalled, recall
from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_options
from bachlit.models.runs import (
    BEFORE,
    LAST,
    ROOT,
    RunFolder,
    check_name,
    folder_named,
    new_name,
    old_root,
    run_folders,
)
from bachlit.models.shipped import PRETRAINED

# Options of the data that don't identify a run.
_OF_NO_RUN = ("data.prompts", "data.voice", "data.corpus.cache")


def describes_a_run(words: Words) -> bool:
    """Check whether options of a run's model or data were typed."""
    return bool(words.configs) or any(
        name.startswith(("model", "data")) and not name.startswith(_OF_NO_RUN) for name in words.names
    )


def find_checkpoint(command: str, words: Words) -> tuple[Recalled, Words]:
    """Read the checkpoint that --ckpt_path names by a file, a run or a model, or the model that ships.

    Args:
        command: fit, validate, test or predict.
        words: The words after it.

    Returns:
        What it remembers, and the words for the parser. In these --ckpt_path names a file, or is removed for a model's
        folder, which Lightning can't read.

    Raises:
        CheckpointError: If it can't be used.
    """
    path = named_checkpoint(command, words)
    if path is None:
        path = None if command == "fit" else PRETRAINED
        return recall(path, typed=words.paths, told=words.names, modules=words.modules), words
    recalled = recall(path, typed=words.paths, told=words.names, modules=words.modules)
    return recalled, words.having("ckpt_path", None if path.is_dir() else str(path))


def find_last(words: Words, options: Any, plain: Mapping[str, Any]) -> Path | None:
    """Find the checkpoint that `--ckpt_path last` means: that of the named run, or of the newest with these options.

    Args:
        words: The typed words.
        options: The fit's parsed options.
        plain: The same as plain data.

    Returns:
        The checkpoint; None, with a warning, if the fit begins.

    Raises:
        CheckpointError: If the named run has other options, or its checkpoints are damaged.
        OptionError: If the run's name can't be used.
    """
    (root, name), typed = _place(options), options["checkpoint"]["dirpath"]
    if name is None:
        folders = [Path(typed)] if typed else run_folders(root)
        compared: tuple[str, ...] = ("model", "data", "seed_everything")
    else:
        folders = [folder] if (folder := folder_named(name, root)) else []
        compared = ("model", "data") if describes_a_run(words) else ()
    reason = f"there is no {LAST} in {root / (name or '')} yet"
    for number, folder in enumerate(folders):
        found, run = _whole(Path(typed) if typed else folder / "checkpoints", named=name is not None)
        lines = differences(plain, {part: run[part] for part in compared if part in run})
        if found is not None and not lines:
            return found
        if name is not None and found is not None:
            raise CheckpointError(
                f"The run {name} has other options:\n  " + "\n  ".join(lines) + "\nexpected its own; correct them, or "
                "name another run with --run."
            )
        if number == 0 and lines:
            reason = f"the run {folder} has other options: {'; '.join(lines[:5])}"
    warnings.warn(f"A fit begins, for {reason}.", stacklevel=2)
    return None


def run_folder(words: Words, options: Any, going_on: Path | None) -> RunFolder:
    """Choose the folder of a fit's run: the named one, that of the resumed run, or a new one.

    Args:
        words: The typed words.
        options: The fit's parsed options.
        going_on: The checkpoint from which it resumes, if it does.

    Raises:
        OptionError: If the run's name can't be used.
    """
    root, name = _place(options)
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


def _place(options: Any) -> tuple[Path, str | None]:
    """Return the folder of a fit's runs, and the run's name: --run, or the version of the CSV, as in sweeps.

    Raises:
        OptionError: If the name can't be used.
    """
    loggers, name = options["trainer"]["logger"], options["run"]
    root = Path(options["trainer"]["default_root_dir"] or "") / ROOT if loggers is False else ROOT
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        if str(getattr(logger, "class_path", "")).endswith("CSVLogger"):
            root, version = Path(logger.init_args.save_dir, logger.init_args.name or ""), logger.init_args.version
            name = name or (f"version_{version}" if isinstance(version, int) else version)
    return root, None if name is None else check_name(name)


def _whole(folder: Path, *, named: bool) -> tuple[Path | None, Mapping[str, Any]]:
    """Find a folder's last whole checkpoint, and its options; warn of damaged ones.

    Raises:
        CheckpointError: If the run was named and has damaged ones only.
    """
    paths = [path for path in (folder / LAST, folder / BEFORE) if path.is_file()]
    for path in paths:
        try:
            return path, read_options(path)
        except CheckpointError as error:
            if named and path == paths[-1]:
                raise
            warnings.warn(str(error), stacklevel=2)
    return None, {}


_OF_SPEED = ("model.optimizer.fused", "model.optimizer.foreach")  # a resumed fit goes on with its own


def differences(typed: Any, run: Any) -> list[str]:
    """List the options of the model and the data in which a command differs from a run, one per line.

    These don't count: paths that differ by machine, options of speed alone, options that the run, of an older bachlit,
    doesn't have, and those within a class that differs.

    Args:
        typed: The command's options.
        run: Those that the run's checkpoint remembers.

    >>> differences({"data": {"lanes": 2, "window": 64}}, {"data": {"lanes": 3, "window": 64.0}})
    ['--data.lanes is 2 here, 3 in the run']
    >>> differences({"model": {"optimizer": {"fused": True}}}, {"model": {"optimizer": {"fused": None}}})
    []
    """
    here, there = dict(_flat(typed)), dict(_flat(run))
    differing = [name for name in there if name not in (*FORGOTTEN, *_OF_SPEED) and here.get(name) != there[name]]
    return [
        f"--{name} is {here.get(name)} here, {there[name]} in the run"
        for name in sorted(differing)
        if not any(name.startswith(f"{outer}.") for outer in differing)
    ]


def _flat(options: Any, option: str = "") -> Iterator[tuple[str, Any]]:
    """List options by dotted names; a class's path has the name of its option."""
    if not isinstance(options, Mapping):
        yield option, options
        return
    for name, value in options.items():
        within = name in ("class_path", "init_args", "dict_kwargs")
        yield from _flat(value, option if within else f"{option}.{name}".lstrip("."))
