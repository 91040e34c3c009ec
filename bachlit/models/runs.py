"""Name, find and lock runs: the folders of fits."""

import itertools
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bachlit.errors import CheckpointError, OptionError, StoppedError
from bachlit.models.shipped import DESCRIPTION, SHIPPED, WEIGHTS

if TYPE_CHECKING:
    from filelock import FileLock

ROOT = Path("runs")
"""Folder of runs, unless the logger's options name another."""

LAST, BEFORE = "last.ckpt", "last-before.ckpt"
"""The checkpoint that a fit resumes from, and its predecessor."""

BEST = "best.ckpt"
"""A run's best checkpoint."""

# Runs of the first releases were runs/bachlit/version_N.
_OLD = "bachlit"
LIGHTNINGS_WORDS = ("last", "hpc", "null")
"""Lightning's words for checkpoints of an earlier fit, of which `last` is ours; runs can't have these names."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
# Files of these names, with any ending, are devices on Windows.
_DEVICES = r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?"
_LOCK = ".lock"
_PATIENCE = 2.0  # seconds; a signalled process may still be ending


def check_name(name: str) -> str:
    """Check that a run's name can name a folder and a W&B run; return it.

    Raises:
        OptionError: If it can't.
    """
    taken = name in LIGHTNINGS_WORDS or name.endswith(".") or re.fullmatch(_DEVICES, name)
    if taken or not re.fullmatch(_NAME, name):
        raise OptionError(
            f"A run can't be named {name!r}; expected letters, digits, dots, hyphens and _, such as --run wide-1, and "
            "nothing that --ckpt_path or Windows takes for something else; rename it."
        )
    return name


def new_name(configs: Sequence[Path]) -> str:
    """Name a run by the time and its first configuration."""
    about = re.sub(r"[^A-Za-z0-9._-]+", "-", configs[0].stem if configs else "fit")[:50].rstrip(".")
    return f"{datetime.now():%Y%m%d-%H%M%S}-{about}"


def _is_first_process() -> bool:
    """Check whether this is the first of a launcher's processes, by the environment."""
    ranks = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK", "GROUP_RANK")
    return not any(os.environ.get(name, "0").strip("0") for name in ranks)


def folder_named(name: str, root: Path = ROOT) -> Path | None:
    """Find the folder of a run by its name; None if there is none."""
    if re.fullmatch(rf"(?:{_OLD}/)?{_NAME}", name):
        return next((one for one in (root / name, old_root(root) / name) if _is_run(one)), None)
    return None


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("checkpoints", "config.yaml", _LOCK))


def old_root(root: Path) -> Path:
    """Return the folder of the first releases' runs."""
    return root / _OLD


def run_folders(root: Path) -> list[Path]:
    """List the folders of runs that can be resumed, newest first."""
    times = dict[Path, int]()
    for path in (path for one in (root, old_root(root)) for path in one.glob("*/checkpoints/*.ckpt")):
        if path.name in (LAST, BEFORE):
            with suppress(OSError):
                times[path.parents[1]] = max(times.get(path.parents[1], 0), path.stat().st_mtime_ns)
    return sorted(times, key=times.__getitem__, reverse=True)


def located(checkpoint: str | Path, *, root: Path = ROOT, going_on: bool = False) -> Path:
    """Find a model: by a path, by a run's name, or by the name of one that ships, in this order.

    Args:
        checkpoint: The typed name; a run's folder or name means its best checkpoint.
        root: Folder of runs.
        going_on: Prefer a run's last checkpoint.

    Returns:
        A file, or a folder that `LanguageModel.save` wrote; the typed path if there is none.

    >>> located("bachbot") == SHIPPED["bachbot"], located("runs/best.ckpt").name
    (True, 'best.ckpt')
    """
    path = Path(checkpoint)
    if path.is_file() or (path / DESCRIPTION).is_file():
        return path
    folder = path if _is_run(path) else folder_named(str(checkpoint), root)
    for name in (LAST, BEFORE, BEST) if going_on else (BEST, LAST, BEFORE):
        if folder is not None and (folder / "checkpoints" / name).is_file():
            return folder / "checkpoints" / name
    return SHIPPED.get(str(checkpoint), path)


