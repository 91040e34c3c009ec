"""Several tunes at once: files, folders and books of tunes."""

import shutil
from pathlib import Path

import pytest
from fits import TWINKLE
from handwritten import line, note, score

from bachlit.__main__ import main
from bachlit.commands.batch import jobs_of
from bachlit.errors import ScoreError
from bachlit.scores import read_chorale, read_melody

BOOK = """X:1
T:One
M:2/4
L:1/4
K:C
c d|e c|]

X:2
T:The other/one!
M:3/4
L:1/4
K:G
G A B|c2 B|]

X:3
T:one
M:2/4
L:1/4
K:F
F A|c F|]
"""

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own", "with_a_small_default")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "book.abc").write_text(BOOK)
    return tmp_path / "book.abc"


def test_each_tune_of_a_book_gets_its_own_files(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonize", str(book), "--decoder", "Greedy"]) == 0
    names = {path.name for path in Path("book-harmonized").iterdir()}
    assert names == {f"{name}.{end}" for name in ("1-one", "2-the-other-one", "3-one") for end in ("musicxml", "mid")}
    for number, name in (("1", "1-one"), ("2", "2-the-other-one")):
        tune = read_melody(book, tune=number)
        written = read_chorale(f"book-harmonized/{name}.musicxml")
        assert written.pitches[:, 0].tolist() == tune.pitches[:, 0].tolist()
        assert (written.title, written.time_signature, written.key) == (tune.title, tune.time_signature, tune.key)
    table = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in table if row.startswith("book")] == ["book.abc,"] * 3


@pytest.mark.parametrize(("typed", "title"), [("2", "The other/one!"), ("the OTHER", "The other/one!"), ("One", "One")])
def test_a_tune_is_chosen_by_number_or_title(book: Path, typed: str, title: str) -> None:
    assert main(["harmonize", str(book), "--tune", typed, "--decoder", "Greedy", "--output", "x.musicxml"]) == 0
    assert read_chorale("x.musicxml").title == title


