"""README and the guides are true: their code blocks run, their links and the names in them exist.

A block of Python or YAML whose first line names a file (`# nucleus.py`) is kept under that name; all other Python is
run. Commands of bachlit are run on pieces of a few bars, or, where they would take long, parsed by their own parsers.
"""

import dataclasses
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from shortened import shortened as short

import bachlit.testing
from bachlit import Chorale
from bachlit.__main__ import main
from bachlit.generation.named_rules import rules_help
from bachlit.scores import write_midi, write_musicxml

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.md"))
GUIDES = ["README.md", ".github/CONTRIBUTING.md", *(f"examples/{name}" for name in EXAMPLES)]
CARDS = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("bachlit/pretrained/*/README.md"))]

# First words of what sets up, tests or needs a cluster, an account or hours; curl is tested beside the service.
OUTSIDE = {".", ".ci/run", "curl", "mypy", "pip", "python", "python3", "ruff", "sbatch", "sh", "wandb"}
KINDS = {"bash", "bibtex", "python", "yaml", ""}

# Guides rewrite bars 5 to 8, and give chords to four: a bar of a quarter keeps decoding short.
BAR = 4
QUICK = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
SHORT = [
    *QUICK,
    "--trainer.max_epochs=1",
    "--trainer.limit_train_batches=1",
    "--trainer.precision=32-true",
    "--trainer.logger=CSVLogger",
    "--model.network.hidden=12",
    "--data.lanes=2",
    "--data.corpus=Jsb16Corpus",
    "--data.corpus.path=FOLDER",
]
LITTLE = [
    *("--limit", "1", "--resamples", "1", "--decoders", "greedy", "--missing", "S"),
    *("--corpus", "Jsb16Corpus", "--corpus.path", "FOLDER"),
]


def text_of(guide: str) -> str:
    return (ROOT / guide).read_text(encoding="utf-8")


