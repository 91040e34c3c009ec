"""The packages of the extra `bachlit[render]`: there or not, asked before the work."""

from importlib.util import find_spec

from bachlit.errors import BachlitError


class MissingPackageError(BachlitError, ImportError):
    """A package of an extra that isn't installed."""


def require(package: str, what: str) -> None:
    """Ask for a package without loading it, so that nobody waits for what can't be drawn.

    Args:
        package: The name by which it is imported.
        what: What needs it, as a sentence begins.

    Raises:
        MissingPackageError: If it isn't installed.

    >>> require("numpy", "A sum")
    >>> require("no_such_package", "A picture")
    Traceback (most recent call last):
    ...
    bachlit.extras.MissingPackageError: A picture needs no_such_package, which isn't installed; expected the \
extra bachlit[render]; install it: pip install 'bachlit[render]'.
    """
    if find_spec(package) is None:
        raise MissingPackageError(
            f"{what} needs {package}, which isn't installed; expected the extra bachlit[render]; install it: "
            "pip install 'bachlit[render]'."
        )
