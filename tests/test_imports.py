"""Imports point one way, and light commands stay light."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fits import TWINKLE

ROOT = Path(__file__).parents[1]

# What each room may know of the others, the lowest floor first.
MAY_IMPORT = {
    "errors": set(),
    "tokens": set(),
    "classes": {"errors"},
    "internals": {"classes"},
    "extras": {"errors"},
    "processes": set(),
    "files": {"errors"},
    "music": {"errors"},
    "scores": {"errors", "files", "music"},
    "encoding": {"errors", "music", "tokens"},
    "metrics": {"errors", "music"},
    "decoding": {"errors", "tokens"},
    "networks": {"encoding", "errors", "music", "tokens"},
    "rendering": {"errors", "extras", "files", "music", "scores"},
    "corpus": {"errors", "files", "music", "scores"},
    "models": {"classes", "encoding", "errors", "files", "music", "networks", "rendering", "tokens"},
    "phrases": {"corpus", "errors", "files", "music", "scores"},
    "generation": {
        "classes", "decoding", "encoding", "errors", "metrics", "models", "music", "phrases", "scores", "tokens",
    },
    "checking": {"errors", "generation", "metrics", "models", "music", "scores"},
    "api": {"decoding", "errors", "generation", "models", "music", "scores"},
    "training": {
        "classes", "corpus", "decoding", "encoding", "errors", "generation", "internals", "metrics", "models", "music",
        "networks", "scores", "tokens",
    },
    "evaluation": {
        "classes", "corpus", "decoding", "errors", "files", "generation", "metrics", "models", "music", "rendering",
        "scores",
    },
    "callbacks": {
        "decoding", "errors", "evaluation", "extras", "files", "generation", "internals", "models", "music",
        "rendering", "scores", "training",
    },
    "testing": {
        "callbacks", "corpus", "decoding", "encoding", "errors", "evaluation", "generation", "metrics", "models",
        "music", "networks", "tokens", "training",
    },
    "calibrate": {
        "api", "classes", "corpus", "decoding", "errors", "evaluation", "files", "generation", "metrics", "models",
        "music",
    },
    "distill": {
        "classes", "decoding", "encoding", "errors", "evaluation", "files", "generation", "models", "music", "networks",
        "processes", "tokens", "training",
    },
    "sweeping": {"errors", "extras", "files", "internals", "rendering"},
    "serving": {
        "api", "checking", "classes", "corpus", "decoding", "encoding", "errors", "extras", "files", "generation",
        "metrics", "models", "music", "networks", "processes", "rendering", "scores",
    },
    "commands": {
        "api", "callbacks", "checking", "classes", "corpus", "decoding", "encoding", "errors", "evaluation", "extras",
        "files", "generation", "internals", "metrics", "models", "music", "networks", "processes", "rendering",
        "scores", "serving", "sweeping", "training",
    },
    "benchmark": {
        "api", "corpus", "decoding", "encoding", "errors", "files", "generation", "models", "music", "networks",
        "scores", "training",
    },
    "__init__": {
        "api", "callbacks", "checking", "classes", "corpus", "decoding", "encoding", "evaluation", "metrics", "models",
        "music", "networks", "rendering", "scores", "testing", "training",
    },
    "__main__": {"classes", "commands", "errors", "extras", "internals"},
}  # fmt: skip

# The one import against the direction: a chorale that a notebook shows has rendering register itself.
HOOK = (ROOT / "bachlit" / "music" / "chorale.py", "bachlit.rendering.notebook")


def modules() -> list[tuple[str, Path]]:
    """Every module with the room that it belongs to."""
    found = [
        (path.relative_to(ROOT / "bachlit").parts[0].removesuffix(".py"), path) for path in ROOT.glob("bachlit/**/*.py")
    ]
    return found + [("callbacks", path) for path in ROOT.glob("callbacks/*.py")]


def imported(path: Path) -> set[str]:
    """The full names that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    for path in (path for home, path in modules() if home == room):
        names = {name for name in imported(path) if (path, name) != HOOK}
        rooms = {name.split(".")[1] for name in names if name.startswith("bachlit.")}
        assert rooms - {room} <= MAY_IMPORT[room], f"{path} may not know {rooms - {room} - MAY_IMPORT[room]}"


def test_every_room_is_listed_above_those_that_it_knows() -> None:
    """So there is no circle."""
    assert set(MAY_IMPORT) == {room for room, _ in modules()}
    floors = list(MAY_IMPORT)
    for room, others in MAY_IMPORT.items():
        assert all(floors.index(other) < floors.index(room) for other in others), room


def test_only_one_reader_imports_music21() -> None:
    readers = [path for _, path in modules() if any(name.split(".")[0] == "music21" for name in imported(path))]
    assert len(readers) == 1
    assert readers[0].name == "converted.py"


def test_every_package_is_installed() -> None:
    """A checkout runs without its list; a wheel lacks what isn't in it."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = [path.parent.relative_to(ROOT) for path in (ROOT / "bachlit").rglob("__init__.py")]
    assert sorted(packages) == sorted([".".join(folder.parts) for folder in folders] + ["bachlit.callbacks"])


# What is done one after the other in one process, and of which packages nothing may be loaded by then.
_HEAVY = (
    "pytorch_lightning",
    "lightning",
    "wandb",
    "torchmetrics",
    "verovio",
    "typst",
    "resvg_py",
    "matplotlib.pyplot",
)
STEPS = [
    ("import bachlit; assert 'ChoraleModel' in dir(bachlit)", ("numpy", "torch", *_HEAVY)),
    ("from bachlit import Chorale, Prompt; repr(Prompt.voices(Chorale.from_pitches([[67, 64, 60, 48]] * 16), 'bass'))",
     ("torch", "music21", "matplotlib", "bachlit.scores", *_HEAVY)),
    ("import bachlit.music.chorale, bachlit.music.keys, bachlit.music.prompt, bachlit.encoding",
     ("torch", "music21", "matplotlib", *_HEAVY)),
    ("import bachlit.networks, bachlit.decoding, bachlit.models.language_model, bachlit.api", ("matplotlib", *_HEAVY)),
    ("import bachlit.rendering, bachlit.rendering.plots, bachlit.commands.plot, bachlit.commands.music",
     ("matplotlib", *_HEAVY)),
    ("from bachlit.__main__ import main; assert main(['harmonize', 'twinkle.musicxml', '--output', 'x']) == 0",
     ("matplotlib", *_HEAVY)),
    ("from bachlit import Chorale; from bachlit.rendering.plots import piano_roll; "
     "piano_roll(Chorale.from_pitches([[67, 64, 60, 48]] * 16))", _HEAVY),
]  # fmt: skip


def test_light_commands_stay_light_and_what_draws_is_loaded_when_it_draws(tmp_path: Path) -> None:
    """In one process that starts cold: values, models, commands, a harmonisation and a picture after each other."""
    shutil.copy(TWINKLE, tmp_path)
    code = "import sys\n" + "".join(
        f"{step}\nprint('loaded', [name for name in {packages!r} if name in sys.modules])\n" for step, packages in STEPS
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = [line.removeprefix("loaded ") for line in done.stdout.splitlines() if line.startswith("loaded ")]
    assert loaded == ["[]"] * len(STEPS)
