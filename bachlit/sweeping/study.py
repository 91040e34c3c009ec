"""A sweep's study: found or begun in its folder or in a database, and refused if it is another's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bachlit.errors import OptionError
from bachlit.sweeping.definition import Sweep, difference
from bachlit.sweeping.extra import BasePruner

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

JOURNAL = "journal.log"

_ATTRIBUTE = "sweep"  # of the study: what the sweep is
_LOCKED = 10  # seconds after which the lock of a process that was killed as it wrote a line is void
_TRIES = 5  # two processes that make a database's tables at once: one fails, and finds them the next time


def begin(sweep: Sweep, storage: str | None, pruner: BasePruner | None) -> Study:
    """The study of a sweep, which goes on if it was begun before, here or by another process.

    Args:
        sweep: What it is.
        storage: A database's URL; None for a journal in the sweep's folder.
        pruner: What stops trials early; nothing if None.

    Raises:
        OptionError: If the storage can't be used, or holds another sweep under this name.
    """
    import optuna  # noqa: PLC0415  # of an extra

    mine = sweep.described()
    study = optuna.create_study(
        study_name=sweep.name,
        storage=_storage(storage, sweep.output, make=True),
        direction="minimize" if sweep.direction == "min" else "maximize",
        pruner=pruner or optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    begun = study.user_attrs.get(_ATTRIBUTE)
    if begun is None:
        study.set_user_attr(_ATTRIBUTE, mine | {"fit": sweep.fixed()})
        begun = mine
    told = difference(mine, begun)
    if told:
        raise OptionError(
            f"{storage or sweep.output} holds a sweep {sweep.name!r} that differs in its {told}; expected the one that "
            "was begun there; choose another --output, or go on with the old one."
        )
    return study


def find(name: str | None, output: Path, storage: str | None) -> Study:
    """A study that was begun.

    Args:
        name: Its name; if None, that of the folder, or of the only one there is.
        output: The sweep's folder.
        storage: See `begin`.

    Raises:
        OptionError: If there is none.
    """
    import optuna  # noqa: PLC0415  # of an extra

    kept = _storage(storage, output, make=False)
    if name is None:
        names = [study.study_name for study in kept.get_all_studies()]
        name = names[0] if len(names) == 1 else output.resolve().name
    try:
        study = optuna.load_study(study_name=name, storage=kept)
        about(study)
        return study
    except KeyError as error:
        raise OptionError(
            f"{storage or output} holds no sweep {name!r}; expected one that was begun; correct --name or --output."
        ) from error


def about(study: Study) -> dict[str, Any]:
    """What a study says of its sweep: what `Sweep.described` gives, and under `fit` what each trial fits.

    Raises:
        KeyError: If it isn't one of a sweep.
    """
    said: dict[str, Any] = study.user_attrs[_ATTRIBUTE]
    return said


def _storage(url: str | None, output: Path, *, make: bool) -> BaseStorage:
    """Where a study is kept."""
    import optuna  # noqa: PLC0415  # of an extra
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock  # noqa: PLC0415

    if url is None:
        path = output / JOURNAL
        if not make and not path.is_file():
            raise OptionError(f"There is no sweep in {output}; expected its {JOURNAL}; correct --output.")
        try:
            output.mkdir(parents=True, exist_ok=True)
            # Not the default lock, for which Windows wants an administrator.
            lock = JournalFileOpenLock(str(path), grace_period=_LOCKED)
            return optuna.storages.JournalStorage(JournalFileBackend(str(path), lock))
        except OSError as error:
            raise OptionError(f"{output} can't be written to ({error.strerror}); choose another --output.") from error
    for attempt in range(_TRIES):
        try:
            return optuna.storages.get_storage(url)
        except Exception as error:  # whatever the database's own library says
            if attempt == _TRIES - 1:
                said = " ".join(str(error).split())[:300]
                raise OptionError(
                    f"The storage {url} can't be used ({said}); expected the URL of a database, such as "
                    "sqlite:///sweeps.db; correct --storage."
                ) from error
        time.sleep(0.2 * 2**attempt)
    raise AssertionError