def blocks(guide: str) -> list[tuple[str, str]]:
    """The code blocks of a guide: their language and their text."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text_of(guide), re.MULTILINE | re.DOTALL)


def name_of(block: str) -> str | None:
    """The file as which a block is kept, if its first line names one."""
    named = re.match(r"# (\w+\.(?:py|yaml))\n", block)
    return named[1] if named else None


def commands(block: str) -> Iterator[list[str]]:
    """The words of each command of a shell's block, without comments and settings of the environment."""
    for line in block.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), "&&"]:
            if word != "&&":
                words.append(word)
            elif words:
                yield words[next(index for index, first in enumerate(words) if "=" not in first) :]
                words = []


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bach: list[Chorale]) -> Path:
    """A folder with what guides name: configurations, examples of a few bars, scores, and a small corpus."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "examples").mkdir()
    for script in (ROOT / "examples").glob("*.py"):
        shutil.copy(script, tmp_path / "examples")
    chorale = cut(bach[0], 8 * BAR)
    write_musicxml(chorale, tmp_path / "chorale.musicxml")
    short = cut(bach[0], 4 * BAR)
    for name in ("tune", "examples/twinkle"):
        write_musicxml(short.only("soprano"), tmp_path / f"{name}.musicxml")
    write_midi(short.only("soprano"), tmp_path / "tune.mid")
    write_musicxml(short.only("bass"), tmp_path / "bass.musicxml")
    (tmp_path / "songs").mkdir()
    (tmp_path / "exercises").mkdir()
    write_musicxml(short, tmp_path / "exercises" / "first.musicxml")
    for place in ("song.mid", "songs/a.mid"):
        write_midi(short.only("soprano", "bass"), tmp_path / place)
    (tmp_path / "lead_sheet.abc").write_text('X:1\nM:1/4\nL:1/4\nK:G\n"G"B|"D7"A|\n')
    for book in ("tunes.abc", "more.abc"):
        (tmp_path / book).write_text("X:1\nM:1/4\nL:1/4\nK:G\nB|A|\n\nX:2\nM:1/4\nL:1/4\nK:C\nc|\n")
    for name in ("frame", "unfinished"):
        write_musicxml(short.only("soprano", "bass"), tmp_path / f"{name}.musicxml")
    pieces = [cut(piece, 8 * BAR).pitches.tolist() for piece in bach[:4]]
    (tmp_path / "FOLDER").mkdir()
    for fold in ("train", "valid", "test"):
        (tmp_path / "FOLDER" / f"{fold}.json").write_text(json.dumps(pieces), encoding="utf-8")
    (tmp_path / "pieces.json").write_text(json.dumps(pieces), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cut(piece: Chorale, end: int) -> Chorale:
    """The first sixteenths of a piece, in bars of a quarter."""
    fields = {field: getattr(piece, field)[:end] for field in ("pitches", "onsets", "fermatas")}
    return dataclasses.replace(piece, **fields, bars=(), order=(), pickup=0, time_signature=(1, BAR))


@pytest.fixture
def modules(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python finds the files of the workshop, and forgets them afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(workshop)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(workshop)):
            del sys.modules[name]


def parsed(words: list[str]) -> list[str]:
    """A command that prints the options that it understood, and does nothing."""
    return [*words, "--print_config"]


def shortened(words: list[str]) -> list[list[str]]:
    """The commands that are run for one of a guide: on less, or only parsed."""
    command = words[0]
    if command == "harmonize":
        decoder = [] if {"--decoder", "--config"}.intersection(words) else ["--decoder", "Greedy"]
        alone = ["--workers", "1"] if "--workers" in words else []
        return [[*words, *decoder, *alone, "--overwrite"]]
    means = words.count("--checkpoint") > 1  # of students, who weren't taught
    if (command in ("check", "export") and not means) or (command == "compose" and "--bars" in words):
        return [[*words, *(["--bars", "1"] if command == "compose" else []), "--overwrite"]]
    if command == "evaluate" and "--limit" in words and not {"--fold", "--config"}.intersection(words):
        return [[*words, *LITTLE]]
    if command == "fit" and "--run" in words:
        run = Path("runs", words[words.index("--run") + 1])
        taught = "--data.lessons.path" in words  # by a file of hours
        return [parsed(words)] if taught or run.exists() else [[*words, *SHORT]]
    if command == "sweep" and "--" in words:
        at = words.index("--")
        return [parsed(words[:at]), parsed(["fit", *words[at + 1 :]])]
    return [parsed(words)]


def failure(words: list[str], capsys: pytest.CaptureFixture[str]) -> str | None:
    """What went wrong where a command of bachlit is run, if anything did."""
    try:
        code = main(words)
    except SystemExit as ended:  # --print_config
        code = int(ended.code or 0)
    _, told = capsys.readouterr()
    found_faults = words[0] == "check" and code == 1
    return f"bachlit {shlex.join(words)}\n{told}" if code and not found_faults else None


@pytest.mark.usefixtures("modules", "with_a_small_default")
@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.filterwarnings("ignore")
def test_the_code_of_a_guide_works(
    guide: str, workshop: Path, bach: list[Chorale], capsys: pytest.CaptureFixture[str]
) -> None:
    for _, block in blocks(guide):
        if name := name_of(block):
            (workshop / name).write_text(block, encoding="utf-8")
    failures = []
    for kind, block in blocks(guide):
        assert kind in KINDS
        if kind == "python" and not name_of(block):
            pieces = [cut(piece, 8 * BAR) for piece in bach[:20]]
            with short(pieces) if "pl.Trainer(" in block else nullcontext():
                exec(compile(block, guide, "exec"), {"__name__": "guide"})
        if kind == "yaml":
            assert f"--config {name_of(block)}" in text_of(guide), "a configuration is given to its command"
        for words in commands(block) if kind == "bash" else []:
            if words[0] == "bachlit":
                failures += [failure(short, capsys) for short in shortened(words[1:])]
            else:
                assert words[0] in OUTSIDE, f"{guide} doesn't say how {words[0]} is tested"
    assert not any(failures), "\n".join(filter(None, failures))


def test_training_from_python_takes_25_lines() -> None:
    [block] = [block for kind, block in blocks("examples/training.md") if kind == "python" and "ChoraleModel" in block]
    assert len(block.splitlines()) <= 25
    assert all(call in block for call in (".fit(", ".test(", "evaluate(", "harmonize("))


def slugs(text: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", [*GUIDES, *CARDS])
def test_links_lead_somewhere(guide: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(guide)):
        place, _, anchor = link.partition("#")
        if not place.startswith("https:"):
            path = (ROOT / guide).parent / place if place else ROOT / guide
            assert path.exists(), link
            assert not anchor or anchor in slugs(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("guide", [*GUIDES, *CARDS])
def test_files_that_a_guide_names_are_there(guide: str) -> None:
    for name in re.findall(r"(?<![\w/.-])((?:bachlit|configs|examples|tests)/[\w./-]*\w)", text_of(guide)):
        assert (ROOT / name).exists(), name


def test_every_promise_names_tests_that_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", text_of("examples/promises.md"))
    assert len(named) > 30
    for file, test in named:
        path = ROOT / "tests" / file
        assert path.is_file(), file
        assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_guide_has_the_usual_number_of_every_rule() -> None:
    rules = re.findall(r"^ +([A-Z]\w+) +([\d./inf-]+) +([\d./inf-]+)  ", rules_help(), re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)`: .* \| (.*?) \| (.*?) \|$", text_of("examples/harmonizing.md"), re.MULTILINE)
    assert rows == [(name, search.replace("/", ", "), draw) for name, search, draw in rules]
    assert len(rows) > 10


def test_every_law_is_run_on_a_part_of_under_forty_lines() -> None:
    code = [block for kind, block in blocks("examples/extending.md") if kind == "python"]
    laws = {name for name in bachlit.testing.__all__ if name.startswith("check_")}
    assert laws == set(re.findall(r"\b(check_\w+)\(", "".join(code)))
    assert laws == set(re.findall(r"`(check_\w+)`", text_of("examples/extending.md").partition("## ")[0]))
    assert max(len(block.splitlines()) for block in code) < 40


def test_readme_names_every_room() -> None:
    tree = next(block for kind, block in blocks("README.md") if not kind)
    rooms = {path.name for path in (ROOT / "bachlit").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert set(re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)) == rooms


def test_the_reading_order_is_about_as_long_as_it_says() -> None:
    rows = re.findall(r"^\| (`bachlit/.*?) \| (\d+) \|", text_of("README.md"), re.MULTILINE)
    assert len(rows) > 5
    for names, told in rows:
        first, *others = [Path(name) for name in re.findall(r"`(.*?)`", names)]
        paths = [ROOT / first, *(ROOT / first.parent / other for other in others)]
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
        assert 0.8 < lines / int(told) < 1.25, f"{names}: {lines}"


def test_every_guide_is_named_in_readme() -> None:
    assert all(f"({guide})" in text_of("README.md") for guide in GUIDES[1:])
