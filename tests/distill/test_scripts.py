"""Scripts of whole distillations: their commands are understood, and what each of them reads is made before it."""

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from forking import python
from processes import few_pieces

from bachlit.__main__ import main
from bachlit.music.chorale import Chorale

ROOT = Path(__file__).parents[2]

# In the place of `bachlit` and `python -m`: they only tell what they were asked for. Words are parted by tabs.
_TELLING = """#!/bin/sh
[ "$1" != -c ] || exec {python} "$@"
words=$(printf '\\t%s' "$@")
printf '%s\\n' "${{0##*/}}$words" >> told
"""


def told(folder: Path, bach: list[Chorale], script: str, *options: str) -> list[list[str]]:
    """The commands of a script in `examples`, one after another."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "bin").mkdir()
    for name in ("bachlit", "python"):
        stand_in = folder / "bin" / name
        stand_in.write_text(_TELLING.format(python=python()))
        stand_in.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", str(ROOT / "examples" / script), *options, *few_pieces(folder, bach)]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return [line.split("\t") for line in (folder / "told").read_text().splitlines()]


def given(words: list[str], *options: str) -> list[str]:
    """The values of options in a command."""
    return [value for option, value in pairwise(words) if option in options]


@pytest.mark.parametrize(
    ("script", "num_fits"), [(["distil.sh", "configs/bach.yaml"], 9), (["distil-jsb16.sh"], 13)], ids=["bach", "jsb16"]
)
def test_a_script_s_commands_are_understood_and_read_what_was_made_before(
    script: list[str],
    num_fits: int,
    tmp_path: Path,
    bach: list[Chorale],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = told(tmp_path, bach, *script)
    monkeypatch.chdir(tmp_path)
    made = set[str]()
    for words in commands:
        read = given(words, "--teacher", "--checkpoint", "--model.start", "--data.lessons.path")
        assert made.issuperset(read), words
        assert len(given(words, "--run", "--output")) == 1
        assert made.isdisjoint(given(words, "--run", "--output"))
        made.update(given(words, "--run", "--output"))
    fits = [words[1:] for words in commands if words[:2] == ["bachlit", "fit"]]
    assert len(fits) == num_fits
    assert commands[-1][:2] == ["bachlit", "export"]
    for words in fits:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--print_config"])
        assert not ended.value.code, capsys.readouterr().err
        assert given(words, "--trainer.max_epochs") == given(words, "--model.lr_scheduler.init_args.T_max")
