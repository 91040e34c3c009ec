"""Keep finished work on the disk, so that a calibration that was cut off goes on where it was."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bachlit.errors import OptionError
from bachlit.files.writing import write_whole

Arrays = Mapping[str, npt.NDArray[Any]]


def keep(path: Path, content: bytes) -> None:
    """Write a file whole.

    Raises:
        OptionError: If it can't be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise OptionError(
            f"{path} can't be written ({error.strerror}); what was finished is kept; mend that and start again, or "
            "choose another --output."
        ) from error


class Work:
    """A folder of finished work: JSON, and arrays without pickles.

    Args:
        folder: Made if missing.
        options: What the work depends on, as plain data.

    Raises:
        OptionError: If the folder has work with other options, or can't be written to.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"{folder} can't be made ({error.strerror}); choose another --output.") from error
        if self.data("options", lambda: options) != json.loads(json.dumps(options)):
            raise OptionError(
                f"{folder} has the work of another model or other options; expected the same as before; choose another "
                "--output, or remove the folder."
            )

    def data(self, name: str, make: Callable[[], Any]) -> Any:
        """Read plain data, or make and keep it."""
        path = self._folder / f"{name}.json"
        if not path.is_file():
            keep(path, json.dumps(make()).encode())
        return self._read(path, json.loads)

    def has_arrays(self, name: str) -> bool:
        """Tell whether arrays are kept."""
        return (self._folder / f"{name}.npz").is_file()

    def arrays(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Read arrays, or make and keep them."""
        path = self._folder / f"{name}.npz"
        if not path.is_file():
            content = io.BytesIO()
            np.savez_compressed(content, **make())  # type: ignore[arg-type]  # its other option isn't an array's name
            keep(path, content.getvalue())
        return self._read(path, lambda content: dict(np.load(io.BytesIO(content), allow_pickle=False)))  # type: ignore[no-any-return]

    def _read(self, path: Path, parse: Callable[[bytes], Any]) -> Any:
        try:
            return parse(path.read_bytes())
        except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
            raise OptionError(
                f"{path} is damaged ({type(error).__name__}); expected work kept earlier; remove it, and it is done "
                "again."
            ) from error
