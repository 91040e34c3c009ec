"""`help()` tells in place what every argument of a public name means, and public names are found where one looks."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from enum import EnumType
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import bachlit

ROOT = Path(__file__).parents[1]
ROOMS = ["bachlit", "bachlit.callbacks", "bachlit.evaluation.figures"] + [
    f"bachlit.{path.parent.name}" for path in ROOT.glob("bachlit/*/__init__.py") if "__all__" in path.read_text()
]
_VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public class and function of bachlit with its name, and what else makes a class's objects."""
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            part = getattr(module, name)
            ours = str(getattr(part, "__module__", "")).startswith("bachlit")
            made = isinstance(part, type) and (isinstance(part, EnumType) or issubclass(part, Exception))
            if ours and isinstance(part, type | FunctionType) and not made:
                yield f"{room}.{name}", part
                for other, method in vars(part).items():
                    if isinstance(method, classmethod) and not other.startswith("_"):
                        yield f"{room}.{name}.{other}", getattr(part, other)


def undescribed(part: Callable[..., Any]) -> set[str]:
    """Arguments that a docstring doesn't describe; the only one of a function may be in its sentence."""
    names = {name for name, one in inspect.signature(part).parameters.items() if one.kind not in _VARIABLE}
    if not isinstance(part, type) and len(names) == 1:
        return set()
    return names - set(re.findall(r"^ +\*{0,2}(\w+): ", part.__doc__ or "", re.MULTILINE))


def test_every_argument_of_a_public_name_is_described() -> None:
    parts = dict(public())
    assert len(parts) > 150
    assert {name: lacking for name, part in parts.items() if (lacking := undescribed(part))} == {}


def test_no_argument_is_described_elsewhere() -> None:
    told = re.compile(r"\b[Aa]s for `|arguments are those of")
    assert [name for name, part in public() if told.search(part.__doc__ or "")] == []


def test_all_public_names_are_listed_and_found() -> None:
    """Completion by Tab shows what `dir` gives."""
    assert set(bachlit.__all__) <= set(dir(bachlit))
    assert all(getattr(bachlit, name) is not None for name in bachlit.__all__)
    assert bachlit.callbacks.TrainingCurves.__module__ == "bachlit.callbacks.training_curves"
    with pytest.raises(AttributeError, match="no attribute 'Choral'"):
        _ = bachlit.Choral
