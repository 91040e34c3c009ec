"""Resolve classes by dotted paths: imported ones, and typed ones."""

import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from bachlit.errors import OptionError

Kind = TypeVar("Kind")

SERVED = "BACHLIT_SERVED"
"""Environment variable with the modules that spawned processes may import from the working folder."""

_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")

# Modules whose classes stand in older configurations and checkpoints, and where these classes are now.
_MOVED = {
    "bachlit.data": "bachlit.training.data",
    "bachlit.decoding.chords": "bachlit.decoding.rules.chords",
    "bachlit.decoding.enforced": "bachlit.decoding.rules.enforced",
    "bachlit.decoding.harmony": "bachlit.decoding.rules.harmony",
    "bachlit.decoding.part_writing": "bachlit.decoding.rules.part_writing",
    "bachlit.decoding.rules": "bachlit.decoding.rules.base",
    "bachlit.model": "bachlit.training.model",
    "bachlit.rehearsing": "bachlit.training.checks",
    "bachlit.remembering": "bachlit.commands.recalled",
    "bachlit.tracking": "bachlit.training.wandb_logger",
}
# A module before the name of a class: a file's name may look like a module's.
_OLD = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, _MOVED))})(?=\.[A-Z])")

# Options that name files and folders, however their names look.
_PLACES = (
    *("cache", "ckpt_path", "default_root_dir", "dirpath", "filename", "folder", "melodies", "path", "prompts"),
    *("save_dir", "start"),
)
# Options whose values or parts name classes.
_CLASS_OPTIONS = (
    *("callbacks", "corpus", "data", "decoder", "decoders", "metrics", "model", "pruner"),
    *("rules", "sampler", "space", "trainer"),
)


def path_of(kind: type) -> str:
    """Return a class's dotted path.

    >>> path_of(Path) in ("pathlib.Path", "pathlib._local.Path")
    True
    """
    return f"{kind.__module__}.{kind.__qualname__}"


def renewed(text: str) -> str:
    """Update the paths of moved classes in typed words, configurations and remembered options.

    >>> renewed("--trainer.logger=bachlit.tracking.AutoWandbLogger")
    '--trainer.logger=bachlit.training.wandb_logger.AutoWandbLogger'
    >>> renewed("--output=bachlit.tracking.csv")
    '--output=bachlit.tracking.csv'
    """
    return _OLD.sub(lambda module: _MOVED[module[1]], text)


def subclasses(base: type[Kind]) -> Iterator[type[Kind]]:
    """List the imported subclasses of a class, at any depth."""
    for kind in base.__subclasses__():
        yield kind
        yield from subclasses(kind)


def imported(path: str) -> Any:
    """Find a dotted path in an imported module; None if it isn't there.

    Nothing runs: a module's `__getattr__`, which may import others, isn't called.

    >>> imported("pathlib.Path") is Path, imported("antigravity.fly")
    (True, None)
    """
    module, _, name = path.rpartition(".")
    return vars(sys.modules[module]).get(name) if module in sys.modules else None


def import_all(modules: Sequence[str]) -> None:
    """Import modules that the user typed, from the working folder as well.

    Raises:
        OptionError: If one can't be imported.
    """
    with working_folder():
        for module in modules:
            try:
                import_typed(module)
            except ImportError as error:
                raise OptionError(
                    f"The module {module!r} can't be imported ({error}); expected one that runs; correct --import."
                ) from error


