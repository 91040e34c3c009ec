"""Classes that are typed are found where one works, and nothing else there is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fits import TWINKLE
from sizes import LARGE

from bachlit.__main__ import main
from bachlit.classes import allow, class_at, imported, working_folder
from bachlit.commands.options import Words
from bachlit.decoding import Decoder

# Runs commands, a JSON list. Whatever module is looked for and isn't there is put into the working folder.
PLANTING = """
import importlib, json, sys
from pathlib import Path
class Planting:
    def find_spec(self, name, path=None, target=None):
        others = [one for one in sys.meta_path if one is not self and type(one).__module__ != "bachlit.classes"]
        if path is None and not Path(f"{name}.py").exists() and not any(one.find_spec(name, None) for one in others):
            Path(f"{name}.py").write_text(f"open('boom-{name}', 'w')")
            importlib.invalidate_caches()
sys.meta_path.insert(0, Planting())
from bachlit.__main__ import main
codes = []
for args in json.loads(sys.argv[1]):
    ran = sorted(path.name for path in Path().glob("*-ran"))
    codes.append(main(args))
print(codes, ran)
"""
HARMONIZE = ["harmonize", str(TWINKLE), "--decoder=Greedy", "--rules=none", "--output=out"]
OWN = [*HARMONIZE, "--import=mine"]
COMMANDS = [
    HARMONIZE,
    ["harmonize", "nope.mid"],
    [
        "predict", "--trainer.accelerator=cpu", f"--data.prompts={TWINKLE}", "--decoder=Greedy", "--rules=none",
        "--trainer.enable_progress_bar=false",
    ],
    ["fit", "--trainer.accelerator=cpu", "--model.network.hidden=0"],
]  # fmt: skip


def test_what_libraries_look_for_in_vain_is_not_run_from_the_working_folder(tmp_path: Path) -> None:
    """As `opt_einsum`, for which PyTorch looks: whoever sends a tune may send a file of that name with it.

    In a process that starts cold, since most is looked for when libraries are imported.
    """
    planting, folder = tmp_path / "planting.py", tmp_path / "sent"
    planting.write_text(PLANTING)
    folder.mkdir()
    (folder / "mine.py").write_text("import beside\nimport pytorch_lightning, torchmetrics\nopen('mine-ran', 'w')\n")
    (folder / "beside.py").write_text("open('beside-ran', 'w')\n")

    def run(*args: str | Path) -> str:
        return subprocess.run([sys.executable, *args], cwd=folder, capture_output=True, text=True, check=True).stdout

    # A module that is imported by its name runs, and before it none did.
    assert run("-P", planting, json.dumps([*COMMANDS, OWN])).splitlines()[-1] == "[0, 2, 0, 2, 0] []"
    assert (folder / "opt_einsum.py").is_file()
    if LARGE:
        run("-m", "bachlit", *OWN)
    assert {path.name for path in folder.glob("*-ran")} == {"mine-ran", "beside-ran"}
    assert list(folder.glob("boom-*")) == []


def test_the_working_folder_serves_what_was_typed_and_what_that_imports_and_is_left_as_it_was(
    in_a_folder_of_its_own: Path,
) -> None:
    (in_a_folder_of_its_own / "typed_here.py").write_text(
        "import beside_it_here\nfrom bachlit.decoding import Greedy\n"
    )
    (in_a_folder_of_its_own / "beside_it_here.py").write_text("")
    (in_a_folder_of_its_own / "not_typed_here.py").write_text("")
    before = list(sys.meta_path), list(sys.path)
    with working_folder():
        allow(["typed_here.Own"])
        assert class_at("typed_here.Greedy", Decoder).__name__ == "Greedy"
        assert "beside_it_here" in sys.modules
        with pytest.raises(ModuleNotFoundError):
            __import__("not_typed_here")
    assert (list(sys.meta_path), list(sys.path)) == before


def test_a_class_may_be_named_where_it_is_imported_from_another_file_of_ones_own(
    in_a_folder_of_its_own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parser calls it by a path in the other file, which wasn't typed."""
    (in_a_folder_of_its_own / "decoders_of_mine.py").write_text(
        "from bachlit.decoding import Greedy\n\n\nclass Own(Greedy):\n    pass\n"
    )
    (in_a_folder_of_its_own / "reexporting.py").write_text("from decoders_of_mine import Own\n")
    words = ["--rules=none", "--output=out", "--overwrite"]
    for name in ("reexporting", "decoders_of_mine"):
        assert main(["harmonize", str(TWINKLE), f"--decoder={name}.Own", *words]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["tune.mid", "--output", "a.b", "--checkpoint=c.d", "--png"], set()),
        (["--decoder", "mine.Own", "--decoder.width=3"], {"mine.Own"}),
        (["--decoder", '{"class_path": "mine.Own"}'], {"mine.Own"}),
        (["--decoders=beam,mine.Own,Greedy"], {"mine.Own"}),
        (["--rules.my.Rule", "3", "--rules.NoHidden=0"], {"my.Rule"}),
        (["--model.loss=mine.Focal", "--data.corpus.path=my.folder", "--data.prompts=a.mid"], {"mine.Focal"}),
        (["--trainer.callbacks+=mine.Callback", "--trainer.default_root_dir=x.y"], {"mine.Callback"}),
    ],
)  # fmt: skip
def test_typed_paths_are_those_of_options_that_hold_classes(words: list[str], paths: set[str]) -> None:
    assert Words.of(words).paths == paths


def test_what_is_imported_is_found_without_running_a_modules_getattr() -> None:
    assert imported("bachlit.decoding.Greedy") is not None
    assert imported("bachlit.harmonize") is None or "bachlit.api" in sys.modules  # by the package's __getattr__
    assert imported("nowhere.Own") is None
    assert imported("Own") is None
