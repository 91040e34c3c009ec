"""Listeners' sessions: questions drawn at random, clips behind opaque names, each question answered once."""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import SystemRandom, randbelow, token_urlsafe
from typing import NamedTuple

from bachlit.serving.challenge.clips import Pair
from bachlit.serving.challenge.store import AGES, EXPERIENCES, Answer, Task
from bachlit.serving.refusals import RefusedError

NUM_QUESTIONS: dict[Task, int] = {"harmonisation": 5, "composition": 5, "catch": 1}
"""Questions of a session, by task."""

_MOST = 2000  # sessions, each of some kilobytes: clips are shared
_SLACK = 1.0  # seconds by which clocks may differ
_LIFETIME = 2 * 3600.0  # seconds after its last request
_LETTERS = 12  # random bytes of a name

_random = SystemRandom()


@dataclass
class Question:
    """A pair of clips put to a listener.

    Attributes:
        pair: The clips.
        bach: Side of Bach's, by a coin of its own.
        name: Opaque name.
        clips: Opaque names of the first and the second clip.
        fetched: Sides that the listener has fetched.
        asked: When it was put, in UTC; empty before.
        since: The same by the sessions' clock.
        choice: Side that was chosen; None before.
        known: Whether the listener knew the piece.
    """

    pair: Pair
    bach: int = field(default_factory=lambda: randbelow(2))
    name: str = field(default_factory=lambda: token_urlsafe(_LETTERS))
    clips: tuple[str, str] = field(default_factory=lambda: (token_urlsafe(_LETTERS), token_urlsafe(_LETTERS)))
    fetched: set[int] = field(default_factory=set)
    asked: str = ""
    since: float = 0.0
    choice: int | None = None
    known: bool = False

    @property
    def shown(self) -> Task:
        """Task for the page, where a catch poses as a harmonisation."""
        return "harmonisation" if self.pair.task == "catch" else self.pair.task

    def sound(self, side: int) -> bytes:
        """Clip of a side."""
        return self.pair.bach if side == self.bach else self.pair.other


@dataclass
class Session:
    """A listener's questions.

    Attributes:
        age: Age band.
        experience: Musical experience.
        questions: In the order in which they are put.
        name: Opaque name.
        used: Time of the last request.
    """

    age: str
    experience: str
    questions: list[Question]
    name: str = field(default_factory=lambda: token_urlsafe(_LETTERS))
    used: float = 0.0

    @property
    def answered(self) -> int:
        """Number of answered questions: they are answered in order."""
        return sum(question.choice is not None for question in self.questions)

    @property
    def current(self) -> Question | None:
        """The question that is to be answered; None at the end."""
        return next((question for question in self.questions if question.choice is None), None)


class Verdict(NamedTuple):
    """Result of a session, without its catch."""

    right: int
    num: int


