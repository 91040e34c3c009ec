"""Store of listeners' answers: an SQLite database that only grows."""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple, get_args

from bachlit.errors import BachlitError

Task = Literal["harmonisation", "composition", "catch"]
"""Task of a pair of clips: whose harmonies, whose piece, or whether anyone listens."""

TASKS: tuple[Task, ...] = get_args(Task)

AGES = ("under 18", "18 to 25", "26 to 45", "46 to 60", "over 60", "unsaid")
"""Age bands of listeners."""

EXPERIENCES = ("listener", "player", "student", "professional", "unsaid")
"""Experience of listeners: none, an instrument, lessons in harmony or composition, a profession."""

_FORMAT = b"SQLite format 3\0"
_HEADER = 100  # bytes
_APPLICATION, _VERSION = 0x6261_6368, 1  # "bach"
_APPLICATION_AT, _VERSION_AT = 68, 60  # bytes of a database's header
_WAIT = 30.0  # seconds for other processes

_SCHEMA = f"""
CREATE TABLE answers (
    session TEXT NOT NULL, question TEXT NOT NULL,
    task TEXT NOT NULL CHECK (task IN {TASKS}),
    pair TEXT NOT NULL, model TEXT NOT NULL, decoder TEXT NOT NULL, seed INTEGER NOT NULL,
    bach INTEGER NOT NULL CHECK (bach IN (0, 1)),
    choice INTEGER NOT NULL CHECK (choice IN (0, 1)),
    known INTEGER NOT NULL CHECK (known IN (0, 1)),
    age TEXT NOT NULL CHECK (age IN {AGES}),
    experience TEXT NOT NULL CHECK (experience IN {EXPERIENCES}),
    asked TEXT NOT NULL, answered TEXT NOT NULL,
    PRIMARY KEY (session, question)
);
CREATE TRIGGER kept_once BEFORE INSERT ON answers
WHEN EXISTS (SELECT 1 FROM answers WHERE session = NEW.session AND question = NEW.question)
BEGIN SELECT RAISE(ABORT, 'answered already'); END;
CREATE TRIGGER kept_as_is BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'answers are never changed'); END;
CREATE TRIGGER kept_for_good BEFORE DELETE ON answers BEGIN SELECT RAISE(ABORT, 'answers are never deleted'); END;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""


class AnswersError(BachlitError):
    """File that isn't a database of answers, or can't be used."""


class Answer(NamedTuple):
    """A listener's answer to a question; who it was isn't known.

    Attributes:
        session: Random id of the listener's session.
        question: Random id of the question.
        task: What was asked.
        pair: Bach's piece with its frames, and what it was compared with.
        model: The model that wrote the other clip.
        decoder: Its decoder with all options, as JSON.
        seed: Its random seed.
        bach: Side of Bach's clip: 0 the first, 1 the second.
        choice: Side that the listener took for Bach's.
        known: Whether the listener knew the piece.
        age: Age band, one of `AGES`.
        experience: One of `EXPERIENCES`.
        asked: When the question was given, in UTC.
        answered: When it was answered, in UTC.
    """

    session: str
    question: str
    task: Task
    pair: str
    model: str
    decoder: str
    seed: int
    bach: int
    choice: int
    known: bool
    age: str
    experience: str
    asked: str
    answered: str

    @property
    def right(self) -> bool:
        """Check whether the listener found Bach."""
        return self.choice == self.bach


_INSERT = f"INSERT INTO answers ({', '.join(Answer._fields)}) VALUES ({', '.join('?' * len(Answer._fields))})"
_SELECT = f"SELECT {', '.join(Answer._fields)} FROM answers ORDER BY rowid"


class Store:
    """Database of answers, open for adding; several threads and processes may add at once.

    Args:
        path: The file; made if it doesn't exist.

    Raises:
        AnswersError: If it is something else, which stays as it is, or can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        if path.exists():
            _refuse_foreign(path)
        try:
            self._connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
            try:
                _make(self._connection)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise AnswersError(
                f"Answers can't be kept in {path} ({error}); expected a place that can be written; choose another."
            ) from error

    def add(self, answer: Answer) -> bool:
        """Keep an answer for good; false if its question was answered before.

        Raises:
            AnswersError: If it can't be written, as when the disk is full.
        """
        try:
            with self._lock:
                self._connection.execute(_INSERT, answer)
        except sqlite3.IntegrityError as error:
            if "answered already" in str(error) or "UNIQUE" in str(error):
                return False
            raise
        except sqlite3.Error as error:
            raise AnswersError(f"The answer couldn't be kept ({error}); expected it on disk; send it again.") from error
        return True

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()


def read_answers(path: Path) -> list[Answer]:
    """Read all answers of a database, in the order of their coming.

    Raises:
        AnswersError: If there is none, it is something else, or damaged.
    """
    if not path.is_file():
        raise AnswersError(
            f"There is no file {path}; expected a database of answers, which `bachlit serve --challenge true` makes; "
            "correct its name."
        )
    _refuse_foreign(path)
    place = path.absolute().as_uri()
    for mode in ("?mode=ro", "?immutable=1"):  # the second where nothing can be written beside the file
        try:
            with closing(sqlite3.connect(place + mode, timeout=_WAIT, uri=True)) as connection:
                rows = connection.execute(_SELECT).fetchall()
            return [Answer(*row)._replace(known=bool(row[Answer._fields.index("known")])) for row in rows]
        except sqlite3.OperationalError as error:
            reason: sqlite3.Error = error
        except sqlite3.DatabaseError as error:
            reason = error
            break
    raise AnswersError(f"{path} can't be read ({reason}); expected a whole database of answers.") from reason


def _refuse_foreign(path: Path) -> None:
    """Refuse what isn't a database of answers, by its first bytes; an empty file is a new one."""
    try:
        header = b"?"
        if path.is_file() or path.is_dir():  # opening a pipe waits for whoever writes into it
            with path.open("rb") as file:
                header = file.read(_HEADER)
    except OSError as error:
        raise AnswersError(
            f"{path} can't be read ({error.strerror}); expected a database of answers or a new file; choose another."
        ) from error
    application, version = (int.from_bytes(header[at : at + 4]) for at in (_APPLICATION_AT, _VERSION_AT))
    if header and not (header.startswith(_FORMAT) and (application, version) == (_APPLICATION, _VERSION)):
        raise AnswersError(
            f"{path} is no database of answers, and stays as it is; expected one that bachlit made, or a new file; "
            "choose another."
        )


def _make(connection: sqlite3.Connection) -> None:
    """Make the table in a new database; one of several processes is first."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if not version:
            # Not `executescript`, which would commit first.
            for statement in _statements(_SCHEMA):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    for _ in range(100):  # switching doesn't wait for others that switch
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            connection.execute("SELECT count(*) FROM answers").fetchone()
    raise sqlite3.OperationalError("others keep it locked")


def _statements(script: str) -> list[str]:
    """Split a script after each whole statement."""
    statements, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            statements.append(begun)
            begun = ""
    return statements
