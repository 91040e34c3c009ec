"""A configuration is looked through before anything is made of it."""

import os
import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bachlit.__main__ import main
from bachlit.commands.options import Words
from bachlit.errors import OptionError
from bachlit.files.options import read_options

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

LEVELS = "abcdefghij"
LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n" for before, after in pairwise(LEVELS)
)
HOSTILE = {
    "nested lists": ("bars: " + "[" * 900 + "]" * 900, "values are nested more than 64 deep"),
    "more nested lists": ("bars: " + "[" * 3000 + "]" * 3000, ""),  # LibYAML has its own limit, and its own words
    "nested mappings": ("bars: " + "{a: " * 900 + "1" + "}" * 900, "values are nested more than 64 deep"),
    "nested by lines": ("".join(" " * at + "a:\n" for at in range(300)), "values are nested more than 64 deep"),
    "aliases of aliases": (LAUGHS, "more than 10,000 values"),
    "merged aliases of aliases": (
        "a: &a {x: 1}\n"
        + "".join(
            f"{after}: &{after} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n" for before, after in pairwise(LEVELS)
        ),
        "more than 10,000 values",
    ),
    "aliases that nest": (
        "a: &a0 [1]\n" + "".join(f"a{at}: &a{at} [*a{at - 1}]\n" for at in range(1, 3000)),
        "values are nested more than 64 deep",
    ),
    "an alias of itself": ("bars: &a [*a]", "values are nested more than 64 deep"),
    "a long list": ("bars: [" + "1, " * 20_000 + "1]", "more than 10,000 values"),
    "a long number": ("bars: " + "9" * 6000, "Exceeds the limit"),
    "a long word": ("bars: " + "a" * 20_000, "a value has more than 10,000 characters"),
    "much": ("# " + "a" * 300_000 + "\nbars: 3\n", "more than 256 kB"),
}
COMMANDS = ["harmonize tune.musicxml", "compose", "plot four.musicxml", "evaluate", "sweep --name s", "fit", "predict"]


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("command", COMMANDS)
def test_yaml_that_swells_is_refused_in_a_sentence(kind: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Aliases of aliases filled all memory; lists within lists ended in a RecursionError."""
    text, said = HOSTILE[kind]
    Path("hostile.yaml").write_text(text)
    begun = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert main([*command.split(), "--config", "hostile.yaml"]) == 2
    error = capsys.readouterr().err
    assert f"bachlit: The configuration hostile.yaml can't be used ({said}" in error
    assert error.count("\n") == 1
    assert "expected options in YAML" in error
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun[1] < 2**20
    assert [path.name for path in Path().iterdir()] == ["hostile.yaml"]


@pytest.mark.parametrize("kind", ["nested lists", "more nested lists", "aliases of aliases", "an alias of itself"])
@pytest.mark.parametrize("option", ["--config", "--rules", "--decoder"])
def test_yaml_that_swells_on_the_command_line_is_refused(
    kind: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, said = HOSTILE[kind]
    spelled = [option, text], [f"{option}={text}"]
    for words in spelled[:1] if kind == "more nested lists" else spelled:  # which takes seconds to refuse
        assert main(["compose", *words]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert said in error or "There is no decoder" in error


def test_deeply_nested_options_of_a_fit_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before Lightning is loaded, and after."""
    assert main(["fit", "--config", "[" * 10_000]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_base_of_a_sweep_is_bounded_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hostile.yaml").write_text(LAUGHS)
    Path("sweep.yaml").write_text("name: s\nspace: {data.window: [8, 16]}\n")
    assert main(["sweep", "--config=sweep.yaml", "--base=hostile.yaml", "--trials=1"]) == 2
    assert "hostile.yaml can't be used (more than 10,000 values)" in capsys.readouterr().err


def test_a_pipe_is_not_waited_for_and_a_device_not_read_to_its_end() -> None:
    """The first took all night, the second all memory."""
    os.mkfifo("pipe")
    with pytest.raises(OptionError, match=r"pipe can't be used \(a pipe\); expected options in YAML"):
        read_options(Path("pipe"))
    with pytest.raises(OptionError, match=r"zero can't be used \(more than 256 kB\); expected options in YAML"):
        read_options(Path("/dev/zero"))


def test_aliases_within_reason_are_read() -> None:
    Path("some.yaml").write_text("a: &a {x: 1, y: [2, 3]}\nb: {<<: *a, x: 4}\nc: [*a, *a]\n")
    _, options = read_options(Path("some.yaml"))
    assert options["b"] == {"x": 4, "y": [2, 3]}
    assert options["c"] == [options["a"]] * 2


@pytest.mark.parametrize("word", ["*a", "--output=*a", "[*a", "C | F : [", "--rules={a: *b}", "&", "%", "\t- a"])
def test_words_that_are_no_yaml_are_left_to_the_parser(word: str) -> None:
    assert Words.of([word]) == Words((word,))


def test_a_hostile_configuration_takes_no_longer_than_the_command_s_start() -> None:
    """In a process of its own, whose memory is bounded."""
    Path("hostile.yaml").write_text(LAUGHS)
    code = (
        "import resource, sys; from bachlit import commands; from bachlit.__main__ import main; "
        "used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "code = main(['compose', '--config=hostile.yaml']); "
        "sys.exit(code if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used < 100_000 else 99)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 2
