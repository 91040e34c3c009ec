"""Optuna, of the extra `bachlit[sweep]`: without it the modules here can be imported, but no sweep can run."""

import warnings
from importlib.util import find_spec

from bachlit.rendering import MissingPackageError

try:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
except ImportError:
    BasePruner = BaseSampler = object  # type: ignore[misc,assignment]

__all__ = ["BasePruner", "BaseSampler", "require_optuna"]


def require_optuna() -> None:
    """See that a sweep can run, and that Optuna says nothing beside.

    Raises:
        MissingPackageError: If Optuna isn't installed.
    """
    if find_spec("optuna") is None:
        raise MissingPackageError(
            "A sweep needs optuna, which isn't installed; expected the extra bachlit[sweep]; install it: "
            "pip install 'bachlit[sweep]'."
        )
    import optuna  # noqa: PLC0415  # of an extra

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