class Sessions:
    """All sessions, and the pairs that they draw from; in memory.

    Args:
        clock: Time in seconds.
        most: Number of sessions at once.
        lifetime: Seconds after its last request in which a session lives.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, most: int = _MOST, lifetime: float = _LIFETIME
    ) -> None:
        self._clock, self._most, self._lifetime = clock, most, lifetime
        self._pairs: defaultdict[Task, list[Pair]] = defaultdict(list)
        self._sessions: OrderedDict[str, Session] = OrderedDict()  # the one that rests longest first
        self._clips: dict[str, tuple[Question, int]] = {}

    def add(self, pair: Pair) -> None:
        """Add a pair for later sessions."""
        self._pairs[pair.task].append(pair)

    @property
    def num_ready(self) -> int:
        """Number of ready pairs, of each task at most a session's."""
        return sum(min(len(self._pairs[task]), num) for task, num in NUM_QUESTIONS.items())

    def begin(self, age: str, experience: str) -> Session:
        """Begin a session.

        Args:
            age: One of `AGES`.
            experience: One of `EXPERIENCES`.

        Raises:
            RefusedError: If these are others, too few pairs are ready, or too many listeners are here.
        """
        for name, value, known in (("age", age, AGES), ("experience", experience, EXPERIENCES)):
            if value not in known:
                raise RefusedError("invalid", f"The {name} is unknown; expected one of {', '.join(known)}; choose one.")
        questions = self._drawn()
        if questions is None:
            raise RefusedError(
                "busy",
                f"Clips are being prepared: {self.num_ready} of {sum(NUM_QUESTIONS.values())} pairs are ready; "
                "expected all of them in a minute or two; try again then.",
            )
        self._make_room()
        session = Session(age, experience, questions, used=self._clock())
        self._sessions[session.name] = session
        return session

    def find(self, name: str) -> Session:
        """Find a session that lives.

        Raises:
            RefusedError: If there is none of that name.
        """
        self._expire()
        session = self._sessions.get(name)
        if session is None:
            raise RefusedError("not_found", "This session has ended; expected one that is going on; start anew.")
        session.used = self._clock()
        self._sessions.move_to_end(name)
        return session

    def ask(self, session: Session) -> Question | None:
        """Put the next question, or the same again until it is answered; None after the last."""
        question = session.current
        if question is not None and not question.asked:
            question.asked, question.since = now(), self._clock()
            self._clips |= {name: (question, side) for side, name in enumerate(question.clips)}
        return question

    def clip(self, name: str) -> bytes:
        """Fetch a clip of an open question.

        Raises:
            RefusedError: If there is none of that name.
        """
        self._expire()
        if name not in self._clips:
            raise RefusedError(
                "not_found", "There is no such clip; expected one of the question put; ask for it again."
            )
        question, side = self._clips[name]
        question.fetched.add(side)
        return question.sound(side)

    def answering(self, session: Session, question: str, choice: int, known: bool) -> Answer | None:
        """Make the answer to keep; None for a repetition of one.

        Raises:
            RefusedError: If it isn't the question put, its clips can't have been heard, or it was answered otherwise.
        """
        asked = next((one for one in session.questions if one.asked and one.name == question), None)
        if asked is None:
            raise RefusedError("invalid", "This isn't the question put; expected an answer to that; ask for it again.")
        if asked.choice is not None:
            if (asked.choice, asked.known) == (choice, known):
                return None
            raise RefusedError("invalid", "This question is answered already; expected one answer; go on to the next.")
        if asked.fetched != {0, 1}:
            raise RefusedError("invalid", "One clip wasn't heard; expected an answer after both; hear them first.")
        pair = asked.pair
        if self._clock() < asked.since + 2 * pair.seconds - _SLACK:
            raise RefusedError(
                "invalid", "The clips last longer than that; expected an answer after both; hear them to their ends."
            )
        return Answer(
            session=session.name,
            question=asked.name,
            task=pair.task,
            pair=pair.name,
            model=pair.model,
            decoder=pair.decoder,
            seed=pair.seed,
            bach=asked.bach,
            choice=choice,
            known=known,
            age=session.age,
            experience=session.experience,
            asked=asked.asked,
            answered=now(),
        )

    def settle(self, session: Session, answer: Answer) -> None:
        """Note that an answer is kept; close its clips."""
        question = next(one for one in session.questions if one.name == answer.question)
        question.choice, question.known = answer.choice, answer.known
        for name in question.clips:
            self._clips.pop(name, None)

    def _drawn(self) -> list[Question] | None:
        """Draw pairs of different tunes in random order, the catch anywhere; None if there aren't enough."""
        drawn: list[Pair] = []
        for task, num in NUM_QUESTIONS.items():
            ready = self._pairs[task].copy()
            _random.shuffle(ready)
            chosen: list[Pair] = []
            for pair in ready:
                if len(chosen) < num and all(pair.tune != other.tune for other in [*drawn, *chosen]):
                    chosen.append(pair)
            if len(chosen) < num:
                return None
            drawn += chosen
        _random.shuffle(drawn)
        return [Question(pair) for pair in drawn]

    def _expire(self) -> None:
        while self._sessions:
            first = next(iter(self._sessions.values()))
            if first.used + self._lifetime > self._clock():
                return
            self._end(first)

    def _make_room(self) -> None:
        """End old sessions; where there are too many, one in which nothing was answered yet."""
        self._expire()
        if len(self._sessions) >= self._most:
            idle = next((one for one in self._sessions.values() if not one.answered), None)
            if idle is None:
                raise RefusedError("busy", "Too many listeners are here; expected fewer; try again in some minutes.")
            self._end(idle)

    def _end(self, session: Session) -> None:
        del self._sessions[session.name]
        for question in session.questions:
            for name in question.clips:
                self._clips.pop(name, None)


def verdict(session: Session) -> Verdict:
    """Count the right answers of a session, without the catch."""
    counted = [one for one in session.questions if one.pair.task != "catch"]
    return Verdict(sum(one.choice == one.bach for one in counted), len(counted))


def now() -> str:
    """Give the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
