"""Figures by their class paths, beside the built-in ones."""

import re
from collections.abc import Sequence

from bachlit.classes import class_at, class_named
from bachlit.errors import OptionError
from bachlit.evaluation.figures.base import Figure
from bachlit.evaluation.figures.built_in import COLUMNS, FIGURES


def figures_with(own: Sequence[Figure | str] = ()) -> tuple[Figure, ...]:
    """Add figures of one's own to the built-in ones.

    Args:
        own: Figures, or dotted paths of their classes, or short names of imported ones, several with commas between.

    Raises:
        OptionError: If there is no such class, or a name of a column is taken or odd.

    >>> figures_with() == FIGURES
    True
    """
    names = set(COLUMNS)
    added = [
        figure
        for one in own
        for figure in ([one] if isinstance(one, Figure) else map(_at, filter(None, map(str.strip, one.split(",")))))
    ]
    for figure in added:
        for name in figure.columns:
            if name in names or not re.fullmatch(r"[^\W\d]\w*", name):
                fault = "is taken" if name in names else "can't be printed"
                raise OptionError(
                    f"The column {name!r} of {type(figure).__name__} {fault}; expected a new name of letters, digits "
                    "and underscores; rename it."
                )
            names.add(name)
    return (*FIGURES, *added)


def _at(path: str) -> Figure:
    try:
        found = class_at if "." in path else class_named
        return found(path, Figure)()  # type: ignore[type-abstract]  # the class is concrete
    except (ImportError, TypeError) as error:
        raise OptionError(
            f"There is no figure {path!r} ({error}); expected the dotted path of a Figure's class; give one that "
            "needs options in a file, with class_path and init_args."
        ) from error