def class_at(path: str, base: type[Kind]) -> type[Kind]:
    """Import a concrete class that the user typed.

    Args:
        path: Its dotted path.
        base: Its base class.

    Raises:
        ImportError: If there is none; the message gives the reason.

    >>> from bachlit.decoding import Decoder
    >>> class_at("bachlit.decoding.Greedy", Decoder).__name__
    'Greedy'
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:  # whatever a module of the user's does when it runs
        raise ImportError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    if not inspect.isclass(found) or not issubclass(found, base) or inspect.isabstract(found):
        raise ImportError(f"{module} has no {base.__name__} of that name that can be made")
    return found


def class_named(name: str, base: type[Kind]) -> type[Kind]:
    """Find a concrete imported subclass by its bare name, wherever it was defined.

    Raises:
        ImportError: If there is none, or several; the message gives the reason.
    """
    named = (kind for kind in subclasses(base) if kind.__name__ == name and not inspect.isabstract(kind))
    found = {kind for kind in named if imported(path_of(kind)) is kind}  # not of a module's earlier import
    if len(found) != 1:
        paths = ", ".join(sorted(map(path_of, found)))
        raise ImportError(f"there are several: {paths}" if found else "no imported module has it")
    return found.pop()


def import_typed(module: str) -> None:
    """Import a module that the user typed; it may lie in the working folder.

    Raises:
        ImportError: If it can't be imported; the message gives the reason, and the line in the user's file.
    """
    allow([module])
    try:
        import_module(module)
    except Exception as error:  # whatever a module of the user's does when it runs
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        _, *frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "importlib" not in frame.filename]
        place = f", line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else ""
        raise ImportError(f"{reason}{place}") from error


@contextmanager
def working_folder() -> Iterator[None]:
    """Allow imports from the working folder, but only of modules that `allow` names, and of what they import there.

    If the folder were on `sys.path`, a planted file with the name of an optional package would run when a library
    looks for that package.
    """
    finder = _WorkingFolder(Path.cwd())
    sys.meta_path.append(finder)  # last: nothing in the folder replaces an installed module
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        os.environ.pop(SERVED, None)


def allow(paths: Collection[str]) -> None:
    """Allow imports of the modules of typed dotted paths from the working folder; see `working_folder`."""
    for finder in sys.meta_path:
        if isinstance(finder, _WorkingFolder):
            finder.names |= {path.partition(".")[0] for path in paths}


def serve_spawned() -> None:
    """Allow a spawned process the modules that its parent imported from the working folder: it gets their objects."""
    names = os.environ.get(SERVED)
    if names and "--multiprocessing-fork" in sys.orig_argv:
        finder = _WorkingFolder(Path.cwd())
        finder.names.update(json.loads(names))
        sys.meta_path.append(finder)


def tell_of_served(tell: Callable[[str], None]) -> None:
    """Call a function with each module imported from the working folder, past and future."""
    for finder in sys.meta_path:
        if isinstance(finder, _WorkingFolder):
            finder.tell = tell
            for name in finder.found:
                tell(name)


class _WorkingFolder(MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self.names, self.found = set[str](), set[str]()
        self.tell: Callable[[str], None] = lambda _: None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a typed module, or one that a module found here imports; packages find their own parts."""
        if path is not None or not (fullname in self.names or _importer() in self.found):
            return None
        spec = PathFinder.find_spec(fullname, [self._folder])
        if spec is not None:
            self.found.add(fullname)
            os.environ[SERVED] = json.dumps(sorted(self.found))
            self.tell(fullname)
        return spec


def _importer() -> str:
    """Name the top-level package whose code runs the current import."""
    frame = sys._getframe(2)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "importlib":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def typed_paths(words: Sequence[str], documents: Sequence[Any] = ()) -> set[str]:
    """Collect typed dotted paths that may name classes.

    Args:
        words: The command line, options as `--name=value`; those that name files and folders are ignored.
        documents: Contents of typed configurations.

    >>> sorted(typed_paths(["tune.mid", "--decoder=mine.Own", "--rules.my.Rule=3", "--output=a.b"]))
    ['mine.Own', 'my.Rule']
    >>> typed_paths([], [{"model": {"loss": "mine.Loss"}, "data": {"corpus": {"path": "my.folder"}}}])
    {'mine.Loss'}
    """
    found = {name for document in documents for name in _named(document)}
    for word in words:
        name, _, value = word.removeprefix("--").partition("=")
        first, _, rest = name.partition(".")
        if word.startswith("--") and first.rstrip("+") in _CLASS_OPTIONS:
            found |= set(_named({rest if first == "rules" else name.rpartition(".")[2].rstrip("+"): value}))
    return found


def _named(value: Any, option: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _PATH.findall(str(key))
            yield from _named(part, str(key))
    elif isinstance(value, list):
        for part in value:
            yield from _named(part, option)
    elif isinstance(value, str) and option not in _PLACES:
        yield from _PATH.findall(value)
