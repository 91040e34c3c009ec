"""Count how often listeners found Bach, beside BachBot's published figures."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bachlit.errors import BachlitError
from bachlit.serving.challenge.intervals import Interval, interval
from bachlit.serving.challenge.store import AGES, EXPERIENCES, Answer, Task

EVERYONE = "everyone"
"""The group of all listeners."""

TITLES: Mapping[Task, str] = {"composition": "free composition", "harmonisation": "soprano given"}
"""The tasks as they are printed."""


class Published(NamedTuple):
    """A figure of BachBot's listening test (Liang, *BachBot*, MPhil thesis, Cambridge 2016).

    Attributes:
        title: What was compared with Bach.
        low: Share of right answers, the lowest where there is a range.
        high: The highest.
    """

    title: str
    low: float
    high: float


BACHBOT = (
    Published("free composition", 0.59, 0.59),
    Published("soprano given", 0.67, 0.67),
    Published("soprano and bass given", 0.73, 0.76),
)
"""BachBot's figures: 3,605 answers of 721 listeners for the first."""


class Share(NamedTuple):
    """Share of right answers in a group.

    Attributes:
        task: What was asked.
        by: What groups listeners: all in one, experience or age.
        group: The group.
        listeners: Number of listeners.
        answers: Number of answers.
        right: Number of right ones.
        interval: Of the share, 95 %.
    """

    task: Task
    by: str
    group: str
    listeners: int
    answers: int
    right: int
    interval: Interval

    @property
    def share(self) -> float:
        """Right answers of all."""
        return self.right / self.answers


class Report(NamedTuple):
    """Result of a listening test.

    Attributes:
        listeners: Number of listeners.
        answers: Number of their answers, catches aside.
        catches: Number of answered catches.
        missed: Number of listeners who took a catch for Bach.
        known: Number of answers on pieces that the listener knew.
        models: The models that were heard.
        shares: Without listeners who missed the catch and without known pieces: by task, then by experience and age.
        with_all: The shares by task of all answers.
    """

    listeners: int
    answers: int
    catches: int
    missed: int
    known: int
    models: tuple[str, ...]
    shares: tuple[Share, ...]
    with_all: tuple[Share, ...]

    def described(self) -> dict[str, Any]:
        """Describe it as plain data."""
        return {
            **self._asdict(),
            "models": list(self.models),
            "shares": [_described(share) for share in self.shares],
            "with_all": [_described(share) for share in self.with_all],
            "bachbot": [one._asdict() for one in BACHBOT],
        }


def report_on(answers: Sequence[Answer]) -> Report:
    """Count answers.

    Args:
        answers: Of a database.

    Raises:
        BachlitError: If nothing was answered yet.
    """
    judged = [answer for answer in answers if answer.task != "catch"]
    if not judged:
        raise BachlitError("No question is answered yet; expected answers to count; let somebody listen first.")
    catches = [answer for answer in answers if answer.task == "catch"]
    missed = {answer.session for answer in catches if not answer.right}
    counted = [answer for answer in judged if answer.session not in missed and not answer.known]
    return Report(
        listeners=len({answer.session for answer in answers}),
        answers=len(judged),
        catches=len(catches),
        missed=len(missed),
        known=sum(answer.known for answer in judged),
        models=tuple(sorted({answer.model for answer in judged})),
        shares=(
            *_shares(counted, "listeners", lambda _: EVERYONE, (EVERYONE,)),
            *_shares(counted, "experience", lambda answer: answer.experience, EXPERIENCES),
            *_shares(counted, "age", lambda answer: answer.age, AGES),
        ),
        with_all=tuple(_shares(judged, "listeners", lambda _: EVERYONE, (EVERYONE,))),
    )


def _shares(
    answers: Sequence[Answer], by: str, group_of: Callable[[Answer], str], groups: Sequence[str]
) -> list[Share]:
    """Compute the share of each task and group that has answers."""
    shares = []
    for task in TITLES:
        for group in groups:
            some = [answer for answer in answers if answer.task == task and group_of(answer) == group]
            if some:
                given = Counter(answer.session for answer in some)
                right = Counter(answer.session for answer in some if answer.right)
                ends = interval([right[session] for session in given], list(given.values()))
                shares.append(Share(task, by, group, len(given), len(some), right.total(), ends))
    return shares


def _described(share: Share) -> dict[str, Any]:
    return {**share._asdict(), "share": share.share, "interval": share.interval._asdict()}
