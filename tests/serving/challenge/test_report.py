"""The report counts what listeners found, and leaves out what it says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bachlit.__main__ import main
from bachlit.serving.challenge.report import report_on
from bachlit.serving.challenge.store import Answer, Store, Task

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def answered(session: str, task: Task, marks: str, *, known: str = "", **listener: str) -> Iterator[Answer]:
    """A listener's answers to a task: + for right, - for wrong; places in `known` of pieces that were known."""
    for number, mark in enumerate(marks):
        listening = {"age": "unsaid", "experience": "player"} | listener
        yield Answer(
            *(session, f"{task}-{number}", task, "a and b", "toy 1", "{}", 0, 1, int(mark == "+")),
            *(str(number) in known, *listening.values(), "now", "then"),
        )


LISTENERS = [
    *answered("a", "composition", "++-", known="0"),
    *answered("a", "harmonisation", "+-"),
    *answered("a", "catch", "+"),
    *answered("b", "composition", "+++-", age="over 60", experience="student"),
    *answered("c", "composition", "----"),
    *answered("c", "catch", "-"),
]


def test_shares_leave_out_known_pieces_and_missed_catches() -> None:
    found = report_on(LISTENERS)
    counts = {(one.task, one.group): (one.listeners, one.answers, one.right) for one in found.shares}
    assert counts == {
        ("composition", "everyone"): (2, 6, 4),
        ("harmonisation", "everyone"): (1, 2, 1),
        ("composition", "player"): (1, 2, 1),
        ("composition", "student"): (1, 4, 3),
        ("harmonisation", "player"): (1, 2, 1),
        ("composition", "over 60"): (1, 4, 3),
        ("composition", "unsaid"): (1, 2, 1),
        ("harmonisation", "unsaid"): (1, 2, 1),
    }
    assert [(one.task, one.answers, one.right) for one in found.with_all] == [
        ("composition", 11, 5),
        ("harmonisation", 2, 1),
    ]
    assert found[:5] == (3, 13, 2, 1, 1)
    assert all(one.interval.low < one.share < one.interval.high for one in (*found.shares, *found.with_all))


def test_a_listener_who_missed_the_catch_alone_leaves_nothing() -> None:
    found = report_on([*answered("c", "composition", "++"), *answered("c", "catch", "-")])
    assert found.shares == ()
    assert found.with_all[0].right == 2


def kept(answers: list[Answer]) -> Path:
    path = Path("answers.db")
    store = Store(path)
    assert all(map(store.add, answers))
    store.close()
    return path


def test_the_command_prints_a_table_beside_bachbots(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["challenge", "report", str(kept(LISTENERS))]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert any(row.startswith("free composition everyone 2 6 67%") for row in rows)
    assert "free composition BachBot, 2016 59% published" in rows
    assert "soprano and bass given BachBot, 2016 73% to 76% published" in rows
    assert "Left out: 1 listeners who missed the catch, of 2 who heard it; 1 answers on pieces" in " ".join(rows)
    assert max(map(len, lines)) <= 120


def test_the_command_prints_json_and_draws(capsys: pytest.CaptureFixture[str]) -> None:
    path = kept(LISTENERS)
    assert main(["challenge", "report", str(path), "--json", "--plot", "shares.svg"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shares"][0]["share"] == pytest.approx(4 / 6)
    assert {*found["shares"][0]["interval"]} == {"low", "high", "method"}
    assert found["bachbot"][1] == {"title": "soprano given", "low": 0.67, "high": 0.67}
    drawn = Path("shares.svg").read_text()
    assert "free composition (2 listeners)" in drawn
    assert "BachBot, soprano given" in drawn
    assert main(["challenge", "report", str(path), "--plot", "shares.png"]) == 0
    assert Path("shares.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["challenge", "report", str(path), "--plot=shares.svg"]) == 0  # its own picture is replaced
    assert Path("shares.svg").read_text() == drawn


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["report", "missing.db"], "There is no file missing.db"),
        (["report", "tune.mid"], "no database of answers"),
        (["report", "empty.db"], "No question is answered yet"),
        (["report", "empty.db", "--plot", "x.pdf"], "expected --plot to end in .png or .svg"),
        (["report", "empty.db", "--plot", "empty.db"], "expected --plot to end in .png or .svg"),
        (["report", "empty.db", "--plot", "mine.png"], "add --overwrite"),
        (["count"], "expected bachlit challenge report FILE.db"),
        ([], "expected bachlit challenge report FILE.db"),
    ],
)
def test_what_cant_be_reported_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tune.mid").write_bytes(b"MThd" + bytes(200))
    Path("mine.png").write_bytes(b"mine")
    Store(Path("empty.db")).close()
    assert main(["challenge", *words]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert sentence in told.err
