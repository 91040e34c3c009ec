"""Packages of the extras `bachlit[render]` and `bachlit[sweep]`, checked before the work."""

from importlib.util import find_spec

from bachlit.errors import BachlitError


class MissingPackageError(BachlitError, ImportError):
    """A package of an extra that isn't installed."""


def require(package: str, what: str, *, extra: str = "render") -> None:
    """Check that a package is installed, without loading it.

    Args:
        package: The name by which it is imported.
        what: What needs it, as a sentence begins.
        extra: The extra that installs it.

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
            f"{what} needs {package}, which isn't installed; expected the extra bachlit[{extra}]; install it: "
            f"pip install 'bachlit[{extra}]'."
        )
