"""Imports point one way, and light commands stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may know of the others.
MAY_IMPORT = {
    "errors": set(),
    "escaping": {"scores"},
    "files": set(),
    "marks": set(),
    "replacing": {"errors", "marks"},
    "checkpoints": {"errors", "files"},
    "classes": set(),
    "internals": set(),
    "runs": {"checkpoints", "errors", "shipped"},
    "tokens": set(),
    "shipped": set(),
    "keys": set(),
    "chorale": {"errors", "keys"},
    "places": {"chorale", "errors", "files", "marks", "rendering", "scores"},
    "prompt": {"chorale", "errors"},
    "encoding": {"chorale", "errors", "keys", "tokens"},
    "scores": {"chorale", "errors", "files", "keys", "marks"},
    "corpus": {"chorale", "errors", "files", "keys", "scores"},
    "tunes": {"chorale"},
    "splits": {"chorale", "corpus", "errors", "tunes"},
    "windows": {"encoding", "errors", "tokens"},
    "streams": {"encoding", "tokens", "windows"},
    "data": {"chorale", "corpus", "encoding", "errors", "keys", "prompt", "scores", "splits", "streams", "windows"},
    "networks": {"chorale", "encoding", "errors", "tokens"},
    "decoding": {"errors", "tokens"},
    "metrics": {"chorale", "errors", "keys"},
    "language_model": {
        "checkpoints", "chorale", "classes", "encoding", "errors", "files", "keys", "networks", "runs", "shipped",
        "tokens",
    },
    "writing": {
        "chorale", "decoding", "encoding", "errors", "keys", "language_model", "prompt", "token_prompts", "tokens",
    },
    "composing": {
        "chorale", "decoding", "encoding", "errors", "keys", "language_model", "token_prompts", "tokens", "writing",
    },
    "model": {
        "decoding", "encoding", "errors", "keys", "language_model", "metrics", "networks", "processes",
        "prompt", "resuming", "windows", "writing",
    },
    "resuming": {"checkpoints", "errors", "networks"},
    "processes": set(),
    "token_prompts": {"chorale", "decoding", "encoding", "errors", "keys", "prompt", "tokens"},
    "inspecting": {"chorale", "encoding", "errors", "keys", "language_model", "networks"},
    "plotting": {
        "api", "errors", "inspecting", "language_model", "places", "rendering", "replacing", "scores", "shipped",
    },
    "rendering": {"chorale", "errors", "scores"},
    "testing": {"chorale", "decoding", "encoding", "keys", "metrics", "networks", "prompt", "token_prompts", "tokens"},
    "callbacks": {
        "checkpoints", "chorale", "decoding", "errors", "escaping", "evaluation", "files", "internals",
        "language_model", "model", "places", "processes", "prompt", "rendering", "replacing", "scores",
        "tracking", "writing",
    },
    "evaluation": {
        "api", "checkpoints", "chorale", "classes", "corpus", "decoding", "errors", "escaping", "files", "keys",
        "language_model", "marks", "metrics", "prompt", "ranking", "rendering", "replacing", "rules_by_name", "runs",
        "scores", "shipped", "splits", "token_prompts", "writing",
    },
    "typed_classes": {"classes", "corpus", "encoding", "networks"},
    "sweeping": {"cli", "commands", "configurations", "errors", "escaping", "files", "rendering"},
    "tracking": {"errors", "internals", "offline_runs"},
    "offline_runs": set(),
    "loggers": {"errors", "internals", "runs", "tracking"},
    "configurations": {"errors"},
    "parser_words": {"errors"},
    "explaining": {"errors", "parser_words"},
    "rehearsing": {"errors", "explaining", "model"},
    "rules_by_name": {"classes", "decoding", "errors", "writing"},
    "ranking": {"decoding", "metrics", "writing"},
    "api": {"chorale", "composing", "decoding", "errors", "language_model", "prompt", "scores", "shipped", "writing"},
}  # fmt: skip
FREE = {"__init__", "__main__", "cli", "commands", "parsing", "benchmark"}


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


@pytest.mark.parametrize(
    ("room", "path"), modules(), ids=lambda value: value.name if isinstance(value, Path) else value
)
def test_imports_point_one_way(room: str, path: Path) -> None:
    if room in FREE:
        return
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("bachlit.")}
    assert rooms - {room} <= MAY_IMPORT[room], f"{room} may not know {rooms - {room} - MAY_IMPORT[room]}"


def test_only_the_reader_imports_music21() -> None:
    readers = [path for _, path in modules() if any(name.split(".")[0] == "music21" for name in imported(path))]
    assert len(readers) == 1
    assert readers[0].parent.name == "scores"


@pytest.mark.parametrize("room", ["chorale", "encoding", "keys", "prompt"])
def test_the_values_need_numpy_alone(room: str) -> None:
    assert loaded_by(f"import bachlit.{room}", "torch", "music21", "pytorch_lightning", "wandb") == []


@pytest.mark.parametrize("room", ["rendering", "rendering.plots", "plotting", "commands.music"])
def test_what_draws_is_loaded_when_it_draws(room: str) -> None:
    assert loaded_by(f"import bachlit.{room}", "matplotlib", "verovio", "resvg_py") == []


def test_plots_leave_pyplot_and_its_backends_alone() -> None:
    code = (
        "from bachlit import Chorale; from bachlit.rendering.plots import piano_roll; "
        "piano_roll(Chorale.from_pitches([[67, 64, 60, 48]] * 16))"
    )
    assert loaded_by(code, "matplotlib", "matplotlib.pyplot") == ["matplotlib"]


@pytest.mark.parametrize("room", ["api", "commands.music", "networks", "decoding", "language_model"])
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