def test_a_tune_that_is_not_there_is_refused(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonize", str(book), "--tune", "4"]) == 2
    assert "has no tune '4'; expected a number or a title of its 3: 1 One; 2 The other/one!; 3 one; correct --tune" in (
        capsys.readouterr().err
    )


FATAL = """
import os, signal
from bachlit.decoding import Greedy

class Fatal(Greedy):
    def decode(self, model, prompt, generator):
        if prompt.allowed.shape[1] > 5 * 16 * 16:  # a tune of more than 16 bars
            os.kill(os.getpid(), signal.SIGKILL)
        return super().decode(model, prompt, generator)
"""

STUCK = """
from bachlit.decoding import Greedy
from bachlit.errors import DeadEndError

class Stuck(Greedy):
    def decode(self, model, prompt, generator):
        if prompt.allowed.shape[1] > 5 * 16 * 16:
            raise DeadEndError("nothing is left", len(prompt.allowed) - 1, 1)
        return super().decode(model, prompt, generator)
"""


def test_workers_write_as_one_by_one_and_a_killed_one_stops_none(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that died took those of all other tunes with it."""
    Path("fatal.py").write_text(FATAL)
    Path("songs").mkdir()
    shutil.copy(TWINKLE, "songs/a.musicxml")
    Path("songs/long.musicxml").write_text(score([line(" ".join(["C5 D5 E5 F5"] * 17))]))
    Path("songs/notes.txt").write_text("no score")
    Path("b.musicxml").write_text(score([line("C5 D5 E5 F5")]))
    options = ["--decoder", "fatal.Fatal", "--checkpoint", str(saved)]
    assert main(["harmonize", "songs", "b.musicxml", "--workers", "2", *options]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith("bachlit: 1 of 3 tunes could not be harmonised")
    rows = [row.split()[0] for row in said.out.splitlines() if ".musicxml" in row.split(" ")[0]]
    assert rows == ["a.musicxml", "long.musicxml", "b.musicxml"]
    assert "long.musicxml not written The process that harmonised it was killed" in " ".join(said.out.split())
    for path, name in (("songs/a.musicxml", "a"), ("b.musicxml", "b")):
        assert main(["harmonize", path, "--output", "alone.musicxml", *options]) == 0
        assert Path(f"harmonized/{name}.musicxml").read_bytes() == Path("alone.musicxml").read_bytes()


@pytest.mark.parametrize("decoder", ["Greedy", "stuck.Stuck"])
def test_tunes_together_are_written_as_one_by_one(decoder: str, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also beside one that ends the decoding of all."""
    Path("stuck.py").write_text(STUCK)
    Path("long.musicxml").write_text(score([line(" ".join(["C5 D5 E5 F5"] * 17))]))
    failed = decoder != "Greedy"
    assert main(["harmonize", "long.musicxml", str(book), "--decoder", decoder]) == 2 * failed
    assert Path("harmonized/long.musicxml").exists() != failed
    assert ("The soprano of long at bar 1 (frame 0) has no note" in " ".join(capsys.readouterr().out.split())) == failed
    for number, name in (("1", "1-one"), ("2", "2-the-other-one"), ("3", "3-one")):
        assert main(["harmonize", str(book), "--tune", number, "--output", "alone/tune", "--decoder", "Greedy"]) == 0
        for ending in ("musicxml", "mid"):
            together, alone = Path(f"harmonized/book-{name}.{ending}"), Path(f"alone/tune.{ending}")
            assert together.read_bytes() == alone.read_bytes()


def test_a_tune_that_fails_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.abc").write_text("X:1\nK:C\n[C|]\n")
    Path("low.musicxml").write_text(score([note("C3", 16)]))
    assert main(["harmonize", "bad.abc", "low.musicxml", "--decoder", "Greedy", "--output", "out/"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == (
        "bachlit: 1 of 2 tunes could not be harmonised; the table says why; the others are written."
    )
    assert sorted(path.name for path in Path("out").iterdir()) == ["low.mid", "low.musicxml"]
    table = " ".join(said.out.split())
    assert "bad.abc not written" in table
    assert "1 octave below" in table


def test_several_tunes_do_not_fit_into_one_file(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonize", str(book), "--output", "all.musicxml"]) == 2
    assert "3 tunes don't fit into all.musicxml; expected a folder; name one with --output" in capsys.readouterr().err
    assert not Path("all.musicxml").exists()


def test_names_of_files_differ_whatever_their_case(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ("Tune.abc" if folder == "one" else "tune.abc")).write_text(BOOK.partition("\n\n")[0])
    jobs = jobs_of([tmp_path / "one", tmp_path / "two"], None)
    assert [job.name for job in jobs] == ["Tune", "tune-2"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"holds no scores; expected files in one of \.musicxml"):
        jobs_of([tmp_path], None)


def test_workers_that_are_none_are_refused(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonize", str(book), "--workers", "0"]) == 2
    assert "0 workers can't harmonise; expected at least 1; set --workers" in capsys.readouterr().err


def test_a_file_that_can_not_be_read_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    Path("songs/deep").mkdir(parents=True)
    Path("songs/empty.mid").write_bytes(b"")
    Path("songs/deep/good.musicxml").write_text(score([note("C5", 16)]))
    assert main(["harmonize", "songs", "--decoder", "Greedy"]) == 2
    table = " ".join(capsys.readouterr().out.split())
    assert "empty.mid not written" in table
    assert Path("songs-harmonized/good.musicxml").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", ""], "--output names nothing; expected a file, a folder or a name"),
        (["--tune", "2"], "holds a single piece; expected a book of tunes in ABC for --tune"),
        (["--workers", "0"], "0 workers can't harmonise"),
    ],
)
def test_options_that_name_nothing_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["harmonize", str(TWINKLE), *words]) == 2
    assert message in capsys.readouterr().err
