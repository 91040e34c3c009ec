"""Scripts of whole distillations: their commands are understood, and what each of them reads is made before it."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from forking import python
from processes import few_pieces

from bachlit.__main__ import main
from bachlit.distill import __main__ as distilling
from bachlit.music.chorale import Chorale

ROOT = Path(__file__).parents[2]

# In the place of `bachlit` and `python -m`: it writes down its words, parted by tabs, and fails where $FAILING is one.
_STAND_IN = """#!/bin/sh
[ "$1" != -c ] || exec {python} "$@"
words=$(printf '\\t%s' "$@")
printf '%s\\n' "${{0##*/}}$words" >> commands
case "$words" in *"${{FAILING:-none}}"*) exit 3 ;; esac
"""


def run(folder: Path, bach: list[Chorale], script: Sequence[str], failing: str = "none") -> tuple[int, list[list[str]]]:
    """Run a script of `examples` with stand-ins; its exit code, and its commands, one after another."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "bin").mkdir()
    for name in ("bachlit", "python"):
        stand_in = folder / "bin" / name
        stand_in.write_text(_STAND_IN.format(python=python()))
        stand_in.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "FAILING": failing}
    command = ["sh", str(ROOT / "examples" / script[0]), *script[1:], *few_pieces(folder, bach)]
    code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
    return code, [line.split("\t") for line in (folder / "commands").read_text().splitlines()]


def given(words: list[str], *options: str) -> list[str]:
    """Give the values of options in a command."""
    return [value for option, value in pairwise(words) if option in options]


def understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Parse a command of bachlit: the options that it understands."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--print_config"])
    out, err = capsys.readouterr()
    assert not ended.value.code, err
    options: dict[str, Any] = yaml.safe_load(out)
    return options


SCRIPTS = [(["distil.sh", "configs/bach.yaml"], 9), (["distil-jsb16.sh"], 10)]


@pytest.mark.parametrize(("script", "num_fits"), SCRIPTS, ids=["bach", "jsb16"])
def test_a_script_is_understood_and_reads_what_it_made(
    script: list[str],
    num_fits: int,
    tmp_path: Path,
    bach: list[Chorale],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, commands = run(tmp_path, bach, script)
    assert not code
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(distilling, "_distill", lambda _options: None)
    sizes = dict[str, tuple[int, int]]()  # of what was made
    fits, used = list[str](), set[str]()
    for program, *words in commands:
        read = given(words, "--teacher", "--checkpoint", "--model.start", "--data.lessons.path")
        assert sizes.keys() >= set(read), words
        used.update(read)
        [made] = given(words, "--run", "--output")
        assert made not in sizes
        if program == "python":
            assert distilling.main(words[2:]) == 0
            sizes[made] = (0, 0)
            continue
        options = understood(words, capsys)
        if words[0] == "export":
            [sizes[made]] = {sizes[one] for one in read}
            continue
        assert given(words, "--ckpt_path") == ["last"]
        network = options["model"]["network"]["init_args"]
        sizes[made] = network["hidden"], network["head"]
        for start in given(words, "--model.start"):
            assert sizes[start] == sizes[made]
        assert options["trainer"]["max_epochs"] == options["model"]["lr_scheduler"]["init_args"]["T_max"]
        fits.append(yaml.safe_dump(options | {"run": None}))
    assert len(set(fits)) == len(fits) == num_fits
    assert words[0] == "export"
    assert sizes.keys() - used == {made}  # nothing else was made in vain


@pytest.mark.parametrize(("failing", "other"), [("bach-student\t", "bach-teacher-4"), ("teacher-4", "bach-student")])
def test_where_a_fit_fails_the_other_ends_and_no_more_begins(
    failing: str, other: str, tmp_path: Path, bach: list[Chorale]
) -> None:
    code, commands = run(tmp_path, bach, ["distil.sh", "configs/bach.yaml"], failing)
    assert code == 3
    assert sum(words[0] == "python" for words in commands) == 1  # of the first round's lessons
    assert other in [run for words in commands for run in given(words, "--run")]
    assert "bach-student-2" not in str(commands)
