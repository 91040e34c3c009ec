"""Write the API reference from the docstrings, as a folder of pages: `python .ci/reference.py api`.

pdoc documents what `__all__` of a room names, and all modules of a room without one. bachlit's own `__all__` gets its
rooms here, and the names that bachlit imports only when they are asked for.
"""

import pkgutil
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import pdoc

import bachlit


def write(folder: Path) -> int:
    """Write the pages; return how many.

    Raises:
        Warning: If a name in `__all__` or an annotation doesn't resolve.
    """
    rooms = {room.name for room in pkgutil.iter_modules(bachlit.__path__) if not room.name.startswith("_")}
    for name in bachlit.__all__:
        setattr(bachlit, name, getattr(bachlit, name))
    bachlit.__all__ = [*bachlit.__all__, *sorted(rooms - set(bachlit.__all__))]
    pdoc.render.configure(docformat="google", footer_text=f"bachlit {version('bachlit')}", show_source=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=UserWarning, module="pdoc")
        pdoc.pdoc("bachlit", output_directory=folder)
    return len(list(folder.rglob("*.html")))


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} pages; begin with {sys.argv[1]}/bachlit.html")
