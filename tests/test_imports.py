"""Imports point one way, and light commands stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may know of the others, the lowest floor first.
MAY_IMPORT = {
    "errors": set(),
    "tokens": set(),
    "classes": set(),
    "internals": set(),
    "extras": {"errors"},
    "files": {"errors"},
    "music": {"errors"},
    "scores": {"errors", "files", "music"},
    "encoding": {"errors", "music", "tokens"},
    "metrics": {"errors", "music"},
    "decoding": {"errors", "tokens"},
    "networks": {"encoding", "errors", "music", "tokens"},
    "rendering": {"errors", "extras", "files", "music", "scores"},
    "corpus": {"errors", "files", "music", "scores"},
    "models": {"classes", "encoding", "errors", "files", "music", "networks", "tokens"},
    "generation": {"classes", "decoding", "encoding", "errors", "metrics", "models", "music", "tokens"},
    "testing": {"decoding", "encoding", "generation", "metrics", "music", "networks", "tokens"},
    "api": {"decoding", "errors", "generation", "models", "music", "scores"},
    "training": {
        "corpus", "decoding", "encoding", "errors", "generation", "internals", "metrics", "models", "music", "networks",
        "scores", "tokens",
    },
    "evaluation": {
        "classes", "corpus", "decoding", "errors", "files", "generation", "metrics", "models", "music", "rendering",
        "scores",
    },
    "callbacks": {
        "decoding", "errors", "evaluation", "extras", "files", "generation", "internals", "models", "music",
        "rendering", "scores", "training",
    },
    "sweeping": {"errors", "extras", "files", "rendering"},
    "commands": {
        "api", "callbacks", "classes", "corpus", "decoding", "encoding", "errors", "evaluation", "files", "generation",
        "internals", "models", "music", "networks", "rendering", "scores", "sweeping", "training",
    },
    "benchmark": {"corpus", "decoding", "encoding", "errors", "files", "generation", "models", "music", "networks",
                  "training"},
    "__init__": {"api", "classes", "models", "music"},
    "__main__": {"classes", "commands", "errors", "extras"},
}  # fmt: skip


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
        rooms = {name.split(".")[1] for name in imported(path) if name.startswith("bachlit.")}
        assert rooms - {room} <= MAY_IMPORT[room], f"{path} may not know {rooms - {room} - MAY_IMPORT[room]}"


def test_every_room_is_listed_above_those_that_it_knows() -> None:
    """So there is no circle."""
    assert set(MAY_IMPORT) == {room for room, _ in modules()}
    floors = list(MAY_IMPORT)
    for room, others in MAY_IMPORT.items():
        assert all(floors.index(other) < floors.index(room) for other in others), room


def test_only_the_reader_imports_music21() -> None:
    readers = [path for _, path in modules() if any(name.split(".")[0] == "music21" for name in imported(path))]
    assert len(readers) == 1
    assert readers[0].name == "kern.py"


@pytest.mark.parametrize("room", ["encoding", "music.chorale", "music.keys", "music.prompt"])
def test_the_values_need_numpy_alone(room: str) -> None:
    assert loaded_by(f"import bachlit.{room}", "torch", "music21", "pytorch_lightning", "wandb") == []


@pytest.mark.parametrize("room", ["rendering", "rendering.plots", "commands.plot", "commands.music"])
def test_what_draws_is_loaded_when_it_draws(room: str) -> None:
    assert loaded_by(f"import bachlit.{room}", "matplotlib", "verovio", "resvg_py") == []


def test_plots_leave_pyplot_and_its_backends_alone() -> None:
    code = (
        "from bachlit import Chorale; from bachlit.rendering.plots import piano_roll; "
        "piano_roll(Chorale.from_pitches([[67, 64, 60, 48]] * 16))"
    )
    assert loaded_by(code, "matplotlib", "matplotlib.pyplot") == ["matplotlib"]


@pytest.mark.parametrize("room", ["api", "commands.music", "networks", "decoding", "models.language_model"])
def test_light_commands_load_neither_lightning_nor_wandb(room: str) -> None:
    assert loaded_by(f"import bachlit.{room}", "pytorch_lightning", "lightning", "wandb", "torchmetrics") == []


def test_harmonizing_loads_neither_lightning_nor_wandb(tmp_path: Path) -> None:
    tune = ROOT / "examples" / "twinkle.musicxml"
    code = f"from bachlit.__main__ import main; main(['harmonize', {str(tune)!r}, '--output', {str(tmp_path / 'x')!r}])"
    heavy = ("pytorch_lightning", "lightning", "wandb", "torchmetrics", "matplotlib", "verovio", "resvg_py")
    assert loaded_by(code, *heavy) == []


def loaded_by(code: str, *packages: str) -> list[str]:
    """Which of the packages a fresh Python has loaded after some code."""
    check = f"{code}\nimport sys\nprint('loaded', [name for name in {packages!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=ROOT / "tests")
    return ast.literal_eval(done.stdout.rpartition("loaded ")[2])
