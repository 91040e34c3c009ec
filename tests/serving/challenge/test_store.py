"""Answers are kept once, for good, whoever else writes, and nothing else is written into."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sizes import size

from bachlit.serving.challenge.store import Answer, AnswersError, Store, read_answers

ANSWER = Answer("s", "q", "composition", "a and b", "bachlit", "{}", 3, 0, 1, True, "unsaid", "player", "now", "then")
WRITER = """
import sys
from pathlib import Path
from bachlit.serving.challenge.store import Answer, Store

store = Store(Path("answers.db"))
for number in range(int(sys.argv[2])):
    answer = Answer(sys.argv[1], str(number), "catch", "", "", "", 0, 0, 1, False, "unsaid", "unsaid", "", "")
    assert store.add(answer) and not store.add(answer)
"""


def test_four_processes_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """The first of them makes the table, whichever it is."""
    num = size(200, 50)  # a disk takes milliseconds for each
    command = [sys.executable, "-P", "-c", WRITER]
    writers = [subprocess.Popen([*command, str(number), str(num)], cwd=tmp_path) for number in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    kept = [(answer.session, int(answer.question)) for answer in read_answers(tmp_path / "answers.db")]
    assert sorted(kept) == [(str(number), question) for number in range(4) for question in range(num)]


def test_answers_come_back_as_given(tmp_path: Path) -> None:
    store = Store(tmp_path / "answers.db")
    assert store.add(ANSWER)
    assert read_answers(tmp_path / "answers.db") == [ANSWER]  # while it is open
    store.close()
    assert read_answers(tmp_path / "answers.db") == [ANSWER]
    assert not Store(tmp_path / "answers.db").add(ANSWER._replace(choice=0))
    assert read_answers(tmp_path / "answers.db") == [ANSWER]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE answers SET choice = 0",
        "DELETE FROM answers",
        "INSERT OR REPLACE INTO answers SELECT * FROM answers",
        "INSERT INTO answers SELECT * FROM answers",
    ],
)
def test_what_was_answered_stays(tmp_path: Path, statement: str) -> None:
    Store(tmp_path / "answers.db").add(ANSWER)
    connection = sqlite3.connect(tmp_path / "answers.db")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()
    assert read_answers(tmp_path / "answers.db") == [ANSWER]


def test_an_answer_that_is_none_is_no_answer(tmp_path: Path) -> None:
    store = Store(tmp_path / "answers.db")
    with pytest.raises(sqlite3.IntegrityError):
        store.add(ANSWER._replace(choice=2))
    assert read_answers(tmp_path / "answers.db") == []


def test_other_files_are_refused_and_not_touched(tmp_path: Path) -> None:
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("CREATE TABLE answers (mine)")
    foreign.commit()
    foreign.close()
    (tmp_path / "tune.mid").write_bytes(b"MThd" + bytes(200))
    (tmp_path / "folder").mkdir()
    for name in ("foreign.db", "tune.mid", "folder"):
        path = tmp_path / name
        before = path.read_bytes() if path.is_file() else b""
        for opening in (Store, read_answers):
            with pytest.raises(AnswersError, match="expected"):
                opening(path)
        assert (path.read_bytes() if path.is_file() else b"") == before
    assert {path.name for path in tmp_path.iterdir()} == {"foreign.db", "tune.mid", "folder"}
    with pytest.raises(AnswersError, match="can't be kept"):
        Store(tmp_path / "nowhere" / "answers.db")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AnswersError, match="is no database"):
        Store(tmp_path / "pipe")


def test_a_damaged_database_is_reported_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    store = Store(path)
    store.add(ANSWER)
    store.close()
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(AnswersError, match="can't be read"):
        read_answers(path)