def find_model(checkpoint: str | Path) -> Path:
    """Find a model as `located` does.

    Raises:
        CheckpointError: If there is none.
    """
    path = located(checkpoint)
    if not path.is_file() and not all((path / name).is_file() for name in (DESCRIPTION, WEIGHTS)):
        raise CheckpointError(
            f"There is no model at {path}; expected a checkpoint of `bachlit fit`, a run's name, a folder with "
            f"{WEIGHTS} and {DESCRIPTION}, or one that ships: {', '.join(SHIPPED)}."
        )
    return path


def refuse_no_checkpoint(path: Path) -> None:
    """Refuse a path at which there is no file.

    Raises:
        CheckpointError: If there is none.
    """
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint {path}; expected a file that `bachlit fit` wrote, or a run's name; correct it."
        )


def run_of(checkpoint: Path) -> Path | None:
    """Return the folder of the run that a checkpoint belongs to; None if it belongs to none."""
    folder = checkpoint.absolute().parent
    return folder.parent if folder.name == "checkpoints" and _is_run(folder.parent) else None


def refuse_others(checkpoints: Path, going_on: Path | None) -> None:
    """Refuse a typed folder with another fit's checkpoints.

    Args:
        checkpoints: The folder.
        going_on: The checkpoint from which the fit resumes; None if it begins.

    Raises:
        OptionError: If it has some.
    """
    goes_on = going_on is not None and going_on.resolve().parent == checkpoints.resolve()
    if _is_first_process() and not goes_on and any((checkpoints / name).is_file() for name in (LAST, BEFORE, BEST)):
        raise OptionError(
            f"{checkpoints} has a fit's checkpoints already; expected none, or --ckpt_path last to go on from them; "
            "choose another --checkpoint.dirpath."
        )


def refuse_taken(folder: Path) -> None:
    """Refuse the folder of a new run if something stands there; other processes than the first find their own run.

    Raises:
        OptionError: If so.
    """
    if _is_first_process() and os.path.lexists(folder):
        raise _taken(folder)


def _taken(folder: Path) -> OptionError:
    expected = ", and no fit made it; expected a name of which nothing stands there"
    if _is_run(folder):
        expected = "; expected a new name, or --ckpt_path last to go on with it"
    return OptionError(f"{folder} is there already{expected}; choose another --run.")


class RunFolder:
    """Lock the folder of a run while a fit works in it.

    Args:
        folder: The folder.
        begun: Whether the fit is resumed in it.
        named: Whether the user named it; otherwise a number is added to a name that exists.
    """

    def __init__(self, folder: Path, *, begun: bool, named: bool) -> None:
        self.folder = folder
        self.begun, self._named = begun, named
        self._lock: FileLock | None = None
        self._made = False

    def claim(self) -> None:
        """Make and lock the folder, in the first of several processes.

        Raises:
            OptionError: If the run exists, another fit works in it, or it can't be made.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only fits lock

        if not _is_first_process():
            return
        try:
            self._made = self._make()
            lock = FileLock(self.folder / _LOCK)
            lock.acquire(timeout=_PATIENCE)
        except Timeout as error:
            raise OptionError(
                f"Another fit is at work on the run {self.folder.name}; expected one at a time; wait for it, or name "
                "another run."
            ) from error
        except OSError as error:
            raise OptionError(
                f"{error.filename or self.folder} can't be used ({error.strerror}); expected a place for a run; name "
                "another."
            ) from error
        self._lock = lock

    def _make(self) -> bool:
        """Make the folder, unless the fit is resumed in it; return whether it was made."""
        if self.begun and self.folder.is_dir():
            return False
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        wanted = self.folder.name
        for number in itertools.count(2):
            try:
                self.folder.mkdir()
                break
            except FileExistsError:
                if self._named:
                    raise _taken(self.folder) from None
                self.folder = self.folder.with_name(f"{wanted}-{number}")
        return True

    def release(self, kind: type[BaseException] | None = None, *_: object) -> None:
        """Unlock the folder; remove it if this fit made it, failed, and left no checkpoint.

        Args:
            kind: Class of the error that ended the fit, if any.
        """
        if self._lock is None:
            return
        self._lock.release()
        self._lock = None
        failed = kind is not None and issubclass(kind, Exception) and not issubclass(kind, StoppedError)
        if failed and self._made and not any(self.folder.rglob("*.ckpt")):
            shutil.rmtree(self.folder, ignore_errors=True)
            with suppress(OSError):
                self.folder.parent.rmdir()  # if it is empty

    def __getstate__(self) -> dict[str, object]:
        """Leave the lock to the process that holds it."""
        return self.__dict__ | {"_lock": None}
